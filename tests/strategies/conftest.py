"""Fixtures of the strategies' tests: one emulator or server per session."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.servers.azure_cloud import MANAGED_IDENTITY_VARIABLES, AzureCloud
from tests.servers.certificates import Certificates
from tests.servers.conjur_server import ConjurServer
from tests.servers.conjur_state import ConjurState
from tests.servers.google_accounts import GoogleAccounts
from tests.servers.moto_server import MotoServer
from tests.servers.secret_manager import SecretManager
from tests.strategies.aws_backends import be, isolate
from tests.strategies.aws_fake_strategies import KEYS, PASSWORD, ROLE
from tests.strategies.fake_secrets_manager import FakeAws
from tests.strategies.gcp_backends import GcpBackend


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MotoServer]:
    """AWS for all tests: use users, roles and secrets with names of your own."""
    with MotoServer(tmp_path_factory.mktemp("moto")) as server:
        yield server


@pytest.fixture
def fake_aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    """A fake AWS for this test alone, and credentials for it in the environment."""
    isolate(monkeypatch, tmp_path)
    be(monkeypatch, KEYS)
    with FakeAws({"GetSecretValue": PASSWORD, "AssumeRole": ROLE}) as server:
        yield server


@pytest.fixture(scope="session")
def gcp() -> Iterator[GcpBackend]:
    """Secret Manager for all tests: use secrets with names of your own."""
    with GoogleAccounts() as accounts, SecretManager(accounts) as server:
        yield GcpBackend(server, accounts)


@pytest.fixture
def own_gcp() -> Iterator[GcpBackend]:
    """Secret Manager for this test alone, whose tokens may be revoked and whose answers changed."""
    with GoogleAccounts() as accounts, SecretManager(accounts) as server:
        yield GcpBackend(server, accounts)


@pytest.fixture
def conjur() -> Iterator[Callable[..., ConjurServer]]:
    """Starts a Conjur for this test: ``conjur(tls=certificates, path="/api", clock=clock)``."""
    servers: list[ConjurServer] = []
    with contextlib.ExitStack() as stack:

        def start(clock: Callable[[], float] = time.time, **options: Any) -> ConjurServer:
            servers.append(stack.enter_context(ConjurServer(ConjurState("acme", clock), **options)))
            return servers[-1]

        yield start
    assert [violation for server in servers for violation in server.violations] == []


@pytest.fixture
def azure(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureCloud]:
    """The piece of Azure that a key vault's reader meets, with a secret ``redis``; and an environment without Azure."""
    for name in [*MANAGED_IDENTITY_VARIABLES, *(n for n in os.environ if n.startswith("AZURE_"))]:
        monkeypatch.delenv(name, raising=False)
    with AzureCloud(certificates) as cloud:
        cloud.vault.put("redis", "pw")
        yield cloud
