"""What the hcv vault reads on a real Vault: fields, leases, versions, mounts."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError
from kong_vault_py.strategies.base import Fetched
from tests.servers.vault_server import VaultServer
from tests.strategies.hcv_backends import HcvBackend

pytestmark = pytest.mark.real("vault")

_TIMEOUT_S = 10.0


@pytest.fixture
def kv1(vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=1)
    yield backend
    backend.remove_all()


@pytest.fixture
def kv2(vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=2)
    yield backend
    backend.remove_all()


def _fetch(backend: HcvBackend, resource: str, version: float | None = None, **options: object) -> Fetched:
    return backend.strategy(**options).fetch(resource, version, timeout_s=_TIMEOUT_S)


def test_all_fields_come_at_once_as_json(kv2: HcvBackend) -> None:
    fields = {"username": "kong", "password": 'quote " and é', "port": 6379, "tls": True, "tags": ["a"], "none": None}
    kv2.put_fields("redis", fields)

    value = _fetch(kv2, "redis").value

    assert json.loads(value) == fields
    assert "é" in str(value), "not escaped: what a Lua reader gets is what Vault holds"


def test_paths_with_folders_spaces_and_unicode(kv2: HcvBackend) -> None:
    kv2.put("team%20a/r%C3%A9dis", "deep")

    assert _fetch(kv2, "team a/rédis").value == '{"value":"deep"}'


def test_percent_signs_and_question_marks_are_part_of_the_path(kv1: HcvBackend) -> None:
    kv1.put("odd%25%3Fname", "odd")

    assert _fetch(kv1, "odd%?name").value == '{"value":"odd"}'


def test_a_mount_may_be_written_with_outer_slashes(kv1: HcvBackend) -> None:
    kv1.put("redis", "pw")

    assert _fetch(kv1, "redis", mount=f"/{kv1.mount}/").value == '{"value":"pw"}'


def test_a_v1_secret_with_a_ttl_of_its_own_brings_it(kv1: HcvBackend) -> None:
    kv1.put_fields("short", {"value": "pw", "ttl": "90s"})

    assert _fetch(kv1, "short").ttl_s == 90


def test_vaults_default_lease_is_no_ttl(kv1: HcvBackend, kv2: HcvBackend) -> None:
    for backend in (kv1, kv2):
        backend.put("redis", "pw")
        assert _fetch(backend, "redis").ttl_s is None


def test_a_deleted_version_is_said_to_be_deleted(kv2: HcvBackend) -> None:
    kv2.put_versions("redis", "old", "new")
    kv2.server.call("POST", f"{kv2.mount}/delete/redis", {"versions": [1]})

    with pytest.raises(SecretNotFoundError, match="that version was deleted"):
        _fetch(kv2, "redis", 1.0)
    assert _fetch(kv2, "redis").value == '{"value":"new"}'


def test_a_destroyed_version_is_said_to_be_destroyed(kv2: HcvBackend) -> None:
    kv2.put_versions("redis", "old", "new")
    kv2.server.call("PUT", f"{kv2.mount}/destroy/redis", {"versions": [1]})

    with pytest.raises(SecretNotFoundError, match="that version was destroyed"):
        _fetch(kv2, "redis", 1.0)


def test_a_version_is_a_number_however_it_is_written(kv2: HcvBackend) -> None:
    kv2.put_versions("redis", "old", "new")

    assert _fetch(kv2, "redis", 2.0).value == _fetch(kv2, "redis", 2).value == '{"value":"new"}'


@pytest.mark.parametrize("version", [0.0, -1.0, 1.5, float("inf"), float("nan")])
def test_what_is_no_version(kv2: HcvBackend, version: float) -> None:
    kv2.put("redis", "pw")

    with pytest.raises(SecretNotFoundError, match="whole numbers from 1 on"):
        _fetch(kv2, "redis", version)


def test_v1_has_no_versions(kv1: HcvBackend) -> None:
    kv1.put("redis", "pw")

    with pytest.raises(SecretNotFoundError, match="KV v1 engine has no versions; remove the '#' part"):
        _fetch(kv1, "redis", 1.0)


def test_a_mount_that_is_not_there_is_named(kv2: HcvBackend) -> None:
    root = kv2.server.root_token

    with pytest.raises(SecretNotFoundError, match="nothing is mounted at 'no/mount'"):
        _fetch(kv2, "redis", mount="no/mount", token=root)


def test_a_v2_engine_read_as_v1_is_noticed(kv2: HcvBackend) -> None:
    kv2.put("redis", "pw")

    with pytest.raises(SecretNotFoundError, match="is KV v2; set option 'kv' to v2"):
        _fetch(kv2, "redis", kv="v1", token=kv2.server.root_token)


def test_a_v1_engine_read_as_v2_is_noticed(kv1: HcvBackend) -> None:
    kv1.put("data/redis", "pw")

    with pytest.raises(InvalidResponseError, match="not a KV v2 engine's; check option 'kv'"):
        _fetch(kv1, "redis", kv="v2")


@pytest.mark.parametrize(
    "resource", ["../../sys/health", "a/../../../auth/token/lookup-self", ".", "a/./b", "a//b", "/"]
)
def test_no_path_leads_out_of_the_mount(kv1: HcvBackend, resource: str) -> None:
    with pytest.raises(SecretNotFoundError, match="can't be the path of a secret"):
        _fetch(kv1, resource, token=kv1.server.root_token)
