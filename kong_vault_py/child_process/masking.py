"""Secrets in a stream of bytes become ``****``, wherever the stream is cut into chunks; all else passes as it is."""

from __future__ import annotations

import base64
import json
import urllib.parse
from collections.abc import Iterable

__all__ = ["MASK", "MIN_MASKED_BYTES", "StreamMask", "spellings"]

MASK = b"****"
#: Shorter values ("1", "on") are in every output, and would mask half of it.
MIN_MASKED_BYTES = 4
#: A line of a longer secret is masked by itself, unless it is as short as a word or says nothing, as PEM's headers do.
_MIN_LINE_BYTES = 16


def spellings(value: bytes) -> set[bytes]:
    """Return a secret as it may be printed: itself, base64 (inside longer base64 too), URL-encoded, JSON-escaped."""
    stripped = value.strip()
    if len(stripped) < MIN_MASKED_BYTES:
        return set()
    found = {stripped, *_base64(stripped), *_url_encoded(stripped), *_json_escaped(stripped)}
    lines = stripped.splitlines()
    if len(lines) > 1:
        found.update(
            line for text in lines if len(line := text.strip()) >= _MIN_LINE_BYTES and not line.startswith(b"-----")
        )
    return {spelling for spelling in found if len(spelling) >= MIN_MASKED_BYTES}


def _base64(value: bytes) -> Iterable[bytes]:
    """Yield the value's base64, and what of it stays whatever stands before and behind: ``user:secret`` in a header."""
    yield base64.b64encode(value)
    yield base64.urlsafe_b64encode(value)
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + value)
        start, end = -(-8 * offset // 6), 8 * (offset + len(value)) // 6
        yield coded[start:end]
        yield coded[start:end].replace(b"+", b"-").replace(b"/", b"_")


def _url_encoded(value: bytes) -> Iterable[bytes]:
    for coded in (urllib.parse.quote(value, safe=""), urllib.parse.quote(value), urllib.parse.quote_plus(value)):
        yield coded.encode()
        yield "%".join(part[:2].lower() + part[2:] if n else part for n, part in enumerate(coded.split("%"))).encode()


def _json_escaped(value: bytes) -> Iterable[bytes]:
    text = value.decode("utf-8", "surrogateescape")
    for ascii_only in (False, True):
        coded = json.dumps(text, ensure_ascii=ascii_only)[1:-1].encode("utf-8", "surrogateescape")
        yield coded
        yield coded.replace(b"/", b"\\/")


class StreamMask:
    """Masks one stream. What may be the beginning of a secret is held back until more comes, or the end.

    Args:
        patterns: the byte strings to mask.
    """

    def __init__(self, patterns: Iterable[bytes] = ()) -> None:
        self._patterns: frozenset[bytes] = frozenset()
        self._held = b""
        self._covered = 0  # so many bytes of what is held belong to a mask that is out already
        self.add(patterns)

    def add(self, patterns: Iterable[bytes]) -> None:
        """Mask these too from now on."""
        self._patterns |= {pattern for pattern in patterns if pattern}

    def feed(self, chunk: bytes) -> bytes:
        """Take a chunk, and return what can be told by now."""
        data = self._held + chunk
        keep = self._undecided(data)
        out, self._covered = self._masked(data, keep)
        self._held = data[keep:]
        return out

    def finish(self) -> bytes:
        """Return the rest."""
        out, self._covered = self._masked(self._held, len(self._held))
        self._held = b""
        return out

    def _undecided(self, data: bytes) -> int:
        """Return where the longest tail begins that may become one of the patterns."""
        keep = len(data)
        for pattern in self._patterns:
            at = data.find(pattern[:1], max(0, len(data) - len(pattern) + 1))
            while 0 <= at < keep:
                if pattern.startswith(data[at:]):
                    keep = at
                    break
                at = data.find(pattern[:1], at + 1)
        return keep

    def _masked(self, data: bytes, end: int) -> tuple[bytes, int]:
        """Mask ``data[:end]``; also return how far the last mask reaches beyond it."""
        pieces, position = [], 0
        for start, stop in self._runs(data):
            if start >= end:
                break
            # The mask of a run that began in an earlier chunk is out already.
            pieces += [data[position:start], MASK if start >= self._covered else b""]
            position = stop
        pieces.append(data[position:end] if position < end else b"")
        return b"".join(pieces), max(0, max(position, self._covered) - end)

    def _runs(self, data: bytes) -> list[tuple[int, int]]:
        """Return the stretches that secrets cover, overlapping ones as one."""
        found = [(0, self._covered)] if self._covered else []
        for pattern in self._patterns:
            at = data.find(pattern)
            while at >= 0:
                found.append((at, at + len(pattern)))
                at = data.find(pattern, at + 1)
        runs: list[tuple[int, int]] = []
        for start, stop in sorted(found):
            if runs and start < runs[-1][1]:
                runs[-1] = (runs[-1][0], max(stop, runs[-1][1]))
            else:
                runs.append((start, stop))
        return runs
