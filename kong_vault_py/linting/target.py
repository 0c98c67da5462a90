"""Which Kong the files are for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

__all__ = ["Edition", "Target", "kong_version"]

Edition = Literal["oss", "enterprise"]
Version = tuple[int, int]


def kong_version(text: str) -> Version:
    """Read a version such as ``3.9`` or ``3.10.0.2``; only its first two numbers count.

    Raises:
        ValueError: it is none.
    """
    found = re.fullmatch(r"(\d{1,3})\.(\d{1,3})(\.\w+)*", text)
    if not found:
        raise ValueError(f"{text!r} is no version such as 3.9")
    return int(found[1]), int(found[2])


@dataclass(frozen=True)
class Target:
    """What is known of the Kong that reads the files; ``None``: any."""

    version: Version | None = None
    edition: Edition | None = None
