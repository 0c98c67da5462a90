"""The PDK's tree as an object, outside any event."""

from __future__ import annotations

import pytest

from kong_vault_py.plugin import pdk
from kong_vault_py.pluginserver.pdk import build_tree


def test_known_names_are_there_before_they_are_asked_for() -> None:
    kong = build_tree(lua_style=False)

    assert {"request", "response", "service", "log", "vault", "ctx", "client"} <= set(vars(kong))
    assert "get_header" in vars(vars(kong)["request"])
    assert "set" in vars(vars(vars(kong)["ctx"])["shared"])


def test_a_name_is_built_once() -> None:
    kong = build_tree(lua_style=False)

    assert kong.nobody.knows.this is kong.nobody.knows.this
    assert repr(kong.nobody.knows) == "<kong.nobody.knows of Kong's PDK>"


def test_private_names_are_no_pdk_calls() -> None:
    kong = build_tree(lua_style=False)

    for name in ("_private", "__deepcopy__", "__fspath__"):
        with pytest.raises(AttributeError):
            getattr(kong.request, name)


@pytest.mark.parametrize("call", ["request.get_header", "log", "log.err", "response.exit"])
@pytest.mark.parametrize("lua_style", [False, True])
def test_no_call_works_outside_a_phase(call: str, lua_style: bool) -> None:
    node = build_tree(lua_style=lua_style)
    for name in call.split("."):
        node = getattr(node, name)

    with pytest.raises(RuntimeError, match=f"kong.{call}: call it within a phase"):
        node("x")


def test_the_plugin_helper_takes_plain_data_as_it_is_and_unwraps_pairs() -> None:
    plain, paired = build_tree(lua_style=False), build_tree(lua_style=True)

    assert pdk(plain) is plain
    assert pdk(paired) is not paired
    assert type(plain.request.get_header).__kong_vault_py__ is True
    assert type(paired.request.get_header).__kong_vault_py__ is False
