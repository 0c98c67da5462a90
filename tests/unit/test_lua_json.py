from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_vault_py.dialect.lua_json import LuaJsonError, decode

DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=5),
    max_leaves=20,
)


@given(DOCUMENTS, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_whatever_json_writes_is_read_back(document, ascii_only, indent):
    text = json.dumps(document, ensure_ascii=ascii_only, indent=indent)

    assert decode(text.encode()) == document


@given(st.binary() | st.text(alphabet='{}[]:,"\\/ \n-+.0123456789eExutrfalsnINy').map(str.encode))
def test_any_bytes_are_a_document_or_a_clean_error(raw):
    try:
        value = decode(raw)
    except LuaJsonError:
        return
    assert value is None or isinstance(value, (bool, int, float, str, list, dict))


@given(st.text(alphabet='{}[]:,"\\/ \n-.0123456789eEutrfalsnb', max_size=12))
def test_what_python_reads_reads_the_same(text):
    try:
        expected = json.loads(text)
    except ValueError:
        return
    if "\\ud" in text or _has_big_integer(expected):
        return
    assert decode(text.encode()) == expected


def _has_big_integer(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return any(_has_big_integer(item) for item in value)
    return isinstance(value, int) and abs(value) >= 2**63


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0x1F", 31),
        (b"-0x1f", -31),
        (b"0x1.8p1", 3),
        (b"0x1p99999", math.inf),
        (b"007", 7),
        (b"+1.5", 1.5),
        (b"5.", 5),
        (b"-.5", -0.5),
        (b"inf", math.inf),
        (b"-Infinity", -math.inf),
        (b"9" * 5000, 2**63 - 1),
        (b"-" + b"9" * 5000, -(2**63)),
        (b'"\x01\xff"', "\x01\udcff"),
        (b'"\\ud83d\\udd11"', "🔑"),
    ],
)
def test_cjson_is_laxer_than_the_standard(text, value):
    assert decode(text) == value


def test_nan_is_a_number():
    assert math.isnan(decode(b"-nan(0)"))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        (b"\xef\xbb\xbf{}", "Expected value but found invalid token at character 1"),
        (b"{}\0", "Expected the end but found T_END at character 3"),
        (b"{\0}\0", "JSON parser does not support UTF-16 or UTF-32"),
        (b'"\\ud83d"', "Expected value but found invalid unicode escape code at character 2"),
        (b"0xg", "Expected the end but found invalid token at character 2"),
        (b"+", "Expected value but found invalid number at character 1"),
        (b"[" * 1001, "Found too many nested data structures (1001) at character 1001"),
    ],
)
def test_cjson_is_stricter_than_python(text, error):
    with pytest.raises(LuaJsonError) as caught:
        decode(text)
    assert str(caught.value) == error


def test_a_thousand_levels_are_no_burden():
    value = decode(b"[" * 1000 + b"]" * 1000)
    for _ in range(999):
        [value] = value
    assert value == []
