"""What Kong's own code was recorded to infer from text, to accept, and to make of overrides."""

from __future__ import annotations

import pytest

from kong_vault_py.schema.inference import (
    Field,
    config_by_name,
    config_hash,
    infer_value,
    merge_overrides,
    validate_field,
)
from tests.unit.vectors import load_vectors, same

ABSENT = object()

INFER = load_vectors("infer", "infer_value + validate_field", nil=ABSENT, null=None)
MERGE = load_vectors("infer", "get_vault_config_and_hash", nil=ABSENT, null=None)
BY_NAME = load_vectors("infer", "get_vault_name_and_config_by_name", nil=ABSENT, null=None)


def fields_of(case):
    return {name: Field.from_kong(schema) for name, schema in case["input"]["fields"]}


@pytest.mark.parametrize("case", INFER, ids=lambda case: case["id"])
def test_inference_vector(case):
    field = Field.from_kong(case["input"]["field"])
    value, expected = case["input"]["value"], case["output"]

    # Nil is no value at all to us: there is nothing to infer from.
    inferred = value if value is ABSENT else infer_value(field, value)
    assert same(inferred, expected["inferred"])

    assert same(validate_field(field, inferred), expected.get("validation_error"))

    taken = merge_overrides({"option": field}, {} if value is ABSENT else {"option": value})
    assert same(taken, {"option": expected["inferred"]} if expected["taken"] else {})


@pytest.mark.parametrize("case", MERGE, ids=lambda case: case["id"])
def test_config_and_hash_vector(case):
    fields, overrides = fields_of(case), case["input"]["config_overrides"]

    config = merge_overrides(fields, case["input"]["base_config"], None if overrides is ABSENT else overrides)

    assert same(config, case["output"]["config"])
    digest = config_hash(case["input"]["strategy_name"], fields, config)
    if case["output"]["hash"] is ABSENT:
        # Kong's holds the address of a table there, another one in every call.
        assert case["output"]["hash_unstable"]
    else:
        assert digest == case["output"]["hash"]


@pytest.mark.parametrize("case", BY_NAME, ids=lambda case: case["id"])
def test_config_by_name_vector(case):
    config = config_by_name(case["input"]["strategy_name"], fields_of(case), case["input"]["kong_configuration"])

    assert same(config, case["output"]["config"])
