"""Signing in: passwords for a session, and the tokens and sessions that a request brings."""

from __future__ import annotations

import logging
import secrets
from typing import NamedTuple

from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from kong_vault_py.manager.access.passwords import Passwords
from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.access.throttle import Throttle
from kong_vault_py.manager.access.tokens import digest, new_token
from kong_vault_py.manager.access.users import principal_of
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import ApiToken, LoginSession, User
from kong_vault_py.manager.problems import NotSignedInError, TooManyAttemptsError
from kong_vault_py.manager.records import Records

__all__ = ["SignedIn", "SigningIn"]

log = logging.getLogger(__name__)

_SEEN_EVERY_S = 60
_IDLE_SHARE = 8
_CLOCK_SKEW_S = 300


class SignedIn(NamedTuple):
    """A new session: its cookie's value, and who it is."""

    cookie: str
    principal: Principal


class SigningIn:
    """Logins, sessions and API tokens.

    Args:
        records: the manager's data.
        passwords: verifies them.
        throttle: bounds the attempts.
        session_s: seconds after which a session ends.
    """

    def __init__(self, records: Records, passwords: Passwords, throttle: Throttle, session_s: int) -> None:
        self._records = records
        self._passwords = passwords
        self._throttle = throttle
        self._session_s = session_s

    def login(self, username: str, password: str, address: str) -> SignedIn:
        """Begin a session.

        Raises:
            NotSignedInError: the name or the password is wrong, or the user is disabled: the text doesn't say which.
            TooManyAttemptsError: too many failed before.
        """
        now = self._records.now()
        with self._records.database.write() as session:
            self._throttle.sweep(session, now)
            self._throttle.take(session, f"address:{address}", now)
            self._throttle.take(session, f"name:{username}", now)
        with self._records.database.read() as session:
            user = session.scalars(select(User).where(User.username == username)).first()
        # Outside of any session: this takes its time.
        valid = self._passwords.matches(password, user.password_hash if user else None)
        with self._records.database.write() as session:
            if user is None or not valid or user.disabled:
                denied = Event(f"user:{username}", "login", address, outcome="denied")
                self._records.audit.append(session, denied)
                signed_in = None
            else:
                self._throttle.forgive(session, f"name:{username}")
                self._throttle.forgive(session, f"address:{address}")
                signed_in = self._begin(session, user, now)
                self._records.audit.append(session, Event(f"user:{username}", "login", address))
        if signed_in is None:
            raise NotSignedInError("wrong user name or password")
        return signed_in

    def logout(self, cookie: str) -> None:
        """End a session."""
        with self._records.database.write() as session:
            session.execute(delete(LoginSession).where(LoginSession.digest == digest(cookie)))

    def by_cookie(self, cookie: str) -> Principal | None:
        """Return whose session this is, ``None`` if it is over or unknown."""
        now = self._records.now()
        with self._records.database.read() as session:
            found = session.get(LoginSession, digest(cookie))
            idle_s = max(60, self._session_s // _IDLE_SHARE)
            if found is None or now >= found.expires_at or now >= found.seen_at + idle_s:
                return None
            if found.seen_at > now + _CLOCK_SKEW_S:
                # The clock was ahead then: the session would last too long.
                return None
            user = session.get(User, found.user_id)
            if user is None or user.disabled:
                return None
            principal = principal_of(session, user, found.csrf_token)
            stale = now - found.seen_at >= _SEEN_EVERY_S
        if stale:
            self._seen(cookie, now)
        return principal

    def _seen(self, cookie: str, now: int) -> None:
        try:
            with self._records.database.write() as session:
                seen = session.get(LoginSession, digest(cookie))
                if seen is not None:
                    seen.seen_at = now
        except SQLAlchemyError as error:
            # Who only reads gets an answer while nobody can write.
            log.warning("can't note that a session was used: %s", type(error).__name__)

    def by_token(self, text: str) -> Principal | None:
        """Return whose API token this is, ``None`` if it is over or unknown."""
        with self._records.database.read() as session:
            found = session.scalars(select(ApiToken).where(ApiToken.digest == digest(text))).first()
            if found is None or (found.expires_at is not None and self._records.now() >= found.expires_at):
                return None
            user = session.get(User, found.user_id)
            return None if user is None or user.disabled else principal_of(session, user)

    def refused(self, address: str, what: str) -> None:
        """Record a token or session that is none, so many times per address that nobody can fill the audit."""
        now = self._records.now()
        try:
            with self._records.database.write() as session:
                self._throttle.take(session, f"tokens:{address}", now)
                self._records.audit.append(
                    session, Event("unknown", "token.use", what, None, "denied", {"from": address})
                )
        except TooManyAttemptsError:
            return
        except SQLAlchemyError as error:
            log.error("the audit lacks that a %s was refused: %s", what, type(error).__name__)

    def _begin(self, session: Session, user: User, now: int) -> SignedIn:
        session.execute(delete(LoginSession).where(LoginSession.expires_at <= now))
        token, csrf_token = new_token("kvs"), secrets.token_urlsafe(32)
        made = LoginSession(
            digest=token.digest,
            user_id=user.id,
            csrf_token=csrf_token,
            created_at=now,
            seen_at=now,
            expires_at=now + self._session_s,
        )
        session.add(made)
        return SignedIn(token.text, principal_of(session, user, csrf_token))
