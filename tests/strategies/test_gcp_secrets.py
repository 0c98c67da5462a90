"""The gcp vault: which secret and version is read, and what Google's refusals become."""

from __future__ import annotations

import dataclasses
import json
import logging
import subprocess
import sys
import time
import traceback

import pytest

from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.options import build_config
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.gcp import GcpConfig, GcpStrategy
from kong_vault_py.strategies.gcp.checksum import crc32c
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.http_service import Answer, Request
from tests.servers.secret_manager import PROJECT
from tests.strategies.gcp_backends import GcpBackend

_TIMEOUT_S = 10.0


def _value(strategy: GcpStrategy, resource: str = "redis", version: float | None = None) -> str | bytes:
    return strategy.fetch(resource, version, timeout_s=_TIMEOUT_S).value


def _refuses(backend: GcpBackend, code: int, error: object) -> None:
    backend.server.answer_with = lambda request: Answer.of_json(code, error)


@pytest.mark.parametrize("resource", ["team/redis", "redis:1", "rédis", "redis.password", "a" * 256])
def test_what_can_not_be_a_name_is_an_error_before_any_call(own_gcp: GcpBackend, resource: str) -> None:
    with pytest.raises(SecretNotFoundError, match="letters, digits, '-' and '_', without slashes"):
        _value(own_gcp.strategy(), resource)

    assert (own_gcp.server.requests, own_gcp.accounts.logins) == ([], 0)


def test_what_can_not_be_a_version_is_an_error_before_any_call(own_gcp: GcpBackend) -> None:
    for version in (0.0, 1.5, 1e300):
        with pytest.raises(SecretNotFoundError, match="versions are whole numbers from 1 on"):
            _value(own_gcp.strategy(), "redis", version)

    assert (own_gcp.server.requests, own_gcp.accounts.logins) == ([], 0)


def test_a_version_is_gone_while_it_is_disabled_and_for_ever_once_destroyed(own_gcp: GcpBackend) -> None:
    own_gcp.put_versions("redis", "old", "new")
    strategy = own_gcp.strategy()

    own_gcp.change("redis", 1, "disable")
    with pytest.raises(SecretNotFoundError, match="disabled or destroyed .*DISABLED state"):
        _value(strategy, version=1)
    own_gcp.change("redis", 1, "enable")
    assert _value(strategy, version=1) == b"old"

    own_gcp.change("redis", 1, "destroy")
    with pytest.raises(SecretNotFoundError, match="disabled or destroyed .*DESTROYED state"):
        _value(strategy, version=1)
    assert _value(strategy) == b"new"


def test_latest_is_the_newest_version_even_where_it_is_disabled(own_gcp: GcpBackend) -> None:
    own_gcp.put_versions("redis", "old", "new")
    own_gcp.change("redis", 2, "disable")

    with pytest.raises(SecretNotFoundError, match="DISABLED state"):
        _value(own_gcp.strategy())


def test_a_role_on_one_secret_reads_that_one_and_is_healthy(own_gcp: GcpBackend) -> None:
    own_gcp.put("redis", "pw")
    own_gcp.put("other", "pw")
    key = own_gcp.accounts.make_account("least")
    own_gcp.server.readers_of_one[key["client_email"]] = "redis"
    strategy = own_gcp.strategy(service_account=json.dumps(key))

    assert _value(strategy) == b"pw"
    with pytest.raises(PermissionDeniedError, match=r"roles/secretmanager.secretAccessor"):
        _value(strategy, "other")
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK


def test_crc32c_is_castagnoli() -> None:
    assert (crc32c(b"123456789"), crc32c(b""), crc32c(bytes(32))) == (0xE3069283, 0, 0x8A9136AA)


def test_a_damaged_value_is_refused_and_not_shown(own_gcp: GcpBackend) -> None:
    payload = {"data": "Y2FuYXJ5LXZhbHVl", "dataCrc32c": "1"}
    _refuses(own_gcp, 200, {"name": "projects/1/secrets/redis/versions/1", "payload": payload})

    with pytest.raises(InvalidResponseError, match="damaged on its way") as caught:
        _value(own_gcp.strategy())

    shown = "".join(traceback.format_exception(caught.value))
    assert "canary-value" not in shown
    assert payload["data"] not in shown


def test_a_value_without_checksum_is_taken(own_gcp: GcpBackend) -> None:
    _refuses(own_gcp, 200, {"name": "projects/1/secrets/redis/versions/1", "payload": {"data": "cHc="}})

    assert _value(own_gcp.strategy()) == b"pw"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (429, "RESOURCE_EXHAUSTED", UnavailableError),
        (500, "INTERNAL", UnavailableError),
        (503, "UNAVAILABLE", UnavailableError),
        (409, "ABORTED", UnavailableError),
        (504, "DEADLINE_EXCEEDED", StrategyTimeoutError),
        (400, "INVALID_ARGUMENT", InvalidResponseError),
        (404, "NOT_FOUND", SecretNotFoundError),
    ],
)
def test_statuses_become_errors_of_ours_without_a_second_try(
    own_gcp: GcpBackend, code: int, status: str, expected: type[Exception]
) -> None:
    _refuses(own_gcp, code, {"error": {"code": code, "message": "The\nreason.", "status": status}})

    with pytest.raises(expected, match=r"reading 'redis' .*The reason") as caught:
        _value(own_gcp.strategy())

    assert type(caught.value) is expected
    assert len(own_gcp.server.requests) == 1


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_load_balancers_page_is_unavailable(own_gcp: GcpBackend, code: int) -> None:
    own_gcp.server.answer_with = lambda request: Answer(code, b"<html>try later</html>", "text/html")

    with pytest.raises(UnavailableError, match=f"HTTP {code}"):
        _value(own_gcp.strategy())


def test_a_disabled_kms_key_leaves_the_old_value_in_use(own_gcp: GcpBackend) -> None:
    message = "Cloud KMS key projects/p/cryptoKeys/k is not enabled, current state is: DISABLED."
    _refuses(own_gcp, 400, {"error": {"code": 400, "message": message, "status": "FAILED_PRECONDITION"}})

    with pytest.raises(UnavailableError, match="Cloud KMS key"):
        _value(own_gcp.strategy())


def test_a_project_without_the_api_is_no_matter_of_roles(own_gcp: GcpBackend) -> None:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "SERVICE_DISABLED"}]
    error = {"code": 403, "message": "Secret Manager API is disabled.", "status": "PERMISSION_DENIED"}
    _refuses(own_gcp, 403, {"error": error | {"details": details}})
    strategy = own_gcp.strategy()

    with pytest.raises(UnavailableError, match="the project can't use Secret Manager"):
        _value(strategy)
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.UNAVAILABLE


def test_a_redirect_is_not_followed(own_gcp: GcpBackend) -> None:
    with LoopbackServer(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}") as elsewhere:
        location = f"http://{elsewhere.host}:{elsewhere.port}/"
        redirect = f"HTTP/1.1 307 Temporary Redirect\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
        with (
            LoopbackServer(redirect.encode()) as server,
            pytest.raises(UnavailableError, match="redirects elsewhere, which is not followed"),
        ):
            _value(own_gcp.strategy_at(server.host, server.port))

        assert elsewhere.requests == []


def test_an_answer_that_trickles_can_not_outlast_the_deadline(own_gcp: GcpBackend) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n{"
    with LoopbackServer(head, trickle=b" ", every_s=0.02) as server:
        strategy = own_gcp.strategy_at(server.host, server.port)
        started_s = time.monotonic()
        with pytest.raises(StrategyTimeoutError, match=r"took longer than 0.5 s"):
            strategy.fetch("redis", None, timeout_s=0.5)

    assert time.monotonic() - started_s < 1.5


def test_structured_debug_logs_hold_neither_value_nor_token(
    own_gcp: GcpBackend, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    own_gcp.put("redis", "canary-value")
    # The library cuts its loggers off at its first use, unless they are configured.
    _value(own_gcp.strategy())
    monkeypatch.setattr(logging.getLogger("google"), "propagate", True)
    caplog.set_level(logging.DEBUG)

    assert _value(own_gcp.strategy()) == b"canary-value"

    logged = "\n".join(str(vars(record)) for record in caplog.records)
    assert "Y2FuYXJ5LXZhbHVl" not in logged
    for secret in ("canary-value", *own_gcp.credentials):
        assert secret not in logged
    # The library's own records of requests and answers do not come at all: a later release may put more into them.
    assert [record for record in caplog.records if record.name.endswith("transports.rest")] == []


def test_proxies_in_the_environment_are_not_used(own_gcp: GcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    own_gcp.put("redis", "pw")
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert _value(own_gcp.strategy()) == b"pw"


def test_a_forked_process_opens_connections_of_its_own(own_gcp: GcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    own_gcp.put("redis", "pw")
    strategy = own_gcp.strategy()
    _value(strategy)
    before = strategy._connections._session

    monkeypatch.setattr("os.getpid", lambda: 4711)

    assert _value(strategy) == b"pw"
    assert strategy._connections._session is not before


_IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import os, sys, time
import gevent
from kong_vault_py.options import build_config
from kong_vault_py.strategies.gcp import GcpConfig, GcpStrategy

strategy = GcpStrategy(build_config(GcpConfig, {"project_id": "test-project", "endpoint_url": sys.argv[1]}, where="x"))
fetches = [gevent.spawn(strategy.fetch, "redis", None, timeout_s=20) for _ in range(5)]
gevent.joinall(fetches, raise_error=True)
print({fetch.value.value for fetch in fetches})
"""


def test_greenlets_share_a_strategy(own_gcp: GcpBackend) -> None:
    own_gcp.put("redis", "pw")

    done = subprocess.run(
        [sys.executable, "-c", _IN_GREENLETS, own_gcp.server.url],
        capture_output=True,
        text=True,
        env={"GCP_SERVICE_ACCOUNT": json.dumps(own_gcp.key)},
        timeout=60,
        check=False,
    )

    assert (done.stdout.strip(), done.returncode) == ("{b'pw'}", 0), done.stderr
    assert own_gcp.accounts.logins == 1


def test_the_command_line_resolves_a_key_of_a_secret(own_gcp: GcpBackend) -> None:
    own_gcp.put("redis", '{"user": "kong", "password": "hunter2"}')

    done = subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", "get", "{vault://gcp/redis/password}"],
        capture_output=True,
        text=True,
        env={
            "GCP_SERVICE_ACCOUNT": json.dumps(own_gcp.key),
            "KONG_VAULT_GCP_PROJECT_ID": PROJECT,
            "KONG_VAULT_GCP_ENDPOINT_URL": own_gcp.server.url,
        },
        timeout=60,
        check=False,
    )

    assert (done.stdout, done.stderr, done.returncode) == ("hunter2\n", "", 0)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "host:443",
        "https://",
        "https://user:pw@host",
        "https://host/v1",
        "https://host?x=1",
        "https://host:99999",
        "https://ho st",
        "https://[::1",
    ],
)
def test_an_endpoint_is_scheme_host_and_port(url: str) -> None:
    with pytest.raises(ConfigError, match="'endpoint_url'"):
        build_config(GcpConfig, {"project_id": "p", "endpoint_url": url}, where="vault 'x'")


@pytest.mark.parametrize("url", ["https://host", "https://host/", "http://127.0.0.1:80", "https://[::1]:8443"])
def test_an_endpoint_loses_no_more_than_its_last_slash(url: str) -> None:
    config = build_config(GcpConfig, {"project_id": "p", "endpoint_url": url}, where="vault 'x'")

    assert config.url == url.rstrip("/")


@pytest.mark.parametrize("project", ["", "a/b", "../x", "p?q", "p q"])
def test_a_project_is_required_and_leads_nowhere_else(project: str) -> None:
    with pytest.raises(ConfigError, match="'project_id'"):
        build_config(GcpConfig, {"project_id": project}, where="vault 'x'")


def test_neither_place_nor_identity_can_be_overridden() -> None:
    own = {"project_id", "service_account", "endpoint_url", "ca_cert"}

    overridable = {f.name for f in dataclasses.fields(GcpConfig) if f.metadata["option"].override}

    assert not own & overridable


def test_the_request_is_what_googles_reference_says(own_gcp: GcpBackend) -> None:
    own_gcp.put("redis", "pw")
    own_gcp.server.requests.clear()

    _value(own_gcp.strategy(), version=1)

    (asked,) = own_gcp.server.requests
    expected = ("GET", f"/v1/projects/{PROJECT}/secrets/redis/versions/1:access")
    assert (asked.method, asked.path) == expected
    assert isinstance(asked, Request)
