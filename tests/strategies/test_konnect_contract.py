"""The konnect vault in both modes: the contract, on a store file, and on a strict manager with and without TLS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.certificates import Certificates
from tests.servers.config_store_api import ConfigStoreApi
from tests.strategies.konnect_backends import FileBackend, ManagerBackend


class TestStoreFile(StrategyContract):
    not_applicable = {
        "test_denied": "who may read the file, and has its master key, may read every secret in it",
        "test_slow": "it is no server",
        "test_malformed": "it is no server; see test_what_is_no_store_file",
    }

    @pytest.fixture
    def backend(self, tmp_path: Path) -> FileBackend:
        return FileBackend(tmp_path)


class TestManager(StrategyContract):
    @pytest.fixture
    def backend(self) -> Iterator[ManagerBackend]:
        with ConfigStoreApi() as server:
            yield ManagerBackend(server)
        assert server.violations == []


class TestManagerWithTls(StrategyContract):
    @pytest.fixture
    def backend(self, certificates: Certificates) -> Iterator[ManagerBackend]:
        with ConfigStoreApi(certificates) as server:
            yield ManagerBackend(server, certificates.authority)
        assert server.violations == []
