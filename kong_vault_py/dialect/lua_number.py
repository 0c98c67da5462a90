"""Numbers as LuaJIT reads and prints them, so that ``#0x10`` and ``?ttl=1e3`` mean what they mean in Kong."""

from __future__ import annotations

import decimal
import re

__all__ = ["format_number", "hex_to_float", "tonumber"]

# LuaJIT's own grammar (lj_strscan.c), suffixes (LL, ULL, i) left out: tonumber refuses them in text.
_NUMBER = re.compile(
    r"""[\t-\r ]* (?P<sign>[+-]?)
        (?: (?P<special>inf(?:inity)?|nan)
          | 0x (?P<hex>(?=\.?[0-9a-f])[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?[0-9]+)?)
          | 0b (?P<binary>[01]+)
          | (?P<decimal>(?=\.?[0-9])[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?)
        ) [\t-\r ]*""",
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_MAX_BINARY_DIGITS = 64
_EXACT_INTEGERS = 2**53
_PRINTED = decimal.Context(prec=14, rounding=decimal.ROUND_HALF_UP, Emax=400, Emin=-400)


def tonumber(text: str) -> float | int | None:
    """Return the number that LuaJIT's ``tonumber`` reads in ``text``, or ``None`` where it reads none.

    Numbers are doubles as in Lua; an integral one comes as ``int`` where a double holds it exactly.
    """
    found = _NUMBER.fullmatch(text)
    if found is None:
        return None
    number = _magnitude(found)
    if number is None:
        return None
    if found["sign"] == "-":
        number = -number
    negative_zero = number == 0 and found["sign"] == "-"
    if number.is_integer() and abs(number) < _EXACT_INTEGERS and not negative_zero:
        return int(number)
    return number


def _magnitude(found: re.Match[str]) -> float | None:
    if found["hex"] is not None:
        return hex_to_float(found["hex"])
    if found["binary"] is not None:
        digits = found["binary"].lstrip("0")
        return float(int(digits or "0", 2)) if len(digits) <= _MAX_BINARY_DIGITS else None
    return float(found["special"] or found["decimal"])


def hex_to_float(digits: str) -> float:
    """Return the number of C's hexadecimal text without its ``0x`` ("1f", "1.8p3"), or infinity."""
    try:
        return float.fromhex(digits)
    except OverflowError:
        return float("inf")


def format_number(number: float) -> str:
    """Return the number as LuaJIT prints it: ``%.14g``, but with ties rounded away from zero."""
    try:
        number = float(number)
    except OverflowError:
        number = float("inf") if number > 0 else float("-inf")
    if number != number:
        return "nan"
    return f"{float(_PRINTED.create_decimal_from_float(number)):.14g}"
