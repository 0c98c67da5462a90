"""The gcp vault on a strict server of Secret Manager's REST API: the contract."""

from __future__ import annotations

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.strategies.gcp_backends import GcpBackend


class TestGcp(StrategyContract):
    @pytest.fixture
    def backend(self, gcp: GcpBackend) -> GcpBackend:
        return gcp
