"""Kong's recorded scenarios, step by step, on our resolver; each step that differs is explained by named deviations.

Three things are compared: Kong (the recording), our ``Vault``, and one model with a switch for every deviation. With
no switch on the model is Kong, with all of them it is our documentation. So a step may differ only where a switch
makes the difference, and only in the way the switch says; what ours does instead is predicted, not excused.
``docs/kong-compatibility.md`` has the table.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.unit import scenario_steps, scenario_vaults
from tests.unit.scenario_deviations import ALL, DEVIATIONS
from tests.unit.scenario_model import Model
from tests.unit.scenario_world import kong_outcome, load_cases

CASES = load_cases("scenarios.jsonl") + load_cases("scenario_traces.jsonl")
BY_ID = {case["id"]: case for case in CASES}

# Steps that only set the scene have no outcome to compare.
SCENE = ("set", "pause", "advance", "new_worker", "phase", "entity")

# As measured. Fewer steps like Kong's mean a new deviation: name it, or mend it.
STEPS = 3019
LIKE_KONG = 2024


@cache
def modelled(case_id: str, deviations: frozenset[str]) -> list[Any]:
    """The outcome of each step of a case, by the model."""
    case = BY_ID[case_id]
    model = Model(case["setup"], deviations)
    return [scenario_steps.play(model, item["step"]) for item in case["steps"]]


@cache
def recorded(case_id: str) -> list[Any]:
    return [kong_outcome(item["step"], item["expect"]) for item in BY_ID[case_id]["steps"]]


def explanation(case_id: str, index: int) -> frozenset[str]:
    """The fewest deviations found that turn Kong's outcome of a step into ours: none of them can be left out."""
    ours = modelled(case_id, ALL)[index]
    needed = ALL
    for name in sorted(DEVIATIONS):
        if modelled(case_id, needed - {name})[index] == ours:
            needed -= {name}
    return needed


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_with_no_deviation_the_model_is_kong(case):
    assert modelled(case["id"], frozenset()) == recorded(case["id"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_our_vault_does_what_kong_does_but_for_the_deviations(case, tmp_path, monkeypatch):
    vaults = scenario_vaults.Vaults(case["setup"], tmp_path)
    try:
        for index, item in enumerate(case["steps"]):
            ours = scenario_vaults.play(vaults, item["step"], monkeypatch)
            assert ours == modelled(case["id"], ALL)[index], f"step {index}, at {item['t']} s: {item['step']}"
    finally:
        vaults.close()


@cache
def tally() -> tuple[int, int, Counter[str]]:
    """Steps with an outcome, those like Kong's, and for each deviation the steps it has a part in."""
    steps = like_kong = 0
    explained: Counter[str] = Counter()
    for case in CASES:
        for index, kongs in enumerate(recorded(case["id"])):
            if case["steps"][index]["step"]["op"] in SCENE:
                continue
            steps += 1
            if modelled(case["id"], ALL)[index] == kongs:
                like_kong += 1
                continue
            names = explanation(case["id"], index)
            assert names, f"{case['id']}, step {index}: differs without a reason"
            explained.update(names)
    return steps, like_kong, explained


def test_no_fewer_steps_are_like_kongs_than_when_measured():
    steps, like_kong, _ = tally()

    assert steps == STEPS
    assert like_kong >= LIKE_KONG


def test_each_deviation_is_needed_and_documented_with_its_count():
    _, _, explained = tally()
    table = (Path(__file__).parents[2] / "docs" / "kong-compatibility.md").read_text(encoding="utf-8")
    documented = {name: int(steps) for name, steps in re.findall(r"^\| `([a-z-]+)` \| (\d+) \|", table, re.MULTILINE)}

    assert set(explained) == ALL
    assert documented == explained


@pytest.mark.parametrize("deviation", sorted(DEVIATIONS))
def test_without_any_one_deviation_the_model_is_not_ours(deviation):
    assert any(modelled(case["id"], ALL - {deviation}) != modelled(case["id"], ALL) for case in CASES)
