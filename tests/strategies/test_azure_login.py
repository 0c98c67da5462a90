"""The azure vault logs in: by client secret, by managed identity, once for a crowd, and nowhere else."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.http.login_turns import LoginTurns
from tests.servers.azure_cloud import CLIENT_SECRET, TENANT_ID, AzureCloud
from tests.servers.json_server import Reply, Request
from tests.servers.polling import wait_until
from tests.strategies.azure_backends import REDIS, TIMEOUT_S, TOKEN_PATH, azure_strategy, fetch_redis, redis_error

_FETCH_IN_GREENLETS = """
import gevent.monkey; gevent.monkey.patch_all()
import gevent, json, sys
from kong_vault_py.options import build_config
from kong_vault_py.strategies.azure import AzureConfig, AzureStrategy
strategy = AzureStrategy(build_config(AzureConfig, json.loads(sys.argv[1]), where="test"))
jobs = [gevent.spawn(strategy.fetch, "redis", None, timeout_s=20) for _ in range(int(sys.argv[2]))]
print(*[job.get().value for job in jobs], sep="")
"""


def test_one_login_serves_many_reads_and_goes_to_the_login_alone(azure: AzureCloud) -> None:
    strategy = azure_strategy(azure)

    values = {fetch_redis(strategy) for _ in range(3)}

    assert values == {"pw"}
    (login,) = [request for request in azure.entra.requests if request.path == TOKEN_PATH]
    assert login.form["client_secret"] == CLIENT_SECRET
    assert login.form["scope"] == f"{azure.logins.resource}/.default"
    challenged, *read = azure.server.requests
    assert "authorization" not in challenged.headers
    assert len(read) == 3
    assert CLIENT_SECRET not in str(azure.server.requests)


def test_the_client_secret_comes_from_the_environment_under_the_chosen_prefix(
    azure: AzureCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "of another application")
    monkeypatch.setenv("TEAM_CLIENT_SECRET", CLIENT_SECRET)

    assert fetch_redis(azure_strategy(azure, client_secret=None, credentials_prefix="TEAM")) == "pw"
    assert "Invalid client secret" in redis_error(azure_strategy(azure, client_secret=None), AuthenticationError)
    assert fetch_redis(azure_strategy(azure)) == "pw", "the option wins"


def test_a_secret_from_the_environment_is_masked_in_what_azure_says(
    azure: AzureCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "canary-from-the-environment")
    said = {"error": "invalid_client", "error_description": "no canary-from-the-environment here\x1b[2J"}
    azure.logins_by_path[TOKEN_PATH] = lambda _: Reply(said, 401)

    message = redis_error(azure_strategy(azure, client_secret=None), AuthenticationError)

    assert "no *** here?[2J" in message


def test_a_secret_in_the_environment_needs_the_application(azure: AzureCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "s")

    message = redis_error(azure_strategy(azure, client_secret=None, tenant_id=None), ConfigError)

    assert "'AZURE_CLIENT_SECRET' is set, so options 'tenant_id' and 'client_id' are required" in message
    assert azure_strategy(azure, client_secret=None, tenant_id=None).check(timeout_s=1).status is HealthStatus.UNKNOWN


@pytest.mark.parametrize("client_id", [None, "user-assigned-77"])
def test_without_a_secret_the_managed_identity_is_used(
    azure: AzureCloud, monkeypatch: pytest.MonkeyPatch, client_id: str | None
) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.metadata.url)
    # The metadata service is beside us: no proxy knows the way there.
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    azure.logins.identities.add(client_id or "")

    assert fetch_redis(azure_strategy(azure, client_secret=None, tenant_id=None, client_id=client_id)) == "pw"
    assert azure.entra.requests == []


def test_without_a_managed_identity_either(azure: AzureCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", azure.metadata.url)

    message = redis_error(azure_strategy(azure, client_secret=None), AuthenticationError)

    assert "by managed identity (there is no client secret): refused" in message
    assert "Identity not found" in message
    assert len(azure.metadata.requests) == 1, "the SDK does not try again and again"


def test_workload_identity_of_kubernetes(azure: AzureCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("service-account-token")
    azure.logins.assertions["workload"] = "service-account-token"
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token))
    monkeypatch.setenv("AZURE_TENANT_ID", TENANT_ID)
    monkeypatch.setenv("AZURE_CLIENT_ID", "workload")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", azure.entra.url)

    assert fetch_redis(azure_strategy(azure, client_secret=None, tenant_id=None, client_id=None)) == "pw"


def test_a_vault_of_another_tenant(azure: AzureCloud) -> None:
    message = redis_error(azure_strategy(azure, tenant_id="other"), AuthenticationError)

    assert "the key vault is of another tenant than option 'tenant_id' says" in message
    assert azure.entra.count(TOKEN_PATH) == 0


def test_a_token_that_the_vault_refuses_is_not_kept(azure: AzureCloud) -> None:
    strategy = azure_strategy(azure)
    fetch_redis(strategy)
    azure.logins.revoke_all()

    assert "refuses our token" in redis_error(strategy, AuthenticationError)
    assert fetch_redis(strategy) == "pw"


def test_a_crowd_makes_one_login_and_shares_its_failure(azure: AzureCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    logging_in = threading.Event()
    arrived, turn = [], LoginTurns.turn
    monkeypatch.setattr(LoginTurns, "turn", lambda *arguments: arrived.append(1) or turn(*arguments))

    def slow(request: Request) -> Reply:
        logging_in.wait(TIMEOUT_S)
        return azure.logins.entra(request, azure.entra.url)

    azure.logins_by_path[TOKEN_PATH] = slow
    strategy = azure_strategy(azure, client_secret="wrong")

    with ThreadPoolExecutor(8) as pool:
        fetches = [pool.submit(redis_error, strategy, AuthenticationError) for _ in range(8)]
        wait_until(lambda: len(arrived) >= 3, "a crowd to want a login")
        late = len(fetches) - len(arrived)  # on a busy machine some come after the failure, and try for themselves
        logging_in.set()
        messages = {fetch.result() for fetch in fetches}

    assert len(messages) == 1
    assert azure.entra.count(TOKEN_PATH) <= 1 + late


def test_greenlets_share_a_strategy(azure: AzureCloud) -> None:
    """As the plugin server runs it: everything patched, many greenlets in one thread."""
    options = json.dumps(azure.options())

    run = subprocess.run(
        [sys.executable, "-c", _FETCH_IN_GREENLETS, options, "6"], capture_output=True, text=True, timeout=60
    )

    assert (run.stdout, run.stderr) == ("pw" * 6 + "\n", "")
    assert azure.entra.count(TOKEN_PATH) == 1


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply({"error": "slow_down"}, 429), UnavailableError, "logging in to Azure by client secret: Azure's rate"),
        (Reply(b"oops", 500), UnavailableError, "logging in to Azure by client secret: https://127.0.0.1:"),
        (Reply(b"<html>portal</html>"), InvalidResponseError, "check option 'authority_host', and proxies"),
        (Reply({}), AuthenticationError, "logging in to Azure by client secret: refused"),
    ],
)
def test_a_login_that_does_not_work(azure: AzureCloud, reply: Reply, kind: type[VaultError], said: str) -> None:
    azure.logins_by_path[TOKEN_PATH] = lambda _: reply

    assert said in redis_error(azure_strategy(azure), kind)


def test_a_vault_can_not_send_the_login_elsewhere(azure: AzureCloud) -> None:
    elsewhere = 'Bearer authorization="https://login.invalid/t", resource="https://vault.invalid"'
    azure.replies[REDIS] = Reply({}, 401, {"WWW-Authenticate": elsewhere})

    assert "asks for a login to some other host" in redis_error(azure_strategy(azure), InvalidResponseError)
    assert azure.entra.requests == []
