"""Paths and query strings, by the rules of Kong and lua-nginx-module."""

from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py.testing.uri import decode_args, encode_args, escape_path, normalize_path


@pytest.mark.parametrize(
    ("path", "normal"),
    [
        ("/", "/"),
        ("/a/b", "/a/b"),
        ("/a//b/", "/a/b/"),
        ("/a/./b/../c", "/a/c"),
        ("/../a", "/a"),
        ("/a/..", "/"),
        ("/a/b/..", "/a/"),
        ("/%61%2fb", "/a%2Fb"),
        ("/%2e%2e/a", "/a"),
        ("/v1.0", "/v1.0"),
    ],
)
def test_normalize_path(path: str, normal: str) -> None:
    assert normalize_path(path) == normal


def test_escape_path() -> None:
    assert escape_path("/a b/ü/%20?x") == "/a%20b/%C3%BC/%20?x"


@pytest.mark.parametrize(
    ("query", "table"),
    [
        ("", {}),
        ("a=1&b", {"a": "1", "b": True}),
        ("a=1&a=2&a=3", {"a": ["1", "2", "3"]}),
        ("a+b=c%20d%zz", {"a b": "c d%zz"}),
        ("=x&&a=", {"a": ""}),
        ("&".join(f"a{n}" for n in range(120)), {f"a{n}": True for n in range(100)}),
    ],
    ids=["empty", "flag", "repeated", "escapes", "nameless", "more than 100"],
)
def test_decode_args(query: str, table: dict[str, Any]) -> None:
    assert decode_args(query) == table


def test_encode_args_sorts() -> None:
    assert encode_args({"b": ["1", True], "a": "x&y", "c": False, "d": 2.0}) == "a=x%26y&b=1&b&d=2"


@pytest.mark.parametrize("arguments", [{1: "a"}, {"a": {"b": "c"}}])
def test_encode_args_refuses(arguments: dict[Any, Any]) -> None:
    with pytest.raises(TypeError):
        encode_args(arguments)
