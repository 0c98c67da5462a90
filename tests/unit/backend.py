"""A vault whose answers a test writes, and a clock that a test ticks."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kong_vault_py import Settings, Vault
from kong_vault_py.errors import SecretNotFoundError, UnknownStrategyError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.status import Observer
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy


class Clock:
    """Time that passes when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(frozen=True)
class BackendConfig(StrategyConfig):
    prefix: str | None = option(None, override=True, help="Put before the resource.")
    host: str = option("127.0.0.1", help="Where the vault is: no reference may set it.")
    token: Any = option(None, secret=True, help="Who we are to it.")


class Backend:
    """Answers by resource: text, Fetched, an exception to raise, or a callable that returns one of them."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {}
        self.calls: list[str] = []
        self.configs: list[BackendConfig] = []
        self.closed = 0
        self._lock = threading.Lock()

    def strategy(self) -> type[Strategy[Any]]:
        backend = self

        class BackendStrategy(Strategy[BackendConfig]):
            name = "test"
            config_class = BackendConfig

            def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
                return backend.answer(resource, version, self.config)

            def check(self, *, timeout_s: float) -> Health:
                return Health(HealthStatus.OK)

            def close(self) -> None:
                backend.closed += 1

        return BackendStrategy

    def answer(self, resource: str, version: float | None, config: BackendConfig) -> Fetched:
        with self._lock:
            self.calls.append(resource if version is None else f"{resource}#{version:g}")
            self.configs.append(config)
        found = self.answers.get(f"{resource}#{version:g}" if version is not None else resource)
        if isinstance(found, Callable):  # type: ignore[arg-type]
            found = found()
        if isinstance(found, Exception):
            raise found
        if found is None:
            raise SecretNotFoundError(f"the test vault has no '{resource}'")
        return found if isinstance(found, Fetched) else Fetched(found)


def make_vault(
    backend: Backend,
    clock: Clock | None = None,
    *,
    background: bool = False,
    observer: Observer | None = None,
    **values: str,
) -> Vault:
    """A vault over the one backend, named "test"; ``values`` are settings in kong.conf's words."""
    strategy = backend.strategy()

    def load(name: str) -> type[Strategy[Any]]:
        if name != "test":
            raise UnknownStrategyError(f"no vault strategy '{name}'")
        return strategy

    runtime = {key[9:]: value for key, value in values.items() if key.startswith("vault_py_")}
    settings = Settings(values, RuntimeSettings(**runtime))  # type: ignore[arg-type]
    if clock is None:
        return Vault(settings, strategies=load, background=background, observer=observer)
    return Vault(settings, clock=clock, strategies=load, background=background, jitter=lambda: 0.0, observer=observer)
