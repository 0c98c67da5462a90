"""The hcv vault on a real Vault: the contract for KV version 1 and 2."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.vault_server import VaultServer
from tests.strategies.hcv_backends import HcvBackend

pytestmark = pytest.mark.real("vault")


@pytest.fixture(scope="module")
def kv1(vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=1)
    yield backend
    backend.remove_all()


@pytest.fixture(scope="module")
def kv2(vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=2)
    yield backend
    backend.remove_all()


class TestKvVersion1(StrategyContract):
    not_applicable = {"test_versioned": "a KV v1 engine keeps no versions"}

    @pytest.fixture
    def backend(self, kv1: HcvBackend) -> HcvBackend:
        return kv1


class TestKvVersion2(StrategyContract):
    @pytest.fixture
    def backend(self, kv2: HcvBackend) -> HcvBackend:
        return kv2
