"""MessagePack as Kong's Lua reads and writes it."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest

from kong_vault_py.testing.wire import from_wire, lua_arguments, pack, to_wire, unpacker


@pytest.mark.parametrize(
    ("sent", "table"),
    [
        ({"a": None, "b": 1}, {"b": 1}),
        ([1, None, None], [1]),
        ([1, None, 3], {1: 1, 3: 3}),
        (b"\xffraw", "\udcffraw"),
        ({"deep": [{"x": None}]}, {"deep": [{}]}),
    ],
)
def test_nil_is_no_entry_and_bin_is_a_string(sent: Any, table: Any) -> None:
    assert from_wire(sent) == table


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ({}, []),
        ({"a": {}}, {"a": []}),
        (2.0, 2),
        (2.5, 2.5),
        (True, True),
        ((1, 2), [1, 2]),
        (b"raw", b"raw"),
        (None, None),
    ],
)
def test_empty_tables_are_arrays_and_integral_numbers_integers(value: Any, sent: Any) -> None:
    assert to_wire(value) == sent
    assert type(to_wire(value)) is type(sent)


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        (None, []),
        ("text", ["text"]),
        ({"a": 1}, []),
        ([1, None], [1]),
        ([None, 2], [None, 2]),
        ([1, None, 3], [1]),
        ([1, 2, None, 4], [1, 2, None, 4]),
        ([1, 2, None, None, 5], [1, 2]),
        ([None, None, 3], []),
    ],
)
def test_arguments_end_where_lua_thinks_the_table_ends(arguments: Any, seen: list[Any]) -> None:
    assert lua_arguments(arguments) == seen


def test_text_of_any_bytes_survives_both_ways() -> None:
    decoder = unpacker()
    decoder.feed(pack(["\udcff", b"\xff", "ü"]))

    assert decoder.unpack() == ["\udcff", b"\xff", "ü"]
    assert msgpack.unpackb(pack(["\udcff"]), raw=True) == [b"\xff"]
