"""The AWS IAM login on a real Vault, which sends the signed request to an STS that checks the signature."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    MissingDependencyError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.hcv import HcvStrategy
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.ports import free_port
from tests.servers.vault_server import VaultServer
from tests.strategies.fake_aws import GATEWAY, REGION, ROLE, VAULT, FakeAws
from tests.strategies.fake_http import Answered
from tests.strategies.hcv_auth_mounts import SECRET, AuthMount, auth_mount, read

pytestmark = pytest.mark.real("vault")

_ENVIRONMENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE", "AWS_REGION")


class Gateway:
    """A user of AWS, and a role in Vault that admits it."""

    def __init__(self, mount: AuthMount, aws: FakeAws) -> None:
        self.mount = mount
        self.aws = aws
        mount.write(
            "config/client", access_key=VAULT.access, secret_key=VAULT.secret, sts_endpoint=aws.url, sts_region=REGION
        )
        self.admit(GATEWAY.arn)

    def admit(self, arn: str) -> None:
        self.mount.write_role("role/kong", auth_type="iam", bound_iam_principal_arn=[arn], resolve_aws_unique_ids=False)

    def strategy(self, **options: object) -> HcvStrategy:
        defaults = {
            "auth_method": "aws_iam",
            "aws_auth_role": "kong",
            "aws_login_path": f"/v1/auth/{self.mount.path}/login",
            "aws_auth_region": REGION,
            "aws_access_key_id": GATEWAY.access,
            "aws_secret_access_key": GATEWAY.secret,
        }
        return self.mount.strategy(**defaults | options)

    def strategy_by_chain(self, **options: object) -> HcvStrategy:
        return self.strategy(**{"aws_access_key_id": None, "aws_secret_access_key": None} | options)


@pytest.fixture
def gateway(vault: VaultServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    for name in _ENVIRONMENT:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with FakeAws() as aws, auth_mount(vault, "aws") as mount:
        yield Gateway(mount, aws)


def _error(strategy: HcvStrategy, kind: type[VaultError]) -> str:
    with pytest.raises(kind) as caught:
        read(strategy)
    text = str(caught.value)
    assert text.isprintable()
    assert "canary" not in text
    return text


def test_configured_keys_sign(gateway: Gateway) -> None:
    strategy = gateway.strategy()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    gateway.mount.revoke_tokens()
    assert read(strategy) == SECRET


def test_the_regions_own_sts_is_signed_for(gateway: Gateway) -> None:
    read(gateway.strategy())

    assert gateway.aws.asked[0].headers["host"] == f"sts.{REGION}.amazonaws.com"


def test_another_sts_endpoint_is_signed_for(gateway: Gateway) -> None:
    assert read(gateway.strategy(aws_sts_endpoint_url=gateway.aws.url)) == SECRET

    assert gateway.aws.asked[0].headers["host"] == gateway.aws.address


def test_keys_of_the_environment(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", GATEWAY.access)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", GATEWAY.secret)

    assert read(gateway.strategy_by_chain()) == SECRET


def test_new_keys_in_the_shared_file_are_used_at_the_next_login(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[default]\naws_access_key_id = AKIAGONE\naws_secret_access_key = canary-gone\n")
    strategy = gateway.strategy_by_chain()
    _error(strategy, AuthenticationError)

    file.write_text(f"[default]\naws_access_key_id = {GATEWAY.access}\naws_secret_access_key = {GATEWAY.secret}\n")

    assert read(strategy) == SECRET


def test_the_role_of_an_instance(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"Code": "Success", "AccessKeyId": GATEWAY.access, "SecretAccessKey": GATEWAY.secret}
    keys |= {"Token": None, "Expiration": "2099-01-01T00:00:00Z", "LastUpdated": "2026-01-01T00:00:00Z"}
    folder = "GET /latest/meta-data/iam/security-credentials"
    gateway.aws.routes |= {
        "PUT /latest/api/token": lambda _: Answered(b"imds-session"),
        f"{folder}/": lambda _: Answered(b"gateway"),
        f"{folder}/gateway": lambda _: Answered(json.dumps(keys).encode()),
    }
    monkeypatch.delenv("AWS_EC2_METADATA_DISABLED")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", gateway.aws.url)

    assert read(gateway.strategy_by_chain()) == SECRET


def test_a_role_is_assumed_first(gateway: Gateway) -> None:
    gateway.admit(ROLE)

    strategy = gateway.strategy(aws_sts_endpoint_url=gateway.aws.url, aws_assume_role_arn=ROLE)

    assert read(strategy) == SECRET
    assert gateway.aws.actions[0] == "AssumeRole"
    assert set(gateway.aws.actions[1:]) == {"GetCallerIdentity"}, "which Vault asks, in the role's name"


def test_a_role_that_may_not_be_assumed(gateway: Gateway) -> None:
    strategy = gateway.strategy(aws_sts_endpoint_url=gateway.aws.url, aws_assume_role_arn=f"{ROLE}-other")

    text = _error(strategy, AuthenticationError)

    assert "assuming the IAM role: STS refuses (AccessDenied: " in text
    assert "check 'aws_assume_role_arn'" in text


def test_a_wrong_secret_key_is_refused(gateway: Gateway) -> None:
    text = _error(gateway.strategy(aws_secret_access_key="canary-wrong"), AuthenticationError)

    assert "logging in to Vault by AWS IAM at 'team/aws-" in text
    assert "'use_sts_region_from_client'" in text


def test_another_principal_is_refused(gateway: Gateway) -> None:
    gateway.admit(f"{GATEWAY.arn}-other")

    assert "refused" in _error(gateway.strategy(), AuthenticationError)


def test_no_credentials_at_all(gateway: Gateway) -> None:
    assert "set 'aws_access_key_id'" in _error(gateway.strategy_by_chain(), AuthenticationError)


def test_a_profile_that_is_not_there(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert "finding AWS credentials: The config profile (nobody)" in _error(
        gateway.strategy_by_chain(), AuthenticationError
    )


def test_no_sts_there(gateway: Gateway) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"

    text = _error(gateway.strategy(aws_sts_endpoint_url=nowhere, aws_assume_role_arn=ROLE), UnavailableError)

    assert "'aws_sts_endpoint_url'" in text


def test_sts_in_trouble_is_asked_once(gateway: Gateway) -> None:
    gateway.aws.routes["POST /"] = lambda _: Answered(b"busy", 503)
    strategy = gateway.strategy(aws_sts_endpoint_url=gateway.aws.url, aws_assume_role_arn=ROLE)

    _error(strategy, UnavailableError)

    assert len(gateway.aws.asked) == 1


def test_an_sts_that_throttles_is_unavailable(gateway: Gateway) -> None:
    body = b"<ErrorResponse><Error><Code>Throttling</Code><Message>Rate exceeded</Message></Error></ErrorResponse>"
    gateway.aws.routes["POST /"] = lambda _: Answered(body, 400, {"Content-Type": "text/xml"})
    strategy = gateway.strategy(aws_sts_endpoint_url=gateway.aws.url, aws_assume_role_arn=ROLE)

    assert "STS can't answer now (Throttling: Rate exceeded)" in _error(strategy, UnavailableError)


def test_a_source_of_credentials_that_fails(gateway: Gateway, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\ncredential_process = /bin/false\n")

    assert "finding AWS credentials: Error when retrieving credentials" in _error(
        gateway.strategy_by_chain(), UnavailableError
    )


def test_an_arn_that_is_none(gateway: Gateway) -> None:
    assert "RoleArn" in _error(gateway.strategy(aws_assume_role_arn="kong"), ConfigError)


def test_a_silent_sts_costs_no_more_than_the_deadline(gateway: Gateway) -> None:
    with LoopbackServer(None) as silent:
        where = f"http://{silent.host}:{silent.port}"
        strategy = gateway.strategy(aws_sts_endpoint_url=where, aws_assume_role_arn=ROLE)

        with pytest.raises(StrategyTimeoutError, match="finding AWS credentials took longer"):
            strategy.fetch("redis", None, timeout_s=0.5)


def test_without_botocore_the_remedy_is_told(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "botocore.session", None)

    with pytest.raises(MissingDependencyError, match=r"'botocore.session': pip install 'kong-vault-py\[hcv,aws\]'"):
        read(gateway.strategy())
