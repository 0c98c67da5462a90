"""Configs on their way to the server: schema defaults, validation, references, Kong's own keys, reloads."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.testing import Gateway, PluginEntity
from tests.gateway.asking import ask
from tests.gateway.server_double import Handler, ScriptedPlugin, ServerDouble

SECRET = {"type": "string", "referenceable": True}


def dump(*fields: dict[str, Any]) -> list[dict[str, Any]]:
    schema = {"name": "demo", "fields": [{"config": {"type": "record", "fields": list(fields)}}]}
    return [{"Name": "demo", "Phases": ["access"], "Priority": 1, "Version": "1", "Schema": schema}]


class Lab:
    def __init__(self, gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]) -> None:
        self._gateway = gateway
        self.double = server(ScriptedPlugin())

    def start(self, *fields: dict[str, Any], vault: dict[str, str] | None = None) -> Gateway:
        return self._gateway(dump=dump(*fields), vault=vault)

    def sent(self) -> list[dict[str, Any]]:
        return [
            json.loads(one.argument["Config"]) for one in self.double.requests if one.method == "plugin.StartInstance"
        ]

    def config(self, *fields: dict[str, Any], given: dict[str, Any], vault: dict[str, str] | None = None) -> Any:
        """Return the config that reaches the server, without Kong's keys."""
        one = self.start(*fields, vault=vault)
        one.add_route("/", [PluginEntity("demo", given)])
        ask(one.url)
        return {key: value for key, value in self.sent()[0].items() if not key.startswith("__") and key != "route_id"}


@pytest.fixture
def lab(gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]) -> Lab:
    return Lab(gateway, server)


def test_defaults_are_filled_in_at_every_depth(lab: Lab) -> None:
    redis = {"type": "record", "required": True, "fields": [{"port": {"type": "integer", "default": 6379}}]}
    hosts = {
        "type": "array",
        "elements": {"type": "record", "fields": [{"tls": {"type": "boolean", "default": False}}]},
    }
    absent = {"type": "record", "fields": [{"x": {"type": "integer", "default": 1}}]}

    config = lab.config(
        {"redis": redis}, {"hosts": hosts}, {"absent": absent}, {"none": {"type": "string"}}, given={"hosts": [{}]}
    )

    assert config == {"redis": {"port": 6379}, "hosts": [{"tls": False}]}


def test_null_takes_the_place_of_a_default_and_is_left_out(lab: Lab) -> None:
    assert lab.config({"a": {"type": "string", "default": "x"}}, given={"a": None}) == {}


def test_set_has_each_element_once(lab: Lab) -> None:
    assert lab.config({"s": {"type": "set", "elements": {"type": "string"}}}, given={"s": ["a", "b", "a"]}) == {
        "s": ["a", "b"]
    }


def test_empty_string_is_left_out_unless_the_schema_allows_it(lab: Lab) -> None:
    fields = [{"a": {"type": "string", "len_min": 0}}, {"b": {"type": "string", "len_min": 0}}]
    assert lab.config(*fields, given={"a": "", "b": "x"}) == {"a": "", "b": "x"}


def test_referenceable_fields_are_resolved_and_their_references_kept(lab: Lab) -> None:
    vault = {"{vault://env/a}": "one", "{vault://env/b}": "two"}
    config = lab.config(
        {"plain": {"type": "string"}},
        {"secret": SECRET},
        {"unknown": SECRET},
        {"list": {"type": "array", "elements": SECRET}},
        {"map": {"type": "map", "keys": {"type": "string"}, "values": SECRET}},
        {"record": {"type": "record", "fields": [{"inner": SECRET}]}},
        given={
            "plain": "{vault://env/a}",
            "secret": "{vault://env/a}",
            "unknown": "{vault://env/none}",
            "list": ["x", "{vault://env/b}", "y"],
            "map": {"k": "{vault://env/b}", "l": "z"},
            "record": {"inner": "{vault://env/a}"},
        },
        vault=vault,
    )

    assert config == {
        "plain": "{vault://env/a}",
        "secret": "one",
        "unknown": "",
        "list": ["x", "two", "y"],
        "map": {"k": "two", "l": "z"},
        "record": {"inner": "one", "$refs": {"inner": "{vault://env/a}"}},
        "$refs": {
            "secret": "{vault://env/a}",
            "unknown": "{vault://env/none}",
            "list": [None, "{vault://env/b}"],
            "map": {"k": "{vault://env/b}"},
        },
    }


def test_vault_may_be_a_function(lab: Lab, gateway: Callable[..., Gateway]) -> None:
    one = gateway(dump=dump({"secret": SECRET}), vault=lambda reference: reference.upper())
    one.add_route("/", [PluginEntity("demo", {"secret": "{vault://env/a}"})])
    ask(one.url)

    assert lab.sent()[0]["secret"] == "{VAULT://ENV/A}"


def test_kongs_own_keys(lab: Lab) -> None:
    one = lab.start({"message": {"type": "string"}})
    entity = PluginEntity("demo", {"message": "route"})
    route = one.add_route("/", [entity])
    ask(one.url)

    (config,) = lab.sent()
    assert config["__plugin_id"] == entity.id
    assert config["route_id"] == route.id
    assert config["__seq__"] == 2
    assert config["__key__"] == f"plugins:demo:{route.id}::::{config['__ws_id']}"


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ({"type": "string"}, 1, "config.f: expected a string"),
        ({"type": "integer"}, 1.5, "config.f: expected an integer"),
        ({"type": "integer"}, True, "config.f: expected an integer"),
        ({"type": "number"}, "1", "config.f: expected a number"),
        ({"type": "boolean"}, "yes", "config.f: expected a boolean"),
        ({"type": "array", "elements": {"type": "string"}}, "a", "config.f: expected an array"),
        ({"type": "set", "elements": {"type": "string"}}, {}, "config.f: expected a set"),
        ({"type": "array", "elements": {"type": "string"}}, ["a", 2], "config.f[2]: expected a string"),
        ({"type": "map", "values": {"type": "integer"}}, {"k": "v"}, "config.f.k: expected an integer"),
        ({"type": "map", "values": {"type": "integer"}}, 1, "config.f: expected a map"),
        ({"type": "record", "fields": [{"g": {"type": "string"}}]}, {"g": 1}, "config.f.g: expected a string"),
        ({"type": "record", "fields": []}, 1, "config.f: expected a record"),
        ({"type": "record", "fields": []}, {"h": 1}, "config.f.h: unknown field"),
        ({"type": "string", "required": True}, None, "config.f: required field missing"),
        ({"type": "string"}, "", "config.f: length must be at least 1"),
        ({"type": "string", "len_max": 2}, "abc", "config.f: length must be at most 2"),
        ({"type": "string", "len_eq": 2}, "abc", "config.f: length must be 2"),
        ({"type": "string", "one_of": ["a", "b"]}, "c", "config.f: expected one of: a, b"),
        ({"type": "string", "not_one_of": ["c"]}, "c", "config.f: must not be one of: c"),
        ({"type": "string", "starts_with": "/"}, "c", "config.f: should start with: /"),
        ({"type": "string", "uuid": True}, "c", "config.f: expected a valid UUID"),
        ({"type": "integer", "between": [1, 9]}, 10, "config.f: value should be between 1 and 9"),
        ({"type": "integer", "gt": 0}, 0, "config.f: value must be greater than 0"),
        ({"type": "colour"}, "red", "config.f: invalid type: colour"),
    ],
)
def test_config_of_a_wrong_type_is_refused(lab: Lab, field: dict[str, Any], value: Any, problem: str) -> None:
    one = lab.start({"f": field})

    with pytest.raises(ConfigError) as caught:
        one.add_plugin("demo", {"f": value})

    assert str(caught.value) == f"schema violation ({problem})"


def test_reference_needs_no_other_validation(lab: Lab) -> None:
    field = {**SECRET, "one_of": ["a"], "len_max": 3}
    assert lab.config({"f": field}, given={"f": "{vault://env/a}"}, vault={})["f"] == ""


def test_unknown_plugin_is_refused(lab: Lab) -> None:
    one = lab.start()

    with pytest.raises(ConfigError, match="plugin 'nobody' is in use but not in the server's dump"):
        one.add_route("/", [PluginEntity("nobody")])


def test_dump_without_config_is_refused(lab: Lab, gateway: Callable[..., Gateway]) -> None:
    with pytest.raises(ConfigError, match="has no config record"):
        gateway(dump={"Plugins": [{"Name": "demo", "Schema": {"fields": []}}]})


def test_new_config_starts_a_new_instance_and_then_closes_the_old_one(lab: Lab) -> None:
    one = lab.start({"message": {"type": "string"}})
    entity = one.add_plugin("demo", {"message": "old"})
    one.add_route("/")
    ask(one.url)

    one.update_config(entity, {"message": "new"})
    ask(one.url)
    ask(one.url)

    expected = ["StartInstance", "HandleEvent", "StartInstance", "CloseInstance", "HandleEvent", "HandleEvent"]
    assert lab.double.methods() == expected
    assert [(config["message"], config["__seq__"]) for config in lab.sent()] == [("old", 2), ("new", 3)]


def test_refused_config_leaves_the_old_one(lab: Lab) -> None:
    one = lab.start({"message": {"type": "string"}})
    entity = one.add_plugin("demo", {"message": "old"})
    one.add_route("/")

    with pytest.raises(ConfigError):
        one.update_config(entity, {"message": 1})
    ask(one.url)

    assert [config["message"] for config in lab.sent()] == ["old"]
