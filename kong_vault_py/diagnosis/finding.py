"""What one look found."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Finding", "Grade", "fail", "fine", "warn"]


class Grade(Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


class Finding(NamedTuple):
    """One line of the screen.

    Attributes:
        topic: what was looked at: "settings", "plugin server", ...
        grade: how good it is.
        text: what was found, in one line, without any secret.
        remedy: what to do; empty where nothing is.
    """

    topic: str
    grade: Grade
    text: str
    remedy: str = ""


def fine(topic: str, text: str) -> Finding:
    """Return that all is well."""
    return Finding(topic, Grade.OK, text)


def warn(topic: str, text: str, remedy: str) -> Finding:
    """Return what works, though not as one would want it."""
    return Finding(topic, Grade.WARNING, text, remedy)


def fail(topic: str, text: str, remedy: str) -> Finding:
    """Return what doesn't work."""
    return Finding(topic, Grade.FAILURE, text, remedy)
