"""What a server says, made fit for an error message."""

from __future__ import annotations

from kong_vault_py.secret import mask

__all__ = ["one_line"]

_MAX_CHARS = 300


def one_line(text: str) -> str:
    """Return what a server says on one line that is fit to print: cut short, live secrets masked."""
    line = mask(" ".join(text.split()))
    return "".join(char if char.isprintable() else "?" for char in line[:_MAX_CHARS])
