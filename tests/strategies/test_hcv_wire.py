"""What the hcv vault sends and how it takes odd answers, against a fake that shows each request."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.options import build_config
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.strategies.http.exchange import MAX_RESPONSE_BYTES
from kong_vault_py.testing.loopback import LoopbackServer
from tests.strategies.fake_vault import FOREVER, LOOKUP, FakeVault, Reply, Request

_TIMEOUT_S = 5.0
_TOKEN = "hvs.canary-token-8d2f"
_SECRET_ID = "canary-secret-id-11aa"
REDIS = "/v1/secret/redis"
LOGIN = "/v1/auth/approle/login"
HEALTH = "/v1/sys/health"
_FETCH = """
import sys
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy

config = build_config(HcvConfig, {"port": sys.argv[1], "token": sys.argv[2]}, where="test")
print(HcvStrategy(config).fetch("redis", None, timeout_s=5).value, end="")
"""
_FETCH_IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
from gevent.pool import Pool
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy

strategy = HcvStrategy(build_config(HcvConfig, {"port": sys.argv[1], "token": sys.argv[2]}, where="test"))
crowd = range(int(sys.argv[3]))
for fetched in Pool(len(crowd)).imap(lambda _: strategy.fetch("redis", None, timeout_s=5), crowd):
    print(fetched.value, end="")
"""
PASSWORD = Reply({"data": {"password": "pw"}, "lease_duration": 2_764_800})
DENIED = Reply({"errors": ["permission denied"]}, 403)


@pytest.fixture
def fake() -> Iterator[FakeVault]:
    with FakeVault({REDIS: PASSWORD, HEALTH: Reply({"sealed": False})}) as server:
        yield server


def _strategy(fake: FakeVault | LoopbackServer, **options: object) -> HcvStrategy:
    given = {"host": fake.host, "port": fake.port, "token": _TOKEN} | options
    return HcvStrategy(build_config(HcvConfig, given, where="vault 'test'"))


def _approle(fake: FakeVault, **options: object) -> HcvStrategy:
    credentials = {"auth_method": "approle", "approle_role_id": "role", "approle_secret_id": _SECRET_ID}
    return _strategy(fake, **credentials | {"token": None} | options)


def _fetch(strategy: HcvStrategy, timeout_s: float = _TIMEOUT_S) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=timeout_s).value


def _error(strategy: HcvStrategy, kind: type[VaultError]) -> str:
    """Return the message of the fetch's error, having looked for credentials in everything that it carries."""
    with pytest.raises(kind) as caught:
        _fetch(strategy)
    carried = "".join(traceback.format_exception(caught.value))
    assert _TOKEN not in carried
    assert _SECRET_ID not in carried
    assert str(caught.value).isprintable()
    return str(caught.value)


def _login(token: str, ttl_s: float = 3600) -> Reply:
    return Reply({"auth": {"client_token": token, "lease_duration": ttl_s, "renewable": True}})


# What is sent


def test_the_namespace_goes_with_every_request_but_health(fake: FakeVault) -> None:
    strategy = _strategy(fake, namespace="team/a")
    _fetch(strategy)
    strategy.check(timeout_s=_TIMEOUT_S)

    sent = {(request.path.partition("?")[0], request.headers.get("X-Vault-Namespace")) for request in fake.requests}

    assert sent == {(LOOKUP, "team/a"), (REDIS, "team/a"), (HEALTH, None)}


def test_the_token_goes_in_its_header_and_nowhere_else(fake: FakeVault) -> None:
    _fetch(_strategy(fake))

    for request in fake.requests:
        assert request.headers["X-Vault-Token"] == _TOKEN
        assert _TOKEN not in request.path
        assert "Authorization" not in request.headers


def test_the_login_carries_the_credentials_in_its_body(fake: FakeVault) -> None:
    fake.routes["/v1/auth/team/login/login"] = _login("hvs.given")

    _fetch(_approle(fake, approle_auth_path="/team/login/"))

    login, read = fake.requests
    assert login.body == {"role_id": "role", "secret_id": _SECRET_ID}
    assert "X-Vault-Token" not in login.headers
    assert read.headers["X-Vault-Token"] == "hvs.given"


def test_nothing_is_taken_from_the_environment(fake: FakeVault, tmp_path: Path) -> None:
    """In a process of its own: hvac reads some of these when it is imported."""
    (tmp_path / ".vault-token").write_text("from-the-home-folder")
    (tmp_path / ".netrc").write_text(f"machine {fake.host} login netrc password netrc")
    with FakeVault() as elsewhere:
        proxy = f"http://{elsewhere.host}:{elsewhere.port}"
        environment = {"HOME": str(tmp_path), "REQUESTS_CA_BUNDLE": "/nonexistent"}
        environment |= dict.fromkeys(("VAULT_ADDR", "HTTP_PROXY", "http_proxy", "ALL_PROXY"), proxy)
        for name in ("TOKEN", "NAMESPACE", "CLIENT_CERT", "CLIENT_KEY", "CACERT", "CAPATH"):
            environment[f"VAULT_{name}"] = "from-the-environment"

        fetching = subprocess.run(
            [sys.executable, "-c", _FETCH, str(fake.port), _TOKEN], env=environment, capture_output=True, text=True
        )

        assert (fetching.stdout, fetching.stderr) == ('{"password":"pw"}', "")
        assert elsewhere.requests == []
    for request in fake.requests:
        assert "from-the-" not in str(request)
        assert "Authorization" not in request.headers
        assert request.headers["X-Vault-Token"] == _TOKEN


def test_connections_are_reused(fake: FakeVault) -> None:
    strategy = _strategy(fake)

    for _ in range(3):
        _fetch(strategy)

    assert len(fake.requests) == 4
    assert fake.connections == 1


# Answers


def test_a_redirect_is_not_followed_with_the_token(fake: FakeVault) -> None:
    with FakeVault({REDIS: PASSWORD}) as elsewhere:
        target = f"http://{elsewhere.host}:{elsewhere.port}{REDIS}"
        fake.routes[REDIS] = Reply(b"", 307, (("Location", target),))

        message = _error(_strategy(fake), UnavailableError)

        assert elsewhere.requests == []
    assert "redirects to another node (HTTP 307)" in message


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (Reply({"errors": ["internal error"]}, 500), UnavailableError, "HTTP 500: internal error"),
        (Reply(b"<html>bad gateway</html>", 502), UnavailableError, "HTTP 502"),
        (Reply({"errors": ["Vault is sealed"]}, 503), UnavailableError, "Vault is sealed; unseal it"),
        (Reply({"errors": []}, 501), UnavailableError, "not initialised"),
        (Reply({"errors": ["request path exceeded quota"]}, 429), UnavailableError, "rate limit"),
        (Reply(b"slow down", 429), UnavailableError, "rate limit"),
        (Reply({"errors": []}, 412), UnavailableError, "ask the active node"),
        (Reply({"errors": []}, 473), UnavailableError, "ask the active node"),
        (Reply({"errors": ["odd"]}, 418), InvalidResponseError, "HTTP 418: odd"),
        (Reply({"errors": []}, 404), SecretNotFoundError, "no such secret"),
        (Reply(b"<html>not found</html>", 404), InvalidResponseError, "no Vault server"),
        (Reply(b"", 204), InvalidResponseError, "no JSON object"),
        (Reply([1]), InvalidResponseError, "no JSON object"),
        (Reply(b"[" * 100_000), InvalidResponseError, "no JSON object"),
        (Reply({"data": None}), InvalidResponseError, "holds no fields"),
        (Reply({"data": ["x"]}), InvalidResponseError, "holds no fields"),
        (Reply(b'{"data": {"a": "\\ud800"}}'), InvalidResponseError, "not valid Unicode"),
        (Reply(b" " * (MAX_RESPONSE_BYTES + 1)), InvalidResponseError, f"larger than {MAX_RESPONSE_BYTES} bytes"),
    ],
)
def test_what_is_no_secret(fake: FakeVault, reply: Reply, kind: type[VaultError], said: str) -> None:
    fake.routes[REDIS] = reply

    assert said in _error(_strategy(fake), kind)


@pytest.mark.parametrize("data", [{}, {"data": {}}, {"data": {"a": "b"}, "metadata": None}, "text"])
def test_what_is_no_kv_v2_secret(fake: FakeVault, data: object) -> None:
    fake.routes["/v1/secret/data/redis"] = Reply({"data": data})

    assert "not a KV v2 engine's" in _error(_strategy(fake, kv="v2"), InvalidResponseError)


def test_a_body_that_breaks_off_means_unavailable() -> None:
    with LoopbackServer(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"data":') as server:
        assert "closed without an answer" in _error(_strategy(server), UnavailableError)


def test_https_asked_of_a_server_without_it(fake: FakeVault) -> None:
    assert "no TLS with https://127.0.0.1:" in _error(_strategy(fake, protocol="https"), UnavailableError)


def test_several_errors_of_vault_become_one_line(fake: FakeVault) -> None:
    fake.routes[REDIS] = Reply({"errors": ["2 errors occurred:\n\t* first\n\t* second\n\n", 7, "third"]}, 500)

    assert "2 errors occurred: * first * second; third" in _error(_strategy(fake), UnavailableError)


def test_what_a_terminal_would_take_as_a_command_is_taken_out(fake: FakeVault) -> None:
    fake.routes[REDIS] = Reply({"errors": ["\x1b[2Jgone" + "x" * 10_000]}, 500)

    message = _error(_strategy(fake), UnavailableError)

    assert "?[2Jgone" in message
    assert len(message) < 500


def test_a_server_that_echoes_credentials_does_not_get_them_into_messages(fake: FakeVault) -> None:
    fake.routes[REDIS] = Reply({"errors": [f"bad token {_TOKEN}"]}, 500)
    fake.routes[LOGIN] = Reply({"errors": [f"bad secret id {_SECRET_ID}"]}, 400)

    assert "bad token ***" in _error(_strategy(fake), UnavailableError)
    assert "bad secret id ***" in _error(_approle(fake), AuthenticationError)


@pytest.mark.parametrize("token", [f"{_TOKEN}\nX-Evil: 1", f"{_TOKEN} x", f"{_TOKEN}é"])
def test_a_token_that_can_be_none_is_not_sent_and_not_shown(fake: FakeVault, token: str) -> None:
    assert "characters that no token has" in _error(_strategy(fake, token=token), AuthenticationError)
    assert fake.requests == []


@pytest.mark.parametrize(
    "answer", [{}, {"auth": None}, {"auth": {"client_token": ""}}, {"auth": {"client_token": "t"}}]
)
def test_a_login_without_a_token(fake: FakeVault, answer: object) -> None:
    fake.routes[LOGIN] = Reply(answer)

    assert "holds no token" in _error(_approle(fake), InvalidResponseError)


@pytest.mark.parametrize("answer", [{}, {"data": None}, {"data": {}}, {"data": {"secret_id": ""}}])
def test_an_unwrapping_without_a_secret_id(fake: FakeVault, answer: object) -> None:
    fake.routes["/v1/sys/wrapping/unwrap"] = Reply(answer)

    message = _error(_approle(fake, approle_response_wrapping=True), InvalidResponseError)

    assert "holds no secret ID" in message


def test_logging_in_at_a_server_that_is_down_is_no_wrong_password(fake: FakeVault) -> None:
    fake.routes[LOGIN] = Reply({"errors": ["Vault is sealed"]}, 503)

    assert "Vault is sealed" in _error(_approle(fake), UnavailableError)


# Tokens that Vault refuses


def test_a_refused_token_is_replaced_once_and_the_read_repeated_once(fake: FakeVault) -> None:
    fake.routes |= {REDIS: DENIED, LOOKUP: DENIED, LOGIN: _login("hvs.given")}

    assert "policy does not allow it" in _error(_approle(fake), PermissionDeniedError)
    assert (fake.count(LOGIN), fake.count(REDIS)) == (2, 2)


def test_a_denial_to_a_good_token_costs_no_login(fake: FakeVault) -> None:
    fake.routes |= {REDIS: DENIED, LOGIN: _login("hvs.given")}

    _error(_approle(fake), PermissionDeniedError)

    assert (fake.count(LOGIN), fake.count(REDIS), fake.count(LOOKUP)) == (1, 1, 1)


def test_the_health_check_says_unknown_of_a_token_that_may_be_good(fake: FakeVault) -> None:
    fake.routes[LOOKUP] = DENIED

    health = _strategy(fake).check(timeout_s=_TIMEOUT_S)

    assert health.status is HealthStatus.UNKNOWN
    assert "renew option 'token'" in health.detail


def test_a_crowd_makes_one_login(fake: FakeVault) -> None:
    logging_in = threading.Event()

    def slow_login(request: Request) -> Reply:
        logging_in.wait(_TIMEOUT_S)
        return _login("hvs.given")

    fake.routes[LOGIN] = slow_login
    strategy = _approle(fake)

    with ThreadPoolExecutor(8) as pool:
        fetches = [pool.submit(_fetch, strategy) for _ in range(8)]
        logging_in.set()
        values = {fetch.result() for fetch in fetches}

    assert values == {'{"password":"pw"}'}
    assert fake.count(LOGIN) == 1


def test_greenlets_do_not_wait_for_each_other(fake: FakeVault) -> None:
    """As the plugin server runs it: everything patched, many greenlets in one thread."""
    crowd = 8
    together = threading.Barrier(crowd)

    def slow(request: Request) -> Reply:
        together.wait(_TIMEOUT_S)
        return PASSWORD

    fake.routes[REDIS] = slow

    fetching = subprocess.run(
        [sys.executable, "-c", _FETCH_IN_GREENLETS, str(fake.port), _TOKEN, str(crowd)], capture_output=True, text=True
    )

    assert (fetching.stdout, fetching.stderr) == ('{"password":"pw"}' * crowd, "")
    assert fake.count(LOOKUP) == 1, "one of them looked the token up for all"


# Time


def test_login_and_read_share_one_deadline(fake: FakeVault) -> None:
    release = threading.Event()

    def late(request: Request) -> Reply:
        release.wait(0.2)
        return _login("hvs.given")

    def never(request: Request) -> Reply:
        release.wait(_TIMEOUT_S)
        return PASSWORD

    fake.routes |= {LOGIN: late, REDIS: never}
    started_s = time.monotonic()

    with pytest.raises(StrategyTimeoutError, match=r"reading 'redis' from Vault .* took longer than 0\.4 s"):
        _fetch(_approle(fake), timeout_s=0.4)

    assert time.monotonic() - started_s < 1.0
    release.set()


def test_a_server_that_trickles_is_cut_off() -> None:
    with LoopbackServer(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", trickle=b" ", every_s=0.05) as server:
        started_s = time.monotonic()
        with pytest.raises(StrategyTimeoutError):
            _fetch(_strategy(server), timeout_s=0.3)

    assert time.monotonic() - started_s < 1.5


# Logs


def test_no_log_line_holds_a_value_or_a_credential(fake: FakeVault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    fake.routes[LOGIN] = _login("hvs.canary-given-77", ttl_s=FOREVER["data"]["ttl"])

    _fetch(_strategy(fake))
    _fetch(_approle(fake))

    assert "GET /v1/secret/redis" in caplog.text, "urllib3 logs its requests, so there was something to look at"
    for secret in (_TOKEN, _SECRET_ID, "hvs.canary-given-77", '"pw"'):
        assert secret not in caplog.text
