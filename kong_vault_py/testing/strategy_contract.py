"""The contract suite of vault strategies: what every strategy must pass, built in or yours.

Subclass :class:`StrategyContract` in a test module and give it a fixture ``backend``, a :class:`StrategyBackend` that
speaks to the real vault::

    class TestAcme(StrategyContract):
        not_applicable = {"test_versioned": "Acme keeps no versions"}

        @pytest.fixture
        def backend(self, acme_server):
            return AcmeBackend(acme_server)

A test that makes no sense for a vault is named in ``not_applicable`` with the reason; it is then no test of the class,
rather than a skipped one. ``docs/strategies/README.md`` has a complete example.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy
from kong_vault_py.testing.io_guard import forbid_io
from kong_vault_py.testing.loopback import LoopbackServer
from kong_vault_py.testing.strategy_backend import StrategyBackend

__all__ = ["StrategyBackend", "StrategyContract"]

_TIMEOUT_S = 10.0
_SLOW_TIMEOUT_S = 0.3
#: What a time-out may take on top, on a busy machine.
_GRACE_S = 1.0
_LARGE_BYTES = 64 * 1024
_CANARY = "canary-5f1d7a93-value"
_ABSENT_VERSION = 4711.0
_ODD_RESOURCES = (
    "",
    "/",
    "..",
    "../../etc/passwd",
    "a//b",
    "a\0b",
    "a\nb",
    "a b?c#d%2e",
    "\udcff",
    "\ud800",
    "x" * 5000,
)


class StrategyContract:
    """The tests. Give the subclass a fixture ``backend``; see the module's text."""

    #: Names of tests that make no sense here -> why.
    not_applicable: ClassVar[Mapping[str, str]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Take the tests out that are declared not applicable."""
        super().__init_subclass__(**kwargs)
        for name, reason in cls.__dict__.get("not_applicable", {}).items():
            if not callable(getattr(StrategyContract, name, None)) or not reason.strip():
                raise TypeError(
                    f"{cls.__name__}.not_applicable: '{name}' needs to be a test of the contract, and a reason"
                )
            setattr(cls, name, None)

    @pytest.fixture
    def backend(self) -> StrategyBackend:
        """To be overridden."""
        raise NotImplementedError(f"{type(self).__name__} needs a fixture 'backend'")

    @pytest.mark.parametrize(
        "value",
        ["plain", "", "grüße 🔑 漢字", "line one\nline two", " padded\t", '{"a": "1"}', "v" * _LARGE_BYTES],
        ids=["plain", "empty", "unicode", "newline", "white-space", "json", "64KiB"],
    )
    def test_value_arrives_unchanged(self, backend: StrategyBackend, value: str) -> None:
        """Every byte of a value counts: the empty one, line ends inside, any script, 64 KiB."""
        backend.put("contract-value", value)
        assert _text(_fetch(backend.strategy(), "contract-value")) == backend.expected(value)

    def test_rotated_value_is_fetched(self, backend: StrategyBackend) -> None:
        """A strategy keeps no values: the next fetch brings the new one."""
        strategy = backend.strategy()
        backend.put("contract-rotated", "before")
        before = _text(_fetch(strategy, "contract-rotated"))
        backend.put("contract-rotated", "after")
        assert (before, _text(_fetch(strategy, "contract-rotated"))) == (
            backend.expected("before"),
            backend.expected("after"),
        )

    def test_absent(self, backend: StrategyBackend) -> None:
        """What isn't there is SecretNotFoundError, which names it."""
        error = _failure(backend.strategy(), "contract-absent", SecretNotFoundError)
        assert "contract-absent" in str(error).lower().replace("_", "-"), "the message names what was looked for"

    def test_removed(self, backend: StrategyBackend) -> None:
        """What was there and is deleted is not found either."""
        strategy = backend.strategy()
        backend.put("contract-removed", "value")
        _fetch(strategy, "contract-removed")
        backend.remove("contract-removed")
        _failure(strategy, "contract-removed", SecretNotFoundError)

    def test_versioned(self, backend: StrategyBackend) -> None:
        """A version pins a value; without one the current value comes."""
        strategy = backend.strategy()
        old, new = backend.put_versions("contract-versioned", "old", "new")
        assert _text(_fetch(strategy, "contract-versioned", old)) == backend.expected("old")
        assert _text(_fetch(strategy, "contract-versioned", new)) == backend.expected("new")
        assert _text(_fetch(strategy, "contract-versioned")) == backend.expected("new")

    def test_absent_version(self, backend: StrategyBackend) -> None:
        """A version that never was is not found."""
        backend.put("contract-one-version", "value")
        _failure(backend.strategy(), "contract-one-version", SecretNotFoundError, version=_ABSENT_VERSION)

    @pytest.mark.parametrize("version", [1.5, -1.0, 0.0, float("inf"), float("nan")])
    def test_impossible_version(self, backend: StrategyBackend, version: float) -> None:
        """A version that can't be one is an error of ours, not of the SDK's."""
        backend.put("contract-one-version", "value")
        _failure(backend.strategy(), "contract-one-version", VaultError, version=version)

    @pytest.mark.parametrize("resource", _ODD_RESOURCES, ids=lambda resource: ascii(resource[:20]))
    def test_odd_resource_is_an_error_of_ours(self, backend: StrategyBackend, resource: str) -> None:
        """Text that can't name a secret reaches no other, and breaks nothing."""
        _failure(backend.strategy(), resource, VaultError)

    def test_denied(self, backend: StrategyBackend) -> None:
        """Who is known but not allowed gets PermissionDeniedError."""
        backend.put("contract-denied", "value")
        _failure(backend.strategy_denied("contract-denied"), "contract-denied", PermissionDeniedError)

    def test_wrong_credentials(self, backend: StrategyBackend) -> None:
        """Who is not known gets AuthenticationError, and the health check shows it."""
        backend.put("contract-value", "value")
        strategy = backend.strategy_with_wrong_credentials()
        _failure(strategy, "contract-value", AuthenticationError)
        assert _check(strategy).status is not HealthStatus.OK

    def test_unreachable(self, backend: StrategyBackend) -> None:
        """Where nobody listens the vault is unavailable, at once."""
        strategy = backend.strategy_unreachable()
        error = _failure(strategy, "contract-value", UnavailableError)
        assert not isinstance(error, StrategyTimeoutError), "nobody listens: that is known at once"
        assert _check(strategy).status is HealthStatus.UNAVAILABLE

    def test_slow(self, backend: StrategyBackend) -> None:
        """A vault that accepts and never answers costs no more than the deadline."""
        with LoopbackServer(answer=None) as server:
            strategy = backend.strategy_at(server.host, server.port)
            started_s = time.monotonic()
            _failure(strategy, "contract-value", StrategyTimeoutError, timeout_s=_SLOW_TIMEOUT_S)
            health = strategy.check(timeout_s=_SLOW_TIMEOUT_S)
            took_s = time.monotonic() - started_s
            strategy.close()
        assert took_s < 2 * (_SLOW_TIMEOUT_S + _GRACE_S)
        assert health.status is HealthStatus.UNAVAILABLE

    def test_malformed(self, backend: StrategyBackend) -> None:
        """An answer that isn't the vault's is InvalidResponseError."""
        for answer in backend.malformed_answers:
            with LoopbackServer(answer) as server:
                strategy = backend.strategy_at(server.host, server.port)
                _failure(strategy, "contract-value", InvalidResponseError)
                assert _check(strategy).status is not HealthStatus.OK, answer
                strategy.close()

    def test_healthy(self, backend: StrategyBackend) -> None:
        """A vault that works is OK."""
        assert _check(backend.strategy()).status is HealthStatus.OK

    def test_secrets_never_show(self, backend: StrategyBackend, caplog: pytest.LogCaptureFixture) -> None:
        """No value and no credential shows in a repr, an error, a traceback or a log."""
        caplog.set_level(logging.DEBUG)
        strategy = backend.strategy()
        backend.put("contract-canary", _CANARY)
        fetched = _text(_fetch(strategy, "contract-canary"))
        shown = [repr(strategy), str(strategy), repr(strategy.config), str(strategy.config), str(_check(strategy))]
        for resource, version in (("contract-absent", None), ("contract-canary", 1.5), ("contract-canary", 4711.0)):
            try:
                strategy.fetch(resource, version, timeout_s=_TIMEOUT_S)
            except VaultError as error:
                shown.append("".join(traceback.format_exception(error)))
        assert _CANARY in fetched
        for secret in (_CANARY, *backend.credentials):
            assert secret not in "\n".join([*shown, caplog.text])

    def test_constructor_does_no_io(self, backend: StrategyBackend) -> None:
        """Making a strategy opens nothing."""
        config, strategy_class = backend.strategy().config, type(backend.strategy())
        with forbid_io():
            strategy_class(config)

    def test_close_before_use_and_twice(self, backend: StrategyBackend) -> None:
        """Closing is safe at any time, and again."""
        backend.put("contract-value", "value")
        unused, used = backend.strategy(), backend.strategy()
        _fetch(used, "contract-value")
        for strategy in (unused, unused, used, used):
            strategy.close()

    def test_concurrent_fetches(self, backend: StrategyBackend) -> None:
        """Threads share a strategy, and each gets its own value."""
        strategy = backend.strategy()
        resources = [f"contract-concurrent-{number}" for number in range(4)]
        for resource in resources:
            backend.put(resource, f"value of {resource}")
        with ThreadPoolExecutor(max_workers=8) as pool:
            fetched = list(pool.map(lambda resource: _text(_fetch(strategy, resource)), resources * 10))
        assert fetched == [backend.expected(f"value of {resource}") for resource in resources * 10]


def _fetch(strategy: Strategy[Any], resource: str, version: float | None = None) -> Fetched:
    fetched = strategy.fetch(resource, version, timeout_s=_TIMEOUT_S)
    assert isinstance(fetched, Fetched)
    assert fetched.ttl_s is None or fetched.ttl_s > 0
    return fetched


def _text(fetched: Fetched) -> str:
    value = fetched.value
    return value if isinstance(value, str) else value.decode("utf-8", "surrogateescape")


def _failure(
    strategy: Strategy[Any],
    resource: str,
    expected: type[VaultError],
    *,
    version: float | None = None,
    timeout_s: float = _TIMEOUT_S,
) -> VaultError:
    """Fetch what can't be fetched; the error is of the class expected, and its message one line."""
    with pytest.raises(expected) as caught:
        strategy.fetch(resource, version, timeout_s=timeout_s)
    message = str(caught.value)
    assert message, "an error says what is wrong"
    assert message.isprintable(), "a message is one line, with nothing in it that a terminal would take as a command"
    return caught.value


def _check(strategy: Strategy[Any]) -> Health:
    health = strategy.check(timeout_s=_TIMEOUT_S)
    assert isinstance(health, Health)
    assert health.status is HealthStatus.OK or health.detail, "what is not OK says why"
    return health
