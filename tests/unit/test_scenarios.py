"""Kong's recorded scenarios, step by step, on our resolver; each step that differs is explained by named deviations.

Three things are compared: Kong (the recording), our ``Vault``, and one model with a switch for every deviation. With
no switch on the model is Kong, with all of them it is our documentation. So a step may differ only where a switch
makes the difference, and only in the way the switch says; what ours does instead is predicted, not excused.
``docs/kong-compatibility.md`` has the table.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import pytest

from tests.unit import scenario_steps, scenario_vaults
from tests.unit.scenario_deviations import ALL, DEVIATIONS
from tests.unit.scenario_model import Model
from tests.unit.scenario_world import kong_outcome, load_cases

CASES = load_cases("scenarios.jsonl") + load_cases("scenario_traces.jsonl")
BY_ID = {case["id"]: case for case in CASES}

# As measured. Fewer steps like Kong's mean a new deviation: name it, or mend it.
STEPS = 5438
LIKE_KONG = 0


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


def test_each_difference_has_an_explanation_and_each_deviation_explains_one(capsys):
    explained: Counter[str] = Counter()
    like_kong = steps = 0
    for case in CASES:
        for index, kongs in enumerate(recorded(case["id"])):
            steps += 1
            if modelled(case["id"], ALL)[index] == kongs:
                like_kong += 1
                continue
            names = explanation(case["id"], index)
            assert names, f"{case['id']}, step {index}"
            explained.update(names)

    with capsys.disabled():
        print(f"\n{like_kong} of {steps} steps as Kong's; " + ", ".join(f"{n} {c}" for n, c in explained.most_common()))
    assert set(explained) == ALL
    assert steps == STEPS
    assert like_kong >= LIKE_KONG
