"""What the manager refuses, as Kong's Admin API words it; ``api/`` turns these into HTTP answers.

Codes, names and texts follow ``kong/db/errors.lua``, the statuses ``kong/api/endpoints.lua``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = [
    "BodyTooLargeError",
    "ConflictError",
    "InvalidOffsetError",
    "InvalidOptionsError",
    "InvalidSizeError",
    "InvalidUniqueError",
    "MediaTypeError",
    "NotAllowedError",
    "NotFoundError",
    "NotSignedInError",
    "NotVisibleError",
    "ProblemError",
    "SchemaViolationError",
    "TooManyAttemptsError",
    "UniqueViolationError",
]


class ProblemError(Exception):
    """A request that can't be done, and why.

    Attributes:
        status: of the HTTP answer.
        body: of the HTTP answer, JSON-able; holds no secret.
    """

    status = 400

    def __init__(self, message: str, **more: Any) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"message": message, **more}
        self.headers: dict[str, str] = {}


class NotFoundError(ProblemError):
    """There is no such thing, or none that the caller may know of."""

    status = 404

    def __init__(self, message: str = "Not found") -> None:
        super().__init__(message)


class NotVisibleError(NotFoundError):
    """The caller has no role where the thing is: the answer is that of a missing one, the audit tells the two apart."""


class NotSignedInError(ProblemError):
    """The request has no valid token or session."""

    status = 401

    def __init__(self, message: str = "Unauthorized") -> None:
        super().__init__(message)
        self.headers = {"WWW-Authenticate": "Bearer"}


class NotAllowedError(ProblemError):
    """The caller is known and may not do this."""

    status = 403


class TooManyAttemptsError(ProblemError):
    """Too many failed logins.

    Args:
        retry_after_s: seconds until the next attempt counts.
    """

    status = 429

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("Too many failed attempts, try again later")
        self.headers = {"Retry-After": str(retry_after_s)}


class BodyTooLargeError(ProblemError):
    """The request's body is larger than any that makes sense here."""

    status = 413

    def __init__(self) -> None:
        super().__init__("the body is too large")


class MediaTypeError(ProblemError):
    """The request's body is of a type that isn't read here."""

    status = 415


class ConflictError(ProblemError):
    """The thing is in a state that doesn't allow this."""

    status = 409


class SchemaViolationError(ProblemError):
    """Fields that won't do.

    Args:
        fields: name -> text, or a record's name -> its fields; ``@entity`` -> list of texts about all of them.
    """

    def __init__(self, fields: Mapping[str, Any]) -> None:
        texts = _texts(fields)
        counted = "schema violation" if len(texts) == 1 else f"{len(texts)} schema violations"
        super().__init__(f"{counted} ({'; '.join(texts)})", code=2, name="schema violation", fields=dict(fields))


class UniqueViolationError(ProblemError):
    """Another one has this key already.

    Args:
        key: the field and its value.
    """

    status = 409

    def __init__(self, key: Mapping[str, str]) -> None:
        written = ",".join(f'{name}="{value}"' for name, value in key.items())
        super().__init__(
            f"UNIQUE violation detected on '{{{written}}}'",
            code=5,
            name="unique constraint violation",
            fields=dict(key),
        )


class InvalidOffsetError(ProblemError):
    """A page's offset that is none of ours."""

    def __init__(self, offset: str, reason: str) -> None:
        super().__init__(f"'{offset}' is not a valid offset: {reason}", code=7, name="invalid offset")


class InvalidSizeError(ProblemError):
    """A page's size out of bounds."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, code=9, name="invalid size")


class InvalidUniqueError(ProblemError):
    """The key in a URL can't be any entity's."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason, code=10, name=f"invalid unique {field}")


class InvalidOptionsError(ProblemError):
    """A filter that won't do."""

    def __init__(self, options: Mapping[str, str]) -> None:
        texts = [f"{name}: {text}" for name, text in sorted(options.items())]
        counted = "invalid option" if len(texts) == 1 else f"{len(texts)} option violations"
        super().__init__(f"{counted} ({'; '.join(texts)})", code=11, name="invalid options", options=dict(options))


def _texts(fields: Mapping[str, Any]) -> list[str]:
    texts = list(fields.get("@entity", []))
    for name in sorted(fields.keys() - {"@entity"}):
        problem = fields[name]
        if isinstance(problem, Mapping):
            texts += [f"{name}.{sub}: {problem[sub]}" for sub in sorted(problem, key=str)]
        else:
            texts.append(f"{name}: {problem}")
    return texts
