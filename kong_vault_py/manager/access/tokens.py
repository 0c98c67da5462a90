"""Random tokens: shown once, kept as a digest. 256 random bits need no slow hash."""

from __future__ import annotations

import hashlib
import secrets
from typing import NamedTuple

__all__ = ["NewToken", "digest", "new_token"]

_BYTES = 32


class NewToken(NamedTuple):
    """A token's text, for its owner, and what is kept of it."""

    text: str
    digest: str


def new_token(kind: str) -> NewToken:
    """Return a new token; ``kind`` is the text's beginning, by which scanners and people know it ("kvu")."""
    text = f"{kind}_{secrets.token_urlsafe(_BYTES)}"
    return NewToken(text, digest(text))


def digest(text: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
