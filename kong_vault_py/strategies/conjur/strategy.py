"""The conjur vault: one variable per resource, several in one call."""

from __future__ import annotations

import http
from collections.abc import Mapping, Sequence
from typing import ClassVar

from kong_vault_py.errors import AuthenticationError, VaultError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy
from kong_vault_py.strategies.conjur.batch import values_in
from kong_vault_py.strategies.conjur.client import Client
from kong_vault_py.strategies.conjur.config import ConjurConfig
from kong_vault_py.strategies.conjur.refusals import read_refused, unexpected
from kong_vault_py.strategies.conjur.tokens import Tokens
from kong_vault_py.strategies.conjur.variable import Variable, batch_path
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.exchange import Answer

__all__ = ["ConjurStrategy"]

_CHECKING = "checking Conjur's health"

Wanted = tuple[str, float | None]


class ConjurStrategy(Strategy[ConjurConfig]):
    """Reads variables; the value is the variable's own, text or JSON.

    A pinned version is not immutable: Conjur keeps the last 20, and a variable that was deleted and made anew starts
    over at 1.
    """

    name: ClassVar[str] = "conjur"
    config_class: ClassVar[type[StrategyConfig]] = ConjurConfig
    sdk: ClassVar[tuple[str, ...]] = ("requests",)
    #: Ids of 200 characters each keep the request's line below the 8 KiB that web servers take.
    batch_size: ClassVar[int] = 30

    def __init__(self, config: ConjurConfig) -> None:
        super().__init__(config)
        self._client = Client(config)
        self._tokens = Tokens(self._client.log_in)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the variable's value, logging in first where needed."""
        return self._fetch(Variable(self.config.account, resource, version), Deadline(timeout_s))

    def fetch_many(self, wanted: Sequence[Wanted], *, timeout_s: float) -> Mapping[Wanted, Fetched | VaultError]:
        """Return the values of several variables by Conjur's batch call, the rest of them one by one.

        Conjur refuses a batch as a whole when one variable of it is missing or denied: who is to blame shows then.
        """
        deadline = Deadline(timeout_s)
        answers: dict[Wanted, Fetched | VaultError] = {}
        variables: dict[Wanted, Variable] = {}
        for resource, version in wanted:
            try:
                variables[resource, version] = Variable(self.config.account, resource, version)
            except VaultError as error:
                answers[resource, version] = error
        values = self._read_batch([found for found in variables.values() if found.fits_batch], deadline)
        for pair, variable in variables.items():
            value = values.get(variable.id) if variable.fits_batch else None
            answers[pair] = self._outcome(variable, deadline) if value is None else Fetched(value)
        return answers

    def check(self, *, timeout_s: float) -> Health:
        """Ask Conjur who we are."""
        deadline = Deadline(timeout_s)

        def ask() -> None:
            answer = self._ask("/whoami", deadline, _CHECKING)
            if answer.status != http.HTTPStatus.OK:
                raise unexpected(answer, _CHECKING)

        return Health.of(ask)

    def close(self) -> None:
        """Forget the token and close the connections; the token itself is good until it expires."""
        self._tokens.close()
        self._client.close()

    def _fetch(self, variable: Variable, deadline: Deadline) -> Fetched:
        answer = self._ask(variable.path, deadline, variable.doing)
        if answer.status != http.HTTPStatus.OK:
            raise read_refused(answer, variable.doing)
        return Fetched(answer.body.decode("utf-8", "surrogateescape"))

    def _outcome(self, variable: Variable, deadline: Deadline) -> Fetched | VaultError:
        try:
            return self._fetch(variable, deadline)
        except VaultError as error:
            return error

    def _read_batch(self, variables: list[Variable], deadline: Deadline) -> dict[str, str]:
        """Return values by id; none where Conjur refuses the batch for what is in it."""
        if len(variables) < 2:
            return {}
        doing = f"reading {len(variables)} variables from Conjur"
        answer = self._ask(batch_path(variables), deadline, doing, in_base64=True)
        if answer.status == http.HTTPStatus.OK:
            return values_in(answer, doing)
        if answer.status // 100 == 4 and answer.status != http.HTTPStatus.TOO_MANY_REQUESTS:
            return {}
        raise unexpected(answer, doing)

    def _ask(self, path: str, deadline: Deadline, doing: str, *, in_base64: bool = False) -> Answer:
        """Send a GET; a token that is refused may have been revoked: then one new login, and one more try."""
        token = self._tokens.current(deadline)
        answer = self._client.read(path, token, deadline, doing, in_base64=in_base64)
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            token = self._tokens.replace(token, deadline)
            answer = self._client.read(path, token, deadline, doing, in_base64=in_base64)
        if answer.status == http.HTTPStatus.UNAUTHORIZED:
            raise AuthenticationError(f"{doing}: Conjur refuses the token that it has just given; ask its operator why")
        return answer
