"""The azure vault reads: versions, and what each refusal of a key vault means."""

from __future__ import annotations

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.base import HealthStatus
from tests.servers.azure_cloud import CLIENT_ID, AzureCloud
from tests.servers.json_server import Reply
from tests.strategies.azure_backends import REDIS, TIMEOUT_S, azure_strategy, fetch_redis, redis_error


def test_versions_count_from_the_newest_and_skip_disabled_ones(azure: AzureCloud) -> None:
    azure.vault.put("redis", "withdrawn").enabled = False
    for value in ("c", "b", "a"):
        azure.vault.put("redis", value)
    strategy = azure_strategy(azure)

    assert [fetch_redis(strategy, number) for number in (None, 1, 2, 3, 4)] == ["a", "a", "b", "c", "pw"]
    assert "no version 5, only 4 that are enabled" in redis_error(strategy, SecretNotFoundError, 5)


def test_the_current_version_needs_no_list(azure: AzureCloud) -> None:
    strategy = azure_strategy(azure)

    fetch_redis(strategy, 1)

    assert {request.path for request in azure.server.requests} == {REDIS}


def test_versions_of_one_second_are_not_guessed(azure: AzureCloud) -> None:
    for value in ("b", "a"):
        azure.vault.put("redis", value, created_s=1_800_000_000)
    strategy = azure_strategy(azure)

    assert "made in the same second" in redis_error(strategy, SecretNotFoundError, 2)
    assert fetch_redis(strategy, 3) == "pw"


def test_a_disabled_secret_is_not_there(azure: AzureCloud) -> None:
    azure.vault.put("redis", "withdrawn").enabled = False

    assert "it is disabled; enable it" in redis_error(azure_strategy(azure), SecretNotFoundError)


def test_the_vaults_firewall(azure: AzureCloud) -> None:
    azure.vault.shut_out.add(CLIENT_ID)
    strategy = azure_strategy(azure)

    assert "firewall does not let this address in" in redis_error(strategy, PermissionDeniedError)
    health = strategy.check(timeout_s=TIMEOUT_S)
    assert (health.status, "firewall" in health.detail) == (HealthStatus.UNKNOWN, True)


def test_a_denial_names_the_role(azure: AzureCloud) -> None:
    azure.vault.denied.add((CLIENT_ID, "redis"))

    message = redis_error(azure_strategy(azure), PermissionDeniedError)

    assert "(ForbiddenByRbac); give it the role 'Key Vault Secrets User'" in message


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply({"error": {"code": "Throttled"}}, 429), UnavailableError, "rate limit at https://127.0.0.1"),
        (Reply(b"<html>bad gateway</html>", 502), UnavailableError, "answered HTTP 502"),
        (Reply({}, 503), UnavailableError, "answered HTTP 503"),
        (Reply({}, 307, {"Location": "https://127.0.0.1:1/"}), UnavailableError, "redirects (HTTP 307)"),
        (Reply(b"<html>not found</html>", 404), InvalidResponseError, "no JSON object"),
        (Reply({"error": "odd"}, 404), InvalidResponseError, "the key vault answered HTTP 404"),
        (Reply({"error": {"code": "X", "message": "a\nb"}}, 400), InvalidResponseError, "answered HTTP 400: a b"),
        (
            Reply({"error": {"code": "Forbidden", "innerError": {"code": "SecretDisabled"}}}, 403),
            SecretNotFoundError,
            "",
        ),
        (Reply({"error": None}, 403), PermissionDeniedError, "(HTTP 403)"),
        (Reply(b'{"id": "https://v/secrets/a/b", "value": "\\ud800"}'), InvalidResponseError, "not valid Unicode"),
        (Reply(b" " * (4 * 1024 * 1024 + 1)), InvalidResponseError, "larger than"),
        (Reply({}, 401), AuthenticationError, "refuses our token"),
    ],
)
def test_what_is_no_secret(azure: AzureCloud, reply: Reply, kind: type[VaultError], said: str) -> None:
    strategy = azure_strategy(azure)
    fetch_redis(strategy)
    azure.replies[REDIS] = reply

    assert said in redis_error(strategy, kind)
