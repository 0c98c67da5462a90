from __future__ import annotations

import pytest

from kong_vault_py.dialect.lua_pattern import compile_pattern


@pytest.mark.parametrize(
    ("pattern", "matching", "failing"),
    [
        ("^[%a_-][%a%d_-]*$", ["A", "_x9", "-a-b"], ["9a", "", "a b", "é", "a\n"]),
        ("^/", ["/x"], ["x/"]),
        ("%.pem$", ["a.pem"], ["a.pem ", "apem"]),
        ("^%d+%S?$", ["12", "12x"], ["x", "12 "]),
        ("^(v%d-)x$", ["vx", "v12x"], ["vax"]),
        ("^[^%s/]+$", ["ab"], ["a b", "a/b"]),
        ("^[]a-c]$", ["]", "b"], ["d", "-"]),
        ("^[a-]$", ["a", "-"], ["b"]),
        ("^[%.%-%]]$", [".", "-", "]"], ["%", ","]),
        ("^a.c$", ["a\nc"], ["ac"]),
        ("a^b$c", ["a^b$c"], ["ab"]),
    ],
)
def test_a_pattern_matches_what_lua_matches(pattern, matching, failing):
    compiled = compile_pattern(pattern)

    assert [text for text in [*matching, *failing] if compiled.search(text.encode())] == matching


@pytest.mark.parametrize("pattern", ["%b()", "%f[a]", "(a)%1", "[a", "a%", "[%S]"])
def test_what_is_not_supported_is_refused(pattern):
    with pytest.raises(ValueError, match="Lua pattern"):
        compile_pattern(pattern)
