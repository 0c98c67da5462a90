from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_vault_py.dialect.lua_number import format_number, tonumber


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("2", 2),
        (" 2.0\n", 2),
        ("0x2", 2),
        ("0b10", 2),
        ("0x1p4", 16),
        ("1e3", 1000),
        (".5", 0.5),
        ("-INF", -math.inf),
        ("1e999", math.inf),
        ("0x1p9999", math.inf),
    ],
)
def test_numbers_of_every_spelling(text, number):
    assert tonumber(text) == number


@pytest.mark.parametrize("text", ["", " ", ".", "1_0", "1LL", "1i", "0x", "0b2", "1e", "--1", "٣", "1 2", "1\0"])
def test_no_numbers(text):
    assert tonumber(text) is None


def test_binary_digits_end_at_64():
    assert tonumber("0b0" + "1" * 64) == 2.0**64
    assert tonumber("0b" + "1" * 65) is None


def test_an_integral_number_is_an_int_where_a_double_is_exact():
    assert type(tonumber("1e3")) is int
    assert type(tonumber("9007199254740993")) is float
    assert str(tonumber("-0")) == "-0.0"


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (10, "10"),
        (0.1, "0.1"),
        (1e20, "1e+20"),
        (100_000_000, "100000000"),
        (123456789012345, "1.2345678901235e+14"),
        (-0.0, "-0"),
        (5e-324, "4.9406564584125e-324"),
        (10**400, "inf"),
        (-(10**400), "-inf"),
        (math.inf, "inf"),
        (-math.inf, "-inf"),
        (math.nan, "nan"),
    ],
)
def test_numbers_print_as_in_lua(number, text):
    assert format_number(number) == text


@given(st.text())
def test_any_text_is_a_number_or_none(text):
    number = tonumber(text)
    assert number is None or isinstance(number, (int, float))


@given(st.floats(allow_nan=False))
def test_what_python_writes_lua_reads(number):
    assert tonumber(repr(number)) == number
