"""Reading up to twenty secrets by one call, BatchGetSecretValue."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from kong_vault_py.errors import InvalidResponseError, PermissionDeniedError, SecretNotFoundError, VaultError
from kong_vault_py.strategies.aws.answers import refused
from kong_vault_py.strategies.aws.client import Client
from kong_vault_py.strategies.aws.query import Query, fetched
from kong_vault_py.strategies.base import Fetched
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["MAX_SECRETS", "Batch"]

#: AWS's limit.
MAX_SECRETS = 20
# A full ARN ends in a dash and six characters that AWS chose; a partial one lacks them.
_ARN_SUFFIX_CHARS = 7

log = logging.getLogger(__name__)


class Batch:
    """Asks for several current values at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told = False

    def get(self, queries: Mapping[str, Query], deadline: Deadline) -> dict[str, Fetched | VaultError]:
        """Return what AWS says of each; what it doesn't speak of is not among them.

        Args:
            queries: secret id -> its query, :data:`MAX_SECRETS` of them at most.
            deadline: for all of it.

        Raises:
            StrategyError: AWS can't be asked at all.
        """
        answers: dict[str, Fetched | VaultError] = {}
        try:
            for page in self._pages(list(queries), deadline):
                answers |= _answers(page, queries)
        except (PermissionDeniedError, SecretNotFoundError, InvalidResponseError) as error:
            # The batch call needs a permission of its own, and not every endpoint has it: single calls do it too.
            if not self._told:
                log.warning("%s; so each secret costs a call of its own", error)
            self._told = True
        return answers

    def _pages(self, secret_ids: list[str], deadline: Deadline) -> Iterator[dict[str, Any]]:
        doing = f"reading {len(secret_ids)} secrets at once from AWS Secrets Manager"
        continued: dict[str, str] = {}
        # No more pages than secrets: one that never stops turning is not followed.
        for _ in secret_ids:
            page = self._client.call("batch_get_secret_value", doing, deadline, SecretIdList=secret_ids, **continued)
            yield page
            if not page.get("NextToken"):
                return
            continued = {"NextToken": page["NextToken"]}


def _answers(page: Mapping[str, Any], queries: Mapping[str, Query]) -> dict[str, Fetched | VaultError]:
    values: dict[str, Mapping[str, Any]] = {}
    for value in page.get("SecretValues") or ():
        arn = value.get("ARN", "")
        values |= {value.get("Name", ""): value, arn: value, arn[:-_ARN_SUFFIX_CHARS]: value}
    errors = {error.get("SecretId"): error for error in page.get("Errors") or ()}
    answers: dict[str, Fetched | VaultError] = {}
    for secret_id, query in queries.items():
        if secret_id in values:
            answers[secret_id] = _fetched(values[secret_id], query.doing)
        elif secret_id in errors:
            error = errors[secret_id]
            answers[secret_id] = refused(error.get("ErrorCode", ""), error.get("Message", ""), None, query.doing)
    return answers


def _fetched(value: Mapping[str, Any], doing: str) -> Fetched | VaultError:
    try:
        return fetched(value, doing)
    except InvalidResponseError as error:
        return error
