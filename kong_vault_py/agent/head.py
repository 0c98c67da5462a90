"""A request's header fields, read strictly: where two readers could see different requests there is none.

Python's own reader is made for mail. It takes a line without a colon for the end of the fields, and drops the rest:
the length of the body, or what a proxy has added.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Protocol

__all__ = ["Head", "read_head"]

_MAX_BYTES = 16 * 1024
_MAX_FIELDS = 100
#: No line folding, no white space before the colon, no control characters: a lone CR is a line end to some.
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\x00-\x08\x0a-\x1f\x7f]*)\r\n")
_LENGTH = re.compile(r"[0-9]{1,18}")
#: Sent twice, it would depend on the reader which one counts.
_SINGLE = frozenset({"content-length", "transfer-encoding", "content-type", "host", "x-kong-vault-token"})


class _Lines(Protocol):
    def readline(self, size: int, /) -> bytes: ...


class Head:
    """Header fields, as gevent's handler asks for them.

    Args:
        fields: names and values.
    """

    #: What gevent looks at for an error.
    status = ""

    def __init__(self, fields: list[tuple[str, str]]) -> None:
        self._fields = fields
        self._by_name = {name.lower(): value for name, value in fields}

    def get(self, name: str, default: str | None = None) -> str | None:
        """Return a field's value; the last one where there are several."""
        return self._by_name.get(name.lower(), default)

    getheader = get

    @property
    def typeheader(self) -> str | None:
        """The value of Content-Type."""
        return self.get("content-type")

    @property
    def headers(self) -> Iterator[str]:
        """All fields as lines."""
        return (f"{name}: {value}\r\n" for name, value in self._fields)

    def __delitem__(self, name: str) -> None:
        raise KeyError(name)  # gevent drops a length beside chunks: that is refused here


def read_head(lines: _Lines, *, chunks: bool) -> Head:
    """Read the fields up to the empty line behind them.

    Args:
        lines: what the client sends.
        chunks: the request's version of HTTP has chunked bodies.

    Raises:
        ValueError: it is not exactly HTTP; the text says what is wrong, without the client's words.
    """
    fields: list[tuple[str, str]] = []
    left = _MAX_BYTES
    while (line := lines.readline(left)) != b"\r\n":
        left -= len(line)
        field = _FIELD.fullmatch(line)
        if field is None or left <= 0 or len(fields) == _MAX_FIELDS:
            raise ValueError("a line that is no header field, or too many")
        fields.append((field[1].decode("ascii"), field[2].rstrip(b" \t").decode("latin-1")))
    names = [name.lower() for name, _ in fields]
    if len(names) != len(set(names)) and any(names.count(name) > 1 for name in _SINGLE):
        raise ValueError("a header field that may be there once is there twice")
    head = Head(fields)
    length, coding = head.get("content-length"), head.get("transfer-encoding")
    if length is not None and not _LENGTH.fullmatch(length):
        raise ValueError("Content-Length is no number")
    if coding is not None and (coding.lower() != "chunked" or length is not None or not chunks):
        raise ValueError("Transfer-Encoding is not just chunked")
    return head
