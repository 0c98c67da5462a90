"""Where tokens may stand in a request, and the request without them."""

from __future__ import annotations

import pytest

from kong_vault_py.plugin_kit.vault_auth.parameters import Parameters, names_of

FORM = {"content-type": ["application/x-www-form-urlencoded"]}
JSON = {"content-type": ["application/json; charset=utf-8"]}
PARTS = {"content-type": ["multipart/form-data; boundary=XX"]}


def parts(*pairs: tuple[str, str]) -> bytes:
    head = '--XX\r\nContent-Disposition: form-data; name="'
    return "".join(f'{head}{name}"\r\n\r\n{value}\r\n' for name, value in pairs).encode() + b"--XX--\r\n"


def test_names_are_separated_by_commas():
    assert names_of("access_token, X-Key,,") == ("access_token", "X-Key")


@pytest.mark.parametrize(
    ("parameters", "found"),
    [
        (Parameters({"access_token": ["h"]}, "access_token=q"), "h"),
        (Parameters({"access-token": ["h"]}), "h"),
        (Parameters({}, "a=1&access_token=q%2B"), "q+"),
        (Parameters({}, "Access_Token=q"), None),
        (Parameters(FORM, "", b"access_token=b"), "b"),
        (Parameters(JSON, "", b'{"access_token": "b", "n": 1}'), "b"),
        (Parameters(PARTS, "", parts(("access_token", "b"))), "b"),
        (Parameters({"content-type": ["text/plain"]}, "", b"access_token=b"), None),
        (Parameters(JSON, "", b'{"access_token": 1}'), None),
        (Parameters(JSON, "", b'["access_token"]'), None),
        (Parameters(JSON, "", b"{" * 100_000), None),
        (Parameters(JSON, "", b'{"access_token":' * 100_000), None),
        (Parameters({"access_token": [""]}, "access_token=q"), None),
    ],
)
def test_a_token_is_looked_for_in_headers_then_query_then_body(parameters, found):
    assert parameters.find(("access_token",)) == found


@pytest.mark.parametrize(
    "parameters",
    [
        Parameters({"access_token": ["a", "b"]}),
        Parameters({"access_token": ["a"], "access-token": ["b"]}),
        Parameters({}, "access_token=a&access_token=b"),
        Parameters(FORM, "", b"access_token=a&access_token=b"),
        Parameters(JSON, "", b'{"access_token": "a", "access_token": "b"}'),
        Parameters(PARTS, "", parts(("access_token", "a"), ("access_token", "b"))),
    ],
)
def test_a_token_that_is_there_twice_is_none(parameters):
    assert parameters.find(("access_token",)) is None


def test_the_first_name_that_is_there_counts():
    assert Parameters({"x-key": ["k"]}, "token=t").find(("token", "x-key")) == "t"


def test_what_is_left_without_them():
    query = Parameters({}, "a=%20&access_token=x&b&access_token=y")
    body = Parameters(JSON, "", b'{"access_token":"x","n":1.50}')

    assert query.query_without(("access_token",)) == "a=%20&b"
    assert query.query_without(("other",)) is None
    assert body.body_without(("access_token",)) == b'{"n":1.5}'
    assert body.body_without(("other",)) is None
    assert Parameters(FORM, "", b"access_token=x&n=1").body_without(("access_token",)) == b"n=1"
    assert Parameters({"Access-Token".lower(): ["x"], "y": ["z"]}).headers_named(("access_token",)) == ["access-token"]
