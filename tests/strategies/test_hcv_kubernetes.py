"""The Kubernetes login on a real Vault, which has each token reviewed by a cluster that is played."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvStrategy
from tests.servers.vault_server import VaultServer
from tests.strategies.fake_cluster import FakeCluster
from tests.strategies.hcv_auth_mounts import SECRET, TIMEOUT_S, AuthMount, auth_mount, read

pytestmark = pytest.mark.real("vault")


class Pod:
    """A pod of the service account ``kong`` in the namespace ``gateways``, and the role that admits it."""

    def __init__(self, mount: AuthMount, cluster: FakeCluster, folder: Path) -> None:
        self.mount = mount
        self.cluster = cluster
        self.file = folder / "token"
        mount.write(
            "config",
            kubernetes_host=cluster.url,
            token_reviewer_jwt=cluster.reviewer,
            disable_local_ca_jwt=True,
        )
        self.admit()
        self.project(cluster.token("gateways", "kong"))

    def admit(self, **options: str) -> None:
        names = {"bound_service_account_names": "kong", "bound_service_account_namespaces": "gateways"}
        self.mount.write_role("role/kong", **names | options)

    def project(self, token: str) -> None:
        """Put a new token into the pod's file, as the kubelet does."""
        self.file.write_text(f"{token}\n")

    def strategy(self, **options: object) -> HcvStrategy:
        defaults = {
            "auth_method": "kubernetes",
            "kube_role": "kong",
            "kube_auth_path": f"/{self.mount.path}/",
            "kube_api_token_file": str(self.file),
        }
        return self.mount.strategy(**defaults | options)


@pytest.fixture
def pod(vault: VaultServer, tmp_path: Path) -> Iterator[Pod]:
    with FakeCluster() as cluster, auth_mount(vault, "kubernetes") as mount:
        yield Pod(mount, cluster, tmp_path)


def test_a_pod_reads_with_its_service_account(pod: Pod) -> None:
    strategy = pod.strategy()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    assert strategy.check(timeout_s=TIMEOUT_S).status is HealthStatus.OK
    assert len(pod.cluster.asked) == 1, "one login serves many fetches"


def test_a_role_may_ask_for_an_audience(pod: Pod) -> None:
    pod.admit(audience="vault")

    with pytest.raises(AuthenticationError, match="refused"):
        read(pod.strategy())
    pod.project(pod.cluster.token("gateways", "kong", audience="vault"))

    assert read(pod.strategy()) == SECRET


def test_the_token_is_read_at_each_login(pod: Pod) -> None:
    strategy = pod.strategy()
    read(strategy)
    pod.project("stale.token.here")
    pod.mount.revoke_tokens()
    with pytest.raises(AuthenticationError):
        read(strategy)

    pod.project(pod.cluster.token("gateways", "kong"))

    assert read(strategy) == SECRET


@pytest.mark.parametrize(("namespace", "account"), [("gateways", "other"), ("elsewhere", "kong")])
def test_another_service_account_is_refused(pod: Pod, namespace: str, account: str) -> None:
    token = pod.cluster.token(namespace, account)
    pod.project(token)

    with pytest.raises(AuthenticationError, match="admits this service account and namespace") as caught:
        read(pod.strategy())

    assert token not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "said"),
    [(None, "can't read .*No such file"), (b" \n", "is empty"), (b"\xff\xfe", "holds no service account token")],
)
def test_a_file_without_a_token(pod: Pod, content: bytes | None, said: str) -> None:
    pod.file.unlink()
    if content is not None:
        pod.file.write_bytes(content)

    with pytest.raises(AuthenticationError, match=f"option 'kube_api_token_file': .*{said}"):
        read(pod.strategy())


def test_a_role_that_is_not_there(pod: Pod) -> None:
    with pytest.raises(AuthenticationError, match="at 'team/kubernetes-.*: refused .*check 'kube_role'"):
        read(pod.strategy(kube_role="nobody"))
