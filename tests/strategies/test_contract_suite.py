"""The contract suite itself: a strategy that breaks the contract fails it, and no case disappears in silence."""

from __future__ import annotations

import logging
import socket
from dataclasses import dataclass
from typing import Any

import pytest

from kong_vault_py.errors import SecretNotFoundError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy
from kong_vault_py.testing.io_guard import forbid_io
from kong_vault_py.testing.loopback import LoopbackServer
from kong_vault_py.testing.strategy_backend import StrategyBackend
from kong_vault_py.testing.strategy_contract import StrategyContract

_VALUES: dict[str, str] = {}


@dataclass(frozen=True)
class NoConfig(StrategyConfig):
    """Nothing to configure."""


class MemoryStrategy(Strategy[NoConfig]):
    name = "memory"
    config_class = NoConfig

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        if version is not None or resource not in _VALUES:
            raise SecretNotFoundError(f"no {resource!r} here")
        return Fetched(_VALUES[resource])

    def check(self, *, timeout_s: float) -> Health:
        return Health(HealthStatus.OK)


class MemoryBackend(StrategyBackend):
    def __init__(self, strategy_class: type[Strategy[Any]] = MemoryStrategy) -> None:
        self._strategy_class = strategy_class

    def strategy(self) -> Strategy[Any]:
        return self._strategy_class(NoConfig())

    def put(self, resource: str, value: str) -> None:
        _VALUES[resource] = value

    def remove(self, resource: str) -> None:
        del _VALUES[resource]


_NOT_A_SERVER = "a dictionary is no server"


class TestMemory(StrategyContract):
    """What the documentation shows: the least that a strategy and its backend need."""

    not_applicable = {
        "test_denied": _NOT_A_SERVER,
        "test_wrong_credentials": _NOT_A_SERVER,
        "test_unreachable": _NOT_A_SERVER,
        "test_slow": _NOT_A_SERVER,
        "test_malformed": _NOT_A_SERVER,
        "test_versioned": "it keeps no versions",
    }

    @pytest.fixture
    def backend(self) -> MemoryBackend:
        return MemoryBackend()


class Raising(MemoryStrategy):
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        raise KeyError(resource)


class Caching(MemoryStrategy):
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        kept: dict[str, Fetched] = self.__dict__.setdefault("kept", {})
        if resource not in kept:
            kept[resource] = super().fetch(resource, version, timeout_s=timeout_s)
        return kept[resource]


class Chatty(MemoryStrategy):
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        fetched = super().fetch(resource, version, timeout_s=timeout_s)
        logging.getLogger("chatty").debug("fetched %s", fetched)
        return fetched


class Stripping(MemoryStrategy):
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        return Fetched(str(super().fetch(resource, version, timeout_s=timeout_s).value).strip())


class Eager(MemoryStrategy):
    def __init__(self, config: NoConfig) -> None:
        super().__init__(config)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))


class TwoLines(MemoryStrategy):
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        raise SecretNotFoundError(f"no {resource!r}\nin here")


@pytest.mark.parametrize(
    ("broken", "case"),
    [
        (Raising, "test_absent"),
        (Caching, "test_rotated_value_is_fetched"),
        (Caching, "test_removed"),
        (TwoLines, "test_absent"),
        (Eager, "test_constructor_does_no_io"),
    ],
)
def test_a_broken_strategy_fails(broken: type[Strategy[Any]], case: str) -> None:
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(StrategyContract(), case)(MemoryBackend(broken))


def test_a_strategy_that_changes_values_fails() -> None:
    with pytest.raises(AssertionError):
        StrategyContract().test_value_arrives_unchanged(MemoryBackend(Stripping), " padded\t")


def test_a_strategy_that_logs_values_fails(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(AssertionError):
        StrategyContract().test_secrets_never_show(MemoryBackend(Chatty), caplog)


def test_only_tests_of_the_contract_can_be_declared_not_applicable() -> None:
    with pytest.raises(TypeError, match="'test_absnt' needs to be a test of the contract"):
        type("Misspelt", (StrategyContract,), {"not_applicable": {"test_absnt": "reason"}})
    with pytest.raises(TypeError, match="and a reason"):
        type("Wordless", (StrategyContract,), {"not_applicable": {"test_absent": " "}})


def test_what_is_not_applicable_is_no_test() -> None:
    assert TestMemory.test_slow is None
    assert callable(TestMemory.test_absent)


def test_the_guard_lets_go_again(tmp_path: Any) -> None:
    with forbid_io(), pytest.raises(AssertionError, match="I/O where none is allowed: open"):
        (tmp_path / "file").open("w")

    (tmp_path / "file").write_text("allowed")


def test_a_loopback_server_records_what_it_was_asked() -> None:
    with LoopbackServer(b"answer") as server, socket.create_connection((server.host, server.port)) as client:
        client.sendall(b"question")

        assert client.recv(64) == b"answer"
        assert server.requests == [b"question"]
