"""What Kong's own code was recorded to extract from the answers of vaults."""

from __future__ import annotations

import re

import pytest

from kong_vault_py.dialect.lua_json import LuaJsonError, decode
from kong_vault_py.dialect.lua_value import to_bytes, tostring
from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError
from kong_vault_py.subfield import extract_key, secret_text
from tests.unit.vectors import load_vectors

EXTRACT = load_vectors("subfield", "extract_key_from_json_string")
TEXTS = [case for case in EXTRACT if isinstance(case["input"]["json"], str)]
NO_TEXTS = [case for case in EXTRACT if not isinstance(case["input"]["json"], str)]
UNDECODABLE = [case for case in TEXTS if "unable to json decode" in case.get("error", "")]
INVOKE = load_vectors("subfield", "invoke_strategy")

# Kong prints the decoded document there, which may be the secret; null is nothing to hide.
SHOWN_DOCUMENT = re.compile(r"unable to json decode value \((?!userdata: NULL\)).*\): nil", re.DOTALL)


def masked(error: str) -> str:
    return SHOWN_DOCUMENT.sub("unable to json decode value (***): nil", error)


@pytest.mark.parametrize("case", TEXTS, ids=lambda case: case["id"])
def test_subfield_vector(case):
    json_text, key = case["input"]["json"], case["input"]["key"]
    if "output" in case:
        assert extract_key(json_text, key) == case["output"]["value"]
        assert extract_key(to_bytes(json_text), key) == case["output"]["value"]
        return
    with pytest.raises((SecretNotFoundError, InvalidResponseError)) as caught:
        extract_key(json_text, key)
    assert str(caught.value) == masked(case["error"])


@pytest.mark.parametrize("case", NO_TEXTS, ids=lambda case: case["id"])
def test_a_document_that_is_no_text_is_refused_before_it_is_decoded(case):
    # Kong's words here name an argument of a C function.
    assert "bad argument #1 to '?' (string expected" in case["error"]
    with pytest.raises((SecretNotFoundError, InvalidResponseError)):
        secret_text(case["input"]["json"], case["input"]["key"])


@pytest.mark.parametrize("case", INVOKE, ids=lambda case: case["id"])
def test_invoke_strategy_vector(case):
    returned = case["input"]["strategy_returns"]
    if "output" in case:
        assert secret_text(returned["value"], case["input"]["key"], returned["err"]) == case["output"]["value"]
        return
    with pytest.raises((SecretNotFoundError, InvalidResponseError)) as caught:
        secret_text(returned["value"], case["input"]["key"], returned["err"])
    assert str(caught.value) == masked(case["error"])


@pytest.mark.parametrize("case", UNDECODABLE, ids=lambda case: case["id"])
def test_what_we_mask_is_what_kong_shows(case):
    shown = re.fullmatch(r"unable to json decode value \((.*)\): nil", case["error"], re.DOTALL)
    document = to_bytes(case["input"]["json"])
    if shown is None:
        with pytest.raises(LuaJsonError) as caught:
            decode(document)
        assert case["error"] == f"unable to json decode value (nil): {caught.value}"
    else:
        assert tostring(decode(document)) == shown[1]
