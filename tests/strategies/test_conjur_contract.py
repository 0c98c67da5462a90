"""The conjur vault on a strict Conjur: the contract, over HTTP and over TLS below a path."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.certificates import Certificates
from tests.servers.conjur_server import ConjurServer
from tests.strategies.conjur_backends import ConjurBackend

_VALUES = {
    "plain": "plain",
    "unicode": "grüße 🔑 漢字",
    "newline": "line one\nline two",
    "white-space": " padded\t",
    "json": '{"a": "1"}',
    "64KiB": "v" * 65536,
}


class _ConjurContract(StrategyContract):
    # Conjur takes no empty value (see test_conjur_takes_no_empty_value).
    @pytest.mark.parametrize("value", _VALUES.values(), ids=_VALUES)
    def test_value_arrives_unchanged(self, backend: ConjurBackend, value: str) -> None:
        super().test_value_arrives_unchanged(backend, value)

    def test_conjur_takes_no_empty_value(self, backend: ConjurBackend) -> None:
        with pytest.raises(ValueError, match="may not be empty"):
            backend.put("contract-empty", "")


class TestHttp(_ConjurContract):
    @pytest.fixture
    def backend(self, conjur: Callable[..., ConjurServer]) -> ConjurBackend:
        return ConjurBackend(conjur())


class TestHttpsBelowAPath(_ConjurContract):
    @pytest.fixture
    def backend(self, conjur: Callable[..., ConjurServer], certificates: Certificates) -> ConjurBackend:
        return ConjurBackend(conjur(tls=certificates, path="/api"))
