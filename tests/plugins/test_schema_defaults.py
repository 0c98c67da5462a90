from __future__ import annotations

from kong_vault_py.plugin_kit.schema_defaults import with_defaults

SCHEMA = (
    {"list": {"type": "array", "default": ["a"]}},
    {"plain": {"type": "string"}},
    {"section": {"type": "record", "fields": [{"on": {"type": "boolean", "default": True}}]}},
)


def test_what_is_absent_or_null_gets_its_default():
    complete = {"list": ["a"], "plain": None, "section": {"on": True}}

    assert with_defaults(SCHEMA, {}) == complete
    assert with_defaults(SCHEMA, {"list": None, "section": None}) == complete
    assert with_defaults(SCHEMA, None) == complete


def test_what_is_given_stays_and_so_does_what_the_schema_does_not_know():
    given = {"list": [], "plain": "", "section": {"on": False, "more": 1}, "route_id": "r1"}

    assert with_defaults(SCHEMA, given) == given


def test_a_default_is_not_shared_between_configs():
    with_defaults(SCHEMA, {})["list"].append("b")

    assert with_defaults(SCHEMA, {})["list"] == ["a"]
