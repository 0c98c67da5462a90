"""Lua patterns (``^[%a_-][%a%d_-]*$``), as Kong's schemas use them, in terms of ``re``."""

from __future__ import annotations

import functools
import re

__all__ = ["compile_pattern"]

# What stands inside a bracket for each class; a capital letter is the complement.
_CLASSES = {
    "a": r"A-Za-z",
    "c": r"\x00-\x1f\x7f",
    "d": r"0-9",
    "l": r"a-z",
    "p": r"!-/:-@\[-`{-~",
    "s": r"\t-\r ",
    "u": r"A-Z",
    "w": r"A-Za-z0-9",
    "x": r"A-Fa-f0-9",
}
_QUANTIFIERS = {"*": "*", "+": "+", "?": "?", "-": "*?"}


@functools.lru_cache(maxsize=256)
def compile_pattern(pattern: str) -> re.Pattern[bytes]:
    """Return the expression that, by ``search``, finds in bytes what Lua's ``string.match`` finds.

    Raises:
        ValueError: the pattern is malformed, or uses what Kong's schemas don't (``%b``, ``%f``, ``%1``).
    """
    anchored = pattern.startswith("^")
    at = 1 if anchored else 0
    out = [r"\A" if anchored else ""]
    while at < len(pattern):
        char = pattern[at]
        if char == "$" and at == len(pattern) - 1:
            out.append(r"\Z")
            break
        if char in "()":
            out.append(char)
            at += 1
            continue
        item, at = _single(pattern, at)
        out.append(item)
        if at < len(pattern) and pattern[at] in _QUANTIFIERS:
            out.append(_QUANTIFIERS[pattern[at]])
            at += 1
    return re.compile("".join(out).encode(), re.DOTALL)


def _single(pattern: str, at: int) -> tuple[str, int]:
    """Translate one character, class or set; return it with the position behind it."""
    char = pattern[at]
    if char == ".":
        return ".", at + 1
    if char == "%":
        return _escaped(pattern, at)
    if char == "[":
        return _set(pattern, at)
    return re.escape(char), at + 1


def _escaped(pattern: str, at: int) -> tuple[str, int]:
    char = pattern[at + 1 : at + 2]
    if not char or char.isdigit() or char in "bf":
        raise ValueError(f"Lua pattern {pattern!r}: unsupported or unfinished escape at character {at + 1}")
    members = _CLASSES.get(char.lower())
    if members is None:
        return re.escape(char), at + 2
    return f"[{'^' if char.isupper() else ''}{members}]", at + 2


def _set(pattern: str, at: int) -> tuple[str, int]:
    start = at
    at += 1
    negated = pattern.startswith("^", at)
    at += negated
    members: list[str] = []
    while at < len(pattern) and (pattern[at] != "]" or not members):
        char = pattern[at]
        following = pattern[at + 1 : at + 3]
        if char == "%" and following:
            members.append(_member(pattern, following[0]))
            at += 2
        elif len(following) == 2 and following[0] == "-" and following[1] != "]":
            members.append(f"{re.escape(char)}-{re.escape(following[1])}")
            at += 3
        else:
            members.append(re.escape(char))
            at += 1
    if at >= len(pattern):
        raise ValueError(f"Lua pattern {pattern!r}: the set at character {start + 1} has no end")
    return f"[{'^' if negated else ''}{''.join(members)}]", at + 1


def _member(pattern: str, char: str) -> str:
    members = _CLASSES.get(char.lower())
    if members is None:
        return re.escape(char)
    if char.isupper():
        raise ValueError(f"Lua pattern {pattern!r}: a complement inside a set is not supported")
    return members
