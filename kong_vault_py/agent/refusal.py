"""A request that is turned away before any vault is asked."""

from __future__ import annotations

__all__ = ["Refusal"]


class Refusal(Exception):  # noqa: N818  # an answer, no error of ours
    """What is answered instead.

    Args:
        status: the HTTP status.
        code: the error's code in the answer.
        message: one line; repeats nothing of the request that may be a secret.
    """

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
