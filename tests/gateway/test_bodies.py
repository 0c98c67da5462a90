"""Bodies that plugins read and write, and error bodies."""

from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py.testing.error_body import message_of, response_type
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.body import decode_body, encode_body

MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    b'--b\r\nContent-Disposition: form-data; name="a"\r\n\r\n2\r\n'
    b'--b\r\nContent-Disposition: form-data; name="f"; filename="x"\r\n\r\n\xff\r\n--b--\r\n'
)


@pytest.mark.parametrize(
    ("body", "content_type", "table"),
    [
        (b'{"a":1}', "application/json; charset=utf-8", {"a": 1}),
        (b"[1]", "application/json", [1]),
        (b"1", "application/json", None),
        (b"\xff", "application/json", None),
        (b"a=1&b&a=2", "application/x-www-form-urlencoded", {"a": ["1", "2"], "b": True}),
        (MULTIPART, "multipart/form-data; boundary=b", {"a": ["1", "2"], "f": "\udcff"}),
        (b"nothing", "multipart/form-data", None),
        (b"x", "text/plain", None),
        (b"x", None, None),
    ],
)
def test_decode(body: bytes, content_type: str | None, table: Any) -> None:
    assert decode_body(body, content_type) == table


def test_multipart_that_is_written_can_be_read() -> None:
    body, content_type = encode_body({"b": "x", "a": 1}, "multipart/form-data")

    assert decode_body(body, content_type) == {"a": "1", "b": "x"}
    assert encode_body({"a": "1"}, 'multipart/form-data; boundary="q"')[0].startswith(b"--q\r\n")


def test_form_is_written_sorted() -> None:
    assert encode_body({"b": "2", "a": "1"}, "application/x-www-form-urlencoded")[0] == b"a=1&b=2"


@pytest.mark.parametrize(
    ("arguments", "content_type"),
    [
        ({"a": {}}, "application/x-www-form-urlencoded"),
        (["a"], "application/x-www-form-urlencoded"),
        ({"a": []}, "multipart/form-data"),
        ({}, "text/plain"),
    ],
)
def test_body_that_cannot_be_written(arguments: Any, content_type: str) -> None:
    with pytest.raises(LuaError):
        encode_body(arguments, content_type)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (None, "application/json; charset=utf-8"),
        ("text/plain", "text/plain; charset=utf-8"),
        ("application/json;q=0.2, text/html;q=0.9", "text/html; charset=utf-8"),
        ("image/png, text/*;q=0.5", "application/json; charset=utf-8"),
        ("nonsense", "application/json; charset=utf-8"),
    ],
)
def test_error_format_follows_accept(accept: str | None, content_type: str) -> None:
    assert response_type(accept) == content_type


@pytest.mark.parametrize(
    ("status", "message"),
    [(404, "Not found"), (500, "An unexpected error occurred"), (599, "The upstream server responded with 599")],
)
def test_message_of_a_status(status: int, message: str) -> None:
    assert message_of(status) == message
