"""Counting login attempts per name and per address, over all managers of a database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, case, delete, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from kong_vault_py.manager.database.models import FailedLogins
from kong_vault_py.manager.problems import TooManyAttemptsError

__all__ = ["Throttle"]


class Throttle:
    """Allows so many attempts in a window of time.

    Args:
        attempts: how many.
        window_s: of how many seconds.
    """

    def __init__(self, attempts: int, window_s: int) -> None:
        self._attempts = attempts
        self._window_s = window_s

    def take(self, session: Session, subject: str, now: int) -> None:
        """Count an attempt: before it is tried, so that many at once are no more than their number.

        Raises:
            TooManyAttemptsError: it is one too many.
        """
        insert: Any = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        over = self._over(now)
        counted = {
            "attempts": case((over, 1), else_=FailedLogins.attempts + 1),
            "began_at": case((over, now), else_=FailedLogins.began_at),
        }
        row = {"subject": subject[:255], "began_at": now, "attempts": 1}
        statement = insert(FailedLogins).values(row).on_conflict_do_update(index_elements=["subject"], set_=counted)
        began_at, attempts = session.execute(statement.returning(FailedLogins.began_at, FailedLogins.attempts)).one()
        if attempts > self._attempts:
            raise TooManyAttemptsError(max(1, began_at + self._window_s - now))

    def forgive(self, session: Session, subject: str) -> None:
        """Forget a subject's attempts, after one that succeeded."""
        session.execute(delete(FailedLogins).where(FailedLogins.subject == subject[:255]))

    def sweep(self, session: Session, now: int) -> None:
        """Remove what is over."""
        session.execute(delete(FailedLogins).where(self._over(now)))

    def _over(self, now: int) -> ColumnElement[bool]:
        # Far in the future: the clock was ahead then. A little: another manager's clock.
        return or_(FailedLogins.began_at <= now - self._window_s, FailedLogins.began_at > now + self._window_s)
