"""The aws vault on moto's AWS, which checks signatures and policies: the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.moto_server import MotoServer
from tests.strategies.aws_backends import AwsBackend, isolate


class TestAws(StrategyContract):
    @pytest.fixture
    def backend(self, moto: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsBackend:
        isolate(monkeypatch, tmp_path)
        return AwsBackend(moto, monkeypatch)
