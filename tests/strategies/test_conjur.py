"""What the conjur vault sends, and how it takes what comes back."""

from __future__ import annotations

import logging
import re
import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.conjur import ConjurStrategy
from kong_vault_py.strategies.http.exchange import MAX_RESPONSE_BYTES
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.conjur_api import Reply
from tests.servers.conjur_server import ConjurServer
from tests.strategies.conjur_backends import HOST, ConjurBackend

_TIMEOUT_S = 5.0
_ID = "gateway/redis"
_AUTHN = "/authn/"
_PATH = "/secrets/acme/variable/gateway%2Fredis"


@pytest.fixture
def backend(conjur: Callable[..., ConjurServer]) -> ConjurBackend:
    backend = ConjurBackend(conjur())
    backend.put(_ID, "pw")
    return backend


def _fetch(strategy: ConjurStrategy, resource: str = _ID, version: float | None = None) -> str | bytes:
    return strategy.fetch(resource, version, timeout_s=_TIMEOUT_S).value


def _error(backend: ConjurBackend, kind: type[VaultError], **options: object) -> str:
    """Return the message of the fetch's error, having looked for the API key in everything that it carries."""
    with pytest.raises(kind) as caught:
        _fetch(backend.strategy(**options))
    assert backend.api_key not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()
    return str(caught.value)


# What is sent


def test_the_login(backend: ConjurBackend) -> None:
    _fetch(backend.strategy(api_key=f" {backend.api_key}\n"))

    login = backend.server.requests[0]
    assert (login.method, login.path) == ("POST", "/authn/acme/host%2Fgateway%2Fkong/authenticate")
    assert login.body == backend.api_key.encode()
    assert login.headers["Accept-Encoding"] == "base64"
    assert "Authorization" not in login.headers


def test_the_read(backend: ConjurBackend) -> None:
    _fetch(backend.strategy())

    read = backend.server.requests[1]
    assert (read.method, read.path, read.body) == ("GET", _PATH, b"")
    assert read.headers["Authorization"].startswith('Token token="')
    assert backend.api_key not in str(read)


@pytest.mark.parametrize("name", ["plain", "a/b/c", "50% & more + äöü", "user@host:1", "a%2Fb", "a,b", "..a/b.."])
def test_ids_are_encoded_once(backend: ConjurBackend, name: str) -> None:
    backend.put(name, f"value of {name}")

    assert _fetch(backend.strategy(), name) == f"value of {name}"


@pytest.mark.parametrize("login", ["dave", "Dave@BotApp", "host/data/a b"])
def test_users_and_hosts_log_in(backend: ConjurBackend, login: str) -> None:
    key = backend.server.state.add_role(login)
    backend.server.state.permit(login, _ID, "execute")

    assert _fetch(backend.strategy(login=login, api_key=key)) == "pw"


def test_bytes_that_are_no_text_survive(backend: ConjurBackend) -> None:
    backend.put("key", b"\xff\x00\xfe")

    assert _fetch(backend.strategy(), "key") == "\udcff\x00\udcfe"


def test_connections_are_reused(backend: ConjurBackend) -> None:
    strategy = backend.strategy()

    for _ in range(3):
        _fetch(strategy)

    assert (len(backend.server.requests), backend.server.connections) == (4, 1)


def test_nothing_is_taken_from_the_environment(backend: ConjurBackend, tmp_path: Path) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login netrc password netrc")
    netrc.chmod(0o600)
    elsewhere = "http://127.0.0.1:9"
    environment = dict.fromkeys(("HTTP_PROXY", "http_proxy", "ALL_PROXY", "CONJUR_APPLIANCE_URL"), elsewhere)
    environment |= dict.fromkeys(("CONJUR_ACCOUNT", "CONJUR_AUTHN_LOGIN", "CONJUR_AUTHN_API_KEY"), "environment")
    environment |= {"HOME": str(tmp_path), "REQUESTS_CA_BUNDLE": "/nonexistent"}

    fetching = _kong_vault_get(backend, environment)

    assert (fetching.stdout, fetching.stderr) == ("pw\n", "")
    assert "environment" not in str(backend.server.requests)


def test_the_command_line_resolves_a_reference_as_kong_writes_it(backend: ConjurBackend) -> None:
    assert _kong_vault_get(backend, {}).stdout == "pw\n"


def _kong_vault_get(backend: ConjurBackend, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    settings = {
        "KONG_VAULT_CONJUR_ENDPOINT_URL": backend.server.url,
        "KONG_VAULT_CONJUR_AUTH_METHOD": "api_key",
        "KONG_VAULT_CONJUR_ACCOUNT": "acme",
        "KONG_VAULT_CONJUR_LOGIN": HOST,
        "KONG_VAULT_CONJUR_API_KEY": backend.api_key,
    }
    return subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", "get", "{vault://conjur/gateway%2Fredis}"],
        env=environment | settings,
        capture_output=True,
        text=True,
    )


# What comes back


def test_a_variable_without_a_value(backend: ConjurBackend) -> None:
    backend.server.state.add_variable("empty")
    backend.server.state.permit(HOST, "empty", "read", "execute")

    with pytest.raises(SecretNotFoundError, match="it has no value"):
        _fetch(backend.strategy(), "empty")


def test_what_no_privilege_shows_is_as_good_as_absent(backend: ConjurBackend) -> None:
    backend.server.state.permit(HOST, _ID)

    assert "no privilege shows it to us" in _error(backend, SecretNotFoundError)


def test_the_documented_policy_is_enough_and_not_too_much(backend: ConjurBackend) -> None:
    page = Path(__file__).parents[2] / "docs" / "strategies" / "conjur.md"
    (privileges,) = re.findall(r"^ +privileges: \[ (.*) \]$", page.read_text(), re.MULTILINE)

    backend.server.state.permit(HOST, _ID, *privileges.split(", "))

    assert privileges == "execute"
    assert _fetch(backend.strategy()) == "pw"


def test_what_one_may_see_and_not_fetch_is_denied(backend: ConjurBackend) -> None:
    backend.server.state.permit(HOST, _ID, "read", "update")

    assert "the privilege 'execute' is missing" in _error(backend, PermissionDeniedError)


def test_versions_that_conjur_has_dropped(backend: ConjurBackend) -> None:
    for number in range(2, 22):
        backend.put(_ID, f"pw{number}")

    assert _fetch(backend.strategy(), version=2.0) == "pw2"
    with pytest.raises(SecretNotFoundError):
        _fetch(backend.strategy(), version=1.0)


@pytest.mark.parametrize("version", [float(2**31), 1e300])
def test_versions_beyond_conjurs_numbers_are_not_asked_for(backend: ConjurBackend, version: float) -> None:
    with pytest.raises(SecretNotFoundError, match="versions are whole numbers"):
        _fetch(backend.strategy(), version=version)
    assert backend.server.requests == []


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(500), UnavailableError, "HTTP 500"),
        (Reply(502, b"<html>bad gateway</html>"), UnavailableError, "HTTP 502"),
        (Reply(429), UnavailableError, "rate limit"),
        (Reply(302, headers=(("Location", "http://127.0.0.1:9/"),)), UnavailableError, "redirects elsewhere"),
        (Reply(404, b"<html>not found</html>"), InvalidResponseError, "HTTP 404; check option 'endpoint_url'"),
        (Reply(404, b'{"error": "no route"}'), InvalidResponseError, "HTTP 404"),
        (Reply(404, b"[" * 100_000), InvalidResponseError, "HTTP 404"),
        (Reply(418, b'{"error": {"message": "a\\n\\u001b[2Jb"}}'), InvalidResponseError, "HTTP 418 (a ?[2Jb)"),
        (Reply(204), InvalidResponseError, "HTTP 204"),
        (Reply(200, b" " * (MAX_RESPONSE_BYTES + 1)), InvalidResponseError, "larger than"),
    ],
)
def test_what_is_no_secret(backend: ConjurBackend, reply: Reply, kind: type[VaultError], said: str) -> None:
    backend.server.overrides[_PATH] = reply

    assert said in _error(backend, kind)


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply(401), AuthenticationError, "logging in to Conjur as 'host/gateway/kong': refused; check 'account'"),
        (Reply(403), AuthenticationError, "refused"),
        (Reply(404, b"<html>not found</html>"), InvalidResponseError, "check option 'endpoint_url'"),
        (Reply(503), UnavailableError, "HTTP 503"),
        (Reply(200, b"ok"), InvalidResponseError, "no Conjur token"),
        (Reply(200, b"\xff"), InvalidResponseError, "no Conjur token"),
        (Reply(200, b'{"payload": 1}'), InvalidResponseError, "no Conjur token"),
    ],
)
def test_logins_that_fail(backend: ConjurBackend, reply: Reply, kind: type[VaultError], said: str) -> None:
    backend.server.overrides[_AUTHN] = reply

    assert said in _error(backend, kind)


def test_a_server_that_echoes_the_key_does_not_get_it_into_messages(backend: ConjurBackend) -> None:
    backend.server.overrides[_AUTHN] = Reply(401, f'{{"error": {{"message": "bad {backend.api_key}"}}}}'.encode())

    assert "(bad ***)" in _error(backend, AuthenticationError)


def test_the_health_check_says_what_is_wrong(backend: ConjurBackend) -> None:
    backend.server.overrides["/whoami"] = Reply(503)

    health = backend.strategy().check(timeout_s=_TIMEOUT_S)

    assert (health.status, "HTTP 503" in health.detail) == (HealthStatus.UNAVAILABLE, True)


def test_a_strategy_works_again_after_close(backend: ConjurBackend) -> None:
    strategy = backend.strategy()
    _fetch(strategy)
    strategy.close()

    assert _fetch(strategy) == "pw"
    assert backend.server.count(_AUTHN) == 2


def test_no_log_line_holds_a_value_or_a_credential(backend: ConjurBackend, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    _fetch(backend.strategy())

    token = backend.server.requests[1].headers["Authorization"].split('"')[1]
    assert _PATH in caplog.text, "urllib3 logs its requests, so there was something to look at"
    for secret in (backend.api_key, token, "pw"):
        assert secret not in caplog.text


# TLS


def test_https_is_verified_against_the_configured_authority(
    conjur: Callable[..., ConjurServer], certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    backend = ConjurBackend(conjur(tls=certificates))
    backend.put(_ID, "pw")

    assert _fetch(backend.strategy()) == "pw"
    for authority in (None, str(make_certificates(tmp_path).authority)):
        assert "is not trusted" in _error(backend, UnavailableError, ca_cert=authority)
    assert _fetch(backend.strategy(ca_cert=None, ssl_verify="off")) == "pw"
    assert "ssl_verify is off" in caplog.text


def test_a_ca_cert_that_is_none(backend: ConjurBackend, tmp_path: Path) -> None:
    assert "holds no readable PEM certificate" in _error(backend, ConfigError, ca_cert=str(tmp_path / "ca.pem"))


def test_https_asked_of_a_server_without_it(backend: ConjurBackend) -> None:
    url = backend.server.url.replace("http:", "https:")

    assert "check option 'endpoint_url'" in _error(backend, UnavailableError, endpoint_url=url)
