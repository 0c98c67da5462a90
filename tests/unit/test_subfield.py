from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_vault_py.errors import InvalidResponseError, KeyNotFoundError, SecretNotFoundError
from kong_vault_py.subfield import extract_key, secret_text

REDIS = '{"username": "app", "password": "s3cr\\u00e9t", "port": 6379, "tls": {"on": true}}'


def test_one_answer_serves_a_username_and_its_password():
    assert extract_key(REDIS, "username") == "app"
    assert extract_key(REDIS.encode(), "password") == "s3crét"


def test_a_key_is_no_path():
    with pytest.raises(KeyNotFoundError, match=r"^subfield tls\.on not found in JSON secret$"):
        extract_key(REDIS, "tls.on")


def test_only_text_is_a_secret():
    with pytest.raises(KeyNotFoundError, match=r"^unexpected number value in JSON secret for subfield port$"):
        extract_key(REDIS, "port")


@pytest.mark.parametrize("document", ["s3cret-canary", '"s3cret-canary"', '["s3cret-canary"]', '{"s3cret-canary'])
def test_no_error_shows_what_the_vault_answered(document):
    with pytest.raises((InvalidResponseError, KeyNotFoundError)) as caught:
        secret_text(document, "password")
    error: BaseException | None = caught.value
    while error is not None:
        assert "canary" not in str(error)
        error = None if error.__suppress_context__ else error.__cause__ or error.__context__


def test_a_lone_surrogate_is_no_json_to_kong():
    with pytest.raises(InvalidResponseError, match="invalid unicode escape code"):
        extract_key('{"a": "\\ud800"}', "a")
    assert extract_key('{"a": "\ud800"}', "a") == "\udced\udca0\udc80"


def test_a_number_as_the_whole_document_is_masked():
    with pytest.raises(InvalidResponseError, match=r"^unable to json decode value \(\*\*\*\): nil$"):
        extract_key("31337", "a")


def test_without_a_key_the_answer_is_the_secret():
    assert secret_text(b"\xff\x00", None) == "\udcff\x00"
    assert secret_text("", None) == ""


def test_no_answer_is_no_secret():
    with pytest.raises(SecretNotFoundError, match=r"^no value found \(404\)$"):
        secret_text(None, "key", error=404)


@given(st.dictionaries(st.text(), st.text() | st.integers() | st.none() | st.lists(st.text())), st.text())
def test_every_text_field_of_any_object_is_found_and_nothing_else(fields, other):
    # A lone surrogate is valid JSON for Python, and an error for Kong.
    document = json.dumps(fields, ensure_ascii=False).encode("utf-8", "surrogateescape")
    for key in {*fields, other}:
        if isinstance(fields.get(key), str):
            assert extract_key(document, key) == fields[key]
        else:
            with pytest.raises(KeyNotFoundError):
                extract_key(document, key)
