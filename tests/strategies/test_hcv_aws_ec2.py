"""The EC2 login on a real Vault, which checks the document's signature and asks an EC2 that is played."""

from __future__ import annotations

import base64
from collections.abc import Iterator

import pytest

from kong_vault_py.errors import AuthenticationError, InvalidResponseError, StrategyTimeoutError, UnavailableError
from kong_vault_py.strategies.hcv import HcvStrategy
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.ports import free_port
from tests.servers.vault_server import VaultServer
from tests.strategies.fake_aws import AMI, VAULT, FakeAws
from tests.strategies.fake_http import Answered
from tests.strategies.fake_instance import FakeInstance
from tests.strategies.hcv_auth_mounts import SECRET, AuthMount, auth_mount, read

pytestmark = pytest.mark.real("vault")

_DOCUMENT = "GET /latest/dynamic/instance-identity/pkcs7"


class Gateway:
    """An instance of EC2, and a role in Vault that admits its image."""

    def __init__(self, mount: AuthMount, aws: FakeAws, instance: FakeInstance) -> None:
        self.mount = mount
        self.instance = instance
        mount.write(
            "config/client", access_key=VAULT.access, secret_key=VAULT.secret, endpoint=aws.url, sts_endpoint=aws.url
        )
        certificate = base64.b64encode(instance.certificate).decode()
        mount.write("config/certificate/region", aws_public_cert=certificate, type="pkcs7")
        self.admit(AMI)

    def admit(self, image: str) -> None:
        self.mount.write_role("role/kong", auth_type="ec2", bound_ami_id=[image])

    def strategy(self, **options: object) -> HcvStrategy:
        defaults = {
            "auth_method": "aws_ec2",
            "aws_auth_role": "kong",
            "aws_login_path": f"/v1/auth/{self.mount.path}/login",
            "aws_auth_nonce": "canary-nonce-1",
        }
        return self.mount.strategy(**defaults | options)


@pytest.fixture
def gateway(vault: VaultServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with FakeAws() as aws, FakeInstance() as instance, auth_mount(vault, "aws") as mount:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"{instance.url}/")
        yield Gateway(mount, aws, instance)


def test_an_instance_reads_by_its_signed_document(gateway: Gateway) -> None:
    strategy = gateway.strategy()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3


def test_the_same_nonce_logs_in_again(gateway: Gateway) -> None:
    strategy = gateway.strategy()
    read(strategy)
    gateway.mount.revoke_tokens()

    assert read(strategy) == SECRET
    assert read(gateway.strategy()) == SECRET, "a restarted gateway on the same instance"


def test_another_nonce_is_refused(gateway: Gateway) -> None:
    read(gateway.strategy())

    with pytest.raises(AuthenticationError, match="by EC2 instance at .*'aws_auth_nonce' is the one of") as caught:
        read(gateway.strategy(aws_auth_nonce="canary-nonce-2"))

    assert "canary" not in str(caught.value)


def test_another_image_is_refused(gateway: Gateway) -> None:
    gateway.admit("ami-somethingelse")

    with pytest.raises(AuthenticationError, match="refused"):
        read(gateway.strategy())


def test_no_metadata_service_there(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UnavailableError, match="no connection to .*; check that this is an EC2 instance"):
        read(gateway.strategy())


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("PUT /latest/api/token", b"two\nlines", "holds no session token"),
        ("PUT /latest/api/token", b"", "holds no session token"),
        (_DOCUMENT, b" \n", "holds no identity document"),
    ],
)
def test_something_else_answers_for_the_metadata_service(gateway: Gateway, path: str, body: bytes, said: str) -> None:
    gateway.instance.routes[path] = lambda _: Answered(body)

    with pytest.raises(InvalidResponseError, match=said):
        read(gateway.strategy())


def test_a_session_that_is_refused(gateway: Gateway) -> None:
    gateway.instance.routes["PUT /latest/api/token"] = lambda _: Answered(b"no-session-of-ours")

    with pytest.raises(AuthenticationError, match="HTTP 401; check that this is an EC2 instance"):
        read(gateway.strategy())


def test_a_silent_metadata_service_costs_no_more_than_the_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(None) as silent:
        monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", f"http://{silent.host}:{silent.port}")

        with pytest.raises(StrategyTimeoutError, match="asking the EC2 metadata service"):
            gateway.strategy().fetch("redis", None, timeout_s=0.3)
