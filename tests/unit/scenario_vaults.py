"""Plays the steps of a case on our ``Vault``: one for each of Kong's workers, one backend, a clock moved by hand."""

from __future__ import annotations

import copy
import dataclasses
import json
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.errors import SecretNotFoundError, UnavailableError, UnknownStrategyError, VaultError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.plan import Plan
from kong_vault_py.secret import Secret
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy
from tests.unit.backend import Clock
from tests.unit.scenario_world import Answer, Backend, Callback, CallbackBrokeError, CallbackFailedError, problem

Outcome = tuple[Any, ...]


class Vaults:
    """Our side of a case."""

    def __init__(self, setup: dict[str, Any], folder: Path) -> None:
        self.clock = Clock()
        self.backend = Backend()
        self.company: Company | None = None
        self.entities = dict(setup["vault_entities"])
        self.file = folder / "kong.yml"
        self._write_entities()
        values = {name: str(value) for name, value in setup["kong_configuration"].items()}
        self.settings = Settings(values, RuntimeSettings(entities=str(self.file)))
        self.strategies = {name: self._strategy(name, fields) for name, fields in setup["strategies"].items()}
        self.vaults: list[Vault] = []
        self.add_worker()

    def add_worker(self) -> None:
        self.vaults.append(
            Vault(self.settings, clock=self.clock, strategies=self._load, background=False, jitter=lambda: 0.0)
        )

    def close(self) -> None:
        for vault in self.vaults:
            vault.close()

    def change_entity(self, prefix: str, entity: dict[str, Any] | None, *, noticed: bool) -> None:
        self.entities[prefix] = entity
        self._write_entities()
        if noticed:
            for vault in self.vaults:
                vault.reload()

    def _write_entities(self) -> None:
        vaults = [{"prefix": prefix, **entity} for prefix, entity in self.entities.items() if entity]
        written = self.file.with_suffix(".new")
        written.write_text(json.dumps({"vaults": vaults}))
        written.replace(self.file)

    def _load(self, name: str) -> type[Strategy[Any]]:
        if name not in self.strategies:
            raise UnknownStrategyError(f"no vault strategy '{name}'")
        return self.strategies[name]

    def _strategy(self, strategy_name: str, fields: list[tuple[str, dict[str, Any]]]) -> type[Strategy[Any]]:
        ask = self._ask
        own = [
            (name, Any, option(None, override=True, match=schema.get("match"), help="As recorded."))
            for name, schema in fields
            if name not in StrategyConfig.__dataclass_fields__
        ]
        config = dataclasses.make_dataclass("RecordedConfig", own, bases=(StrategyConfig,), frozen=True)

        class RecordedStrategy(Strategy[Any]):
            name = strategy_name
            config_class = config

            def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
                told = {field[0]: getattr(self.config, field[0]) for field in own}
                told = {name: value for name, value in told.items() if value is not None}
                return _fetched(ask(strategy_name, resource, version, told))

            def check(self, *, timeout_s: float) -> Health:
                return Health(HealthStatus.OK)

        return RecordedStrategy

    def _ask(self, *request: Any) -> Answer:
        answer = self.backend.ask(*request)
        if self.company is not None:
            self.company.wait()
        return answer


def _fetched(answer: Answer) -> Fetched:
    if answer.raises:
        raise RuntimeError("the strategy has a bug")
    if answer.value is None and answer.error is not None:
        raise UnavailableError(answer.error)
    if answer.value is None:
        raise SecretNotFoundError("no value found")
    return Fetched(answer.value, answer.ttl)


class Company:
    """Lets a fetch end only when all other callers wait for it: what "concurrent" means, without a race."""

    def __init__(self, followers: int) -> None:
        self._followers = followers
        self._joined = 0
        self._changed = threading.Condition()

    def join(self) -> None:
        with self._changed:
            self._joined += 1
            self._changed.notify_all()

    def wait(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self._joined >= self._followers, timeout=30), "callers stay away"
            self._joined = 0


def play(vaults: Vaults, step: dict[str, Any], patch: pytest.MonkeyPatch) -> Outcome:
    """Do one step and return its outcome."""
    vault = vaults.vaults[step.get("worker", 1) - 1]
    result: tuple[Any, ...] = ()
    match step["op"]:
        case "get":
            result = (_told(lambda: ("value", vault.get(step["reference"]).reveal())),)
        case "update":
            result = (_update(vault, step["config"]),)
        case "try":
            callback = Callback(step)
            result = (_try(vault, step, callback), callback.calls, callback.seen)
        case "try_concurrent":
            callback = Callback(step)
            together = _fail_together(callback, step["n"])
            outcomes = _concurrently(vaults, step["n"], lambda: _try(vault, step, together), patch)
            result = sorted("ok" if outcome[0] == "value" else outcome[0] for outcome in outcomes), callback.calls
        case "get_concurrent":
            get = lambda: vault.get(step["reference"]).reveal()  # noqa: E731
            result = sorted(_concurrently(vaults, step["n"], get, patch)), None
        case "peek":
            return _peek(vault, step["reference"], vaults.clock.now)
        case "keys":
            return (_keys(vaults),)
        case _:
            _act(vaults, vault, step)
    return (*result, vaults.backend.take_calls())


def _act(vaults: Vaults, vault: Vault, step: dict[str, Any]) -> None:
    """Do a step that shows in the vault's calls alone."""
    match step["op"]:
        case "rotate" | "run_timers":
            vault.reload()
            vault.rotate()
        case "flush":
            vault.flush()
        case "warmup":
            assert vault.warmup(Plan.of(step["input"])) == {}
        case _:
            _arrange(vaults, step)


def _arrange(vaults: Vaults, step: dict[str, Any]) -> None:
    match step["op"]:
        case "set":
            vaults.backend.set(step)
        case "pause":
            vaults.backend.paused = step.get("paused", True)
        case "advance":
            vaults.clock.advance(step["seconds"])
        case "new_worker":
            vaults.add_worker()
        case "entity":
            vaults.change_entity(step["prefix"], step.get("entity"), noticed=step.get("event", True))
        case unknown:
            assert unknown == "phase", f"no such step: {unknown}"  # we have none


def _told(action: Callable[[], Outcome]) -> Outcome:
    try:
        return action()
    except VaultError as error:
        text, kind = str(error), type(error).__name__
        assert "\n" not in text
        if kind != "InvalidReferenceError":
            return ("error", kind)
        if text.startswith("not a reference"):
            return ("error", "not a reference")
        return ("error", problem(text[text.index("reference url") :]))


def _update(vault: Vault, config: Any) -> Outcome:
    """Update, and prove the deviation that every update has: the config given is left alone, the result is kept."""
    before = copy.deepcopy(config)
    plan = vault.plan(config)
    outcome = _told(lambda: ("result", revealed(vault.update(plan))))
    assert config == before
    if outcome[0] == "result":
        assert vault.update(plan) is vault.update(plan)
    return outcome


def _try(vault: Vault, step: dict[str, Any], callback: Callable[[Any], str]) -> Outcome:
    try:
        return _told(
            lambda: (
                "value",
                vault.try_(
                    lambda config: callback(revealed(config)),
                    vault.plan(step.get("options")),
                    retry_on=CallbackFailedError,
                ),
            )
        )
    except CallbackFailedError:
        return ("failed",)
    except CallbackBrokeError:
        return ("raised",)


def _fail_together(callback: Callback, callers: int) -> Callable[[Any], str]:
    """Hold the first calls back until all callers have made theirs, as the yields in Kong's recording do."""
    everyone = threading.Barrier(callers)
    one = threading.Lock()
    local = threading.local()

    def called(options: Any) -> str:
        if not getattr(local, "waited", False):
            local.waited = True
            everyone.wait(30)
        with one:
            return callback(options)

    return called


def _concurrently(vaults: Vaults, callers: int, action: Callable[[], Any], patch: pytest.MonkeyPatch) -> list[Any]:
    company = Company(callers - 1)

    class Joined(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            company.join()
            return super().wait(timeout)

    outcomes: list[Any] = []
    with patch.context() as patched:
        patched.setattr("kong_vault_py.flight.threading", SimpleNamespace(Event=Joined, Lock=threading.Lock))
        vaults.company = company
        threads = [threading.Thread(target=lambda: outcomes.append(action())) for _ in range(callers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        vaults.company = None
    return outcomes


def _peek(vault: Vault, reference: str, now: float) -> Outcome:
    entry = vault._cache.entries.get(reference)
    if entry is not None and now < entry.serve_until:
        return ("value", entry.secret.reveal())
    miss = vault._cache.misses.get(reference)
    return ("nil",) if miss is not None and now < miss.until else ("none",)


def _keys(vaults: Vaults) -> list[str]:
    now, caches = vaults.clock.now, [vault._cache for vault in vaults.vaults]
    values = {key for cache in caches for key, entry in cache.entries.items() if now < entry.serve_until}
    misses = {key for cache in caches for key, miss in cache.misses.items() if now < miss.until}
    return sorted(values | misses)


def revealed(value: Any) -> Any:
    """A resolved config as the plain data that Kong's would be."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {name: revealed(item) for name, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value
