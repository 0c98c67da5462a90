"""A secret value that shows itself only when asked, and the second net that masks live values in logs."""

from __future__ import annotations

import hmac
import logging
import threading
import weakref
from typing import Any, NoReturn

__all__ = ["MASK", "MaskingFilter", "Secret", "mask"]

MASK = "***"

# Shorter values ("1", "on", "user") would mask half of every log line and protect nothing.
_MIN_MASKED_LENGTH = 6

# By identity: of two secrets with one value, the value is masked until the last is gone.
_live: weakref.WeakValueDictionary[int, Secret] = weakref.WeakValueDictionary()
_live_lock = threading.Lock()


class Secret:
    """A secret, masked in ``str``, ``repr``, ``format``, JSON and logs; :meth:`reveal` opens it.

    It is no ``str`` subclass, so that nothing prints, joins, concatenates or serialises it by accident, and it
    refuses pickling and copying into other processes. Equality runs in constant time.

    Args:
        value: the plaintext. Bytes that are no UTF-8 travel as surrogate escapes.
    """

    __slots__ = ("__weakref__", "_value")

    def __init__(self, value: str | bytes) -> None:
        text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value
        if not isinstance(text, str):
            raise TypeError(f"a Secret holds str or bytes, not {type(value).__name__}")
        self._value = text
        if len(text) >= _MIN_MASKED_LENGTH:
            with _live_lock:
                _live[id(self)] = self

    def reveal(self) -> str:
        """Return the plaintext. Call it at the point of use and keep the result nowhere."""
        return self._value

    def reveal_bytes(self) -> bytes:
        """Return the plaintext's bytes, exactly as the vault held them."""
        return self._value.encode("utf-8", "surrogateescape")

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self.reveal_bytes(), other.reveal_bytes())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __str__(self) -> str:
        return MASK

    def __repr__(self) -> str:
        return f"Secret({MASK!r})"

    def __format__(self, spec: str) -> str:
        return format(MASK, spec)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret can't be pickled or copied: pass its reference on instead")

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Secret:
        return self


def mask(text: str) -> str:
    """Replace every live secret's value in ``text`` by ``***``."""
    with _live_lock:
        found = {value for secret in _live.values() if (value := secret.reveal()) in text}
    # Longest first: a value that contains another one must not leave its tail behind.
    for value in sorted(found, key=len, reverse=True):
        text = text.replace(value, MASK)
    return text


class MaskingFilter(logging.Filter):
    """The second net: a log record never carries the value of a living :class:`Secret`, tracebacks included.

    Put it on handlers (``handler.addFilter(MaskingFilter())``); a logger's filter would not see child loggers.
    """

    _formatter = logging.Formatter()

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record's message and traceback; always keeps the record."""
        record.msg = mask(record.getMessage())
        record.args = None
        if record.exc_info:
            record.exc_text = mask(record.exc_text or self._formatter.formatException(record.exc_info))
            record.exc_info = None
        return True
