"""``kong-vault get`` resolves one secret from each vault: from the shell, through its SDK, to a server."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.base import Strategy
from kong_vault_py.strategies.registry import BUILT_IN
from tests.cli.running import kong_vault
from tests.servers.azure_cloud import AzureCloud
from tests.servers.certificates import Certificates
from tests.servers.config_store_api import ConfigStoreApi
from tests.servers.conjur_server import ConjurServer
from tests.servers.conjur_state import ConjurState
from tests.servers.google_accounts import GoogleAccounts
from tests.servers.moto_server import MotoServer
from tests.servers.secret_manager import SecretManager
from tests.servers.vault_server import VaultServer
from tests.strategies.aws_backends import AwsBackend
from tests.strategies.azure_backends import AzureBackend, AzureCertsBackend
from tests.strategies.conjur_backends import ConjurBackend
from tests.strategies.gcp_backends import GcpBackend
from tests.strategies.hcv_backends import HcvBackend
from tests.strategies.konnect_backends import FileBackend, ManagerBackend

VALUE = "grüße from the vault"


class Prepared(NamedTuple):
    """A vault with the secret ``shell-redis`` in it.

    Attributes:
        strategy: how to reach it; ``None`` where there is nothing to configure.
        environ: what else the command needs to know.
        key: the reference's key, where the secret is no plain text.
        value: what the reference stands for.
    """

    strategy: Strategy[Any] | None
    environ: dict[str, str] = {}
    key: str = ""
    value: str = VALUE


class Where(NamedTuple):
    """What a vault is prepared with."""

    folder: Path
    certificates: Certificates
    monkeypatch: pytest.MonkeyPatch
    stack: contextlib.ExitStack


def env(_: Where) -> Prepared:
    return Prepared(None, {"SHELL_REDIS": VALUE})


def fs(where: Where) -> Prepared:
    (where.folder / "secrets").mkdir()
    (where.folder / "secrets" / "shell-redis").write_text(f"{VALUE}\n")
    return Prepared(None, {"KONG_VAULT_FS_PREFIX": str(where.folder / "secrets")})


def aws(where: Where) -> Prepared:
    backend = AwsBackend(where.stack.enter_context(MotoServer(where.folder)), where.monkeypatch)
    backend.put("shell-redis", VALUE)
    keys = {"AWS_ACCESS_KEY_ID": backend.reader.key_id, "AWS_SECRET_ACCESS_KEY": backend.reader.secret}
    return Prepared(backend.strategy(), keys)


def gcp(where: Where) -> Prepared:
    accounts = where.stack.enter_context(GoogleAccounts())
    backend = GcpBackend(where.stack.enter_context(SecretManager(accounts)), accounts)
    backend.put("shell-redis", VALUE)
    return Prepared(backend.strategy())


def azure(where: Where) -> Prepared:
    backend = AzureBackend(where.stack.enter_context(AzureCloud(where.certificates)))
    backend.put("shell-redis", VALUE)
    return Prepared(backend.strategy())


def azure_certs(where: Where) -> Prepared:
    cloud = where.stack.enter_context(AzureCloud(where.certificates))
    backend = AzureCertsBackend(cloud, "application/x-pkcs12")
    backend.put("shell-redis", VALUE)
    certificate = json.loads(backend.expected(VALUE))["cert"]
    return Prepared(backend.strategy(), key="/cert", value=certificate)


def conjur(where: Where) -> Prepared:
    backend = ConjurBackend(where.stack.enter_context(ConjurServer(ConjurState("acme", time.time))))
    backend.put("shell-redis", VALUE)
    return Prepared(backend.strategy())


def konnect(where: Where) -> Prepared:
    backend = FileBackend(where.folder)
    backend.put("shell-redis", VALUE)
    return Prepared(backend.strategy())


def konnect_at_a_manager(where: Where) -> Prepared:
    server = where.stack.enter_context(ConfigStoreApi(where.certificates))
    backend = ManagerBackend(server, where.certificates.authority)
    backend.put("shell-redis", VALUE)
    return Prepared(backend.strategy())


VAULTS: dict[str, Callable[[Where], Prepared]] = {
    "env": env,
    "fs": fs,
    "aws": aws,
    "gcp": gcp,
    "azure": azure,
    "azure-certs": azure_certs,
    "conjur": conjur,
    "konnect": konnect,
    "konnect at a manager": konnect_at_a_manager,
}


@pytest.fixture
def where(tmp_path: Path, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Where]:
    with contextlib.ExitStack() as stack:
        yield Where(tmp_path, certificates, monkeypatch, stack)


@pytest.mark.parametrize("vault_name", VAULTS)
def test_a_secret_of_each_vault_is_printed(vault_name: str, where: Where) -> None:
    _assert_printed(vault_name.partition(" ")[0], VAULTS[vault_name](where), where.folder)


def test_a_secret_of_hashicorp_vault_is_printed(vault: VaultServer, tmp_path: Path) -> None:
    backend = HcvBackend(vault, 2)
    backend.put("shell-redis", VALUE)

    _assert_printed("hcv", Prepared(backend.strategy(), key="/value"), tmp_path)


def test_no_vault_is_left_out() -> None:
    assert {name.partition(" ")[0] for name in VAULTS} | {"hcv"} == set(BUILT_IN)


def _assert_printed(name: str, prepared: Prepared, folder: Path) -> None:
    """Configure the vault as an operator does, in a settings file, and ask for its secret in a shell."""
    settings = folder / "kong-vault.conf"
    settings.touch(mode=0o600)
    settings.write_text(_settings(name, prepared.strategy) if prepared.strategy else "")

    reference = f"{{vault://{name}/shell-redis{prepared.key}}}"
    done = kong_vault("get", reference, "--settings", settings, **prepared.environ)

    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, f"{prepared.value}\n", "")


def _settings(name: str, strategy: Strategy[Any]) -> str:
    lines = []
    for field in dataclasses.fields(strategy.config):
        value = getattr(strategy.config, field.name)
        if value != field.default:
            text = value.reveal() if isinstance(value, Secret) else str(value)
            lines.append(f"vault_{name}_{field.name}".replace("-", "_") + " = " + text.replace("#", "\\#"))
    return "\n".join(lines)
