"""Plays the steps of a case on the model: each step of ``tests/vectors`` in terms of ``scenario_model.Model``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kong_vault_py.reference import is_reference
from tests.unit.scenario_config import BrokeError, ProblemError
from tests.unit.scenario_model import BROKE, Model, Outcome
from tests.unit.scenario_world import Callback, CallbackFailedError


def play(model: Model, step: dict[str, Any]) -> Outcome:
    """Do one step and return its outcome."""
    worker = step.get("worker", 1)
    result: tuple[Any, ...] = ()
    match step["op"]:
        case "get":
            result = (model.get(worker, step["reference"]),)
        case "update":
            result = (_update(model, worker, step["config"]),)
        case "try":
            callback = Callback(step)
            outcome = model.try_(worker, step.get("options"), callback)
            result = (outcome, callback.calls, callback.seen)
        case "try_concurrent":
            result = _try_concurrent(model, step)
        case "get_concurrent":
            result = _get_concurrent(model, step)
        case "peek":
            return _peek(model, worker, step["reference"])
        case "keys":
            return (_keys(model),)
        case _:
            _act(model, step, worker)
    return (*result, model.backend.take_calls())


def _act(model: Model, step: dict[str, Any], worker: int) -> None:
    """Do a step that shows in the vault's calls alone."""
    match step["op"]:
        case "rotate":
            model.rotate(worker)
        case "run_timers":
            _run_timers(model)
        case "flush":
            _flush(model)
        case "warmup":
            for reference in _references_in(model, step["input"]):
                model.get(worker, reference)
        case _:
            _arrange(model, step)


def _arrange(model: Model, step: dict[str, Any]) -> None:
    match step["op"]:
        case "set":
            model.backend.set(step)
        case "pause":
            model.backend.paused = step.get("paused", True)
        case "advance":
            model.now += step["seconds"]
        case "phase":
            model.phase = step.get("phase")
        case "new_worker":
            model.workers += 1
        case "entity":
            _change_entity(model, step)
        case unknown:
            raise AssertionError(f"no such step: {unknown}")


def _change_entity(model: Model, step: dict[str, Any]) -> None:
    if step.get("entity"):
        model.entities[step["prefix"]] = step["entity"]
    else:
        del model.entities[step["prefix"]]
    model.entities_changed = True
    if not step.get("event", True):
        return
    if model.on("entities-watched"):
        model.notice_entities()
    elif model.setup.get("database") != "off":
        model.copies.clear()
        model.timers.append("rotate")


def _update(model: Model, worker: int, config: Any) -> Outcome:
    try:
        return ("result", model.update(worker, config))
    except BrokeError:
        return BROKE
    except ProblemError as problem:
        return ("error", problem.kind)


def _try_concurrent(model: Model, step: dict[str, Any]) -> Outcome:
    """All callers fail with what is cached, share one refresh, and call again."""
    callback = Callback(step)
    references = [reference for _, _, reference in model.slots(step["options"])]
    results = ["failed"] * step["n"]
    failed = [caller for caller in range(step["n"]) if not _calls(model, step, callback)]
    if failed:
        model.force(1, references)
        failed = [caller for caller in failed if not _calls(model, step, callback)]
    for caller in set(range(step["n"])) - set(failed):
        results[caller] = "ok"
    return sorted(results), callback.calls


def _calls(model: Model, step: dict[str, Any], callback: Callback) -> bool:
    try:
        callback(model.update(1, step["options"]))
    except CallbackFailedError:
        return False
    return True


def _get_concurrent(model: Model, step: dict[str, Any]) -> Outcome:
    reference = step["reference"]
    each_fetches = model.cached(1, reference) is None and not model.on("single-flight")
    outcomes = [model.get(1, reference, past_cache=each_fetches) for _ in range(step["n"])]
    return sorted(outcome[1] for outcome in outcomes), None


def _run_timers(model: Model) -> None:
    if model.on("refresh-at-ttl"):
        model.rotate(1)  # ours waits for no timer: what is due is done
    timers, model.timers = model.timers, []
    for timer in timers:
        if timer == "rotate":
            model.rotate(1)
            continue
        for reference in dict.fromkeys(model.postponed):
            model.get(1, reference)
        model.postponed.clear()


def _flush(model: Model) -> None:
    if model.on("flush-forgets"):
        model.cache(1).clear()
        model.known(1).clear()
        model.copies.clear()
    else:
        model.copies.clear()
        model.timers.append("rotate")


def _references_in(model: Model, value: Any) -> Iterator[str]:
    if isinstance(value, str) and is_reference(value):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _references_in(model, item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if not model.on("mapping-keys-are-names"):
                yield from _references_in(model, name)
            yield from _references_in(model, item)


def _peek(model: Model, worker: int, reference: str) -> Outcome:
    entry = model.cached(worker, reference, copies=False)
    if entry is None:
        return ("none",)
    return ("value", entry.value) if entry.value is not None else ("nil",)


def _keys(model: Model) -> list[str]:
    caches = model.shared.values()
    alive = [key for cache in caches for key, entry in cache.items() if model.now < entry.ends]
    return sorted({key if isinstance(key, str) else key[1] for key in alive})
