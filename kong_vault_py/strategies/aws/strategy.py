"""The aws vault: fetching one secret or twenty, and its health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from kong_vault_py.errors import PermissionDeniedError, SecretNotFoundError, VaultError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.aws.batch import MAX_SECRETS, Batch
from kong_vault_py.strategies.aws.client import Client
from kong_vault_py.strategies.aws.config import AwsConfig
from kong_vault_py.strategies.aws.query import CURRENT, Query, fetched
from kong_vault_py.strategies.base import Fetched, Health, Strategy
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["AwsStrategy"]

# Needs no permission beyond the one to read, and need not exist: any answer about it is AWS's, to someone it knows.
_PROBE = "kong-vault-py/health-check"

Wanted = tuple[str, "float | None"]


class AwsStrategy(Strategy[AwsConfig]):
    """Reads secrets of AWS Secrets Manager; versions are the two staging labels, which move."""

    name: ClassVar[str] = "aws"
    config_class: ClassVar[type[StrategyConfig]] = AwsConfig
    sdk: ClassVar[tuple[str, ...]] = ("boto3", "botocore.session", "botocore.retries.standard")
    batch_size: ClassVar[int] = MAX_SECRETS

    def __init__(self, config: AwsConfig) -> None:
        super().__init__(config)
        self._client = Client(config)
        self._batch = Batch(self._client)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the secret's text (SecretString) or bytes (SecretBinary)."""
        return self._get(Query(resource, version), Deadline(timeout_s))

    def fetch_many(self, wanted: Sequence[Wanted], *, timeout_s: float) -> Mapping[Wanted, Fetched | VaultError]:
        """Return current versions by one call, and what it didn't bring, and other versions, one by one."""
        deadline = Deadline(timeout_s)
        queries: dict[Wanted, Query] = {}
        answers: dict[Wanted, Fetched | VaultError] = {}
        for pair in wanted:
            try:
                queries[pair] = Query(*pair)
            except SecretNotFoundError as error:
                answers[pair] = error
        current = {query.secret_id: query for query in queries.values() if query.stage == CURRENT}
        brought = self._batch.get(current, deadline) if len(current) > 1 else {}
        for pair, query in queries.items():
            found = brought.get(query.secret_id) if query.stage == CURRENT else None
            answers[pair] = found if found is not None else self._outcome(query, deadline)
        return answers

    def check(self, *, timeout_s: float) -> Health:
        """Ask for a secret that need not exist: only credentials that AWS knows get to hear that, or a denial."""
        doing = "checking AWS Secrets Manager's health"

        def ask() -> None:
            fetched(self._client.call("get_secret_value", doing, Deadline(timeout_s), SecretId=_PROBE), doing)

        return Health.of(ask, fine=(SecretNotFoundError, PermissionDeniedError))

    def close(self) -> None:
        """Close the connections and forget the credentials."""
        self._client.close()

    def _get(self, query: Query, deadline: Deadline) -> Fetched:
        answer = self._client.call(
            "get_secret_value", query.doing, deadline, SecretId=query.secret_id, VersionStage=query.stage
        )
        return fetched(answer, query.doing)

    def _outcome(self, query: Query, deadline: Deadline) -> Fetched | VaultError:
        try:
            return self._get(query, deadline)
        except VaultError as error:
            return error
