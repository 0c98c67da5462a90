"""The life of Conjur's access token: one login for all, a new one in time and after a refusal."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from kong_vault_py.errors import AuthenticationError, StrategyTimeoutError
from kong_vault_py.strategies.conjur import ConjurStrategy
from kong_vault_py.strategies.conjur.token import read_token
from kong_vault_py.strategies.conjur.tokens import Tokens
from kong_vault_py.strategies.http.deadline import Deadline
from tests.servers.conjur_api import Reply, Request
from tests.servers.conjur_server import ConjurServer
from tests.strategies.conjur_backends import HOST, ConjurBackend
from tests.strategies.fake_time import Clock

_TIMEOUT_S = 5.0
_ID = "gateway/redis"
_AUTHN = "/authn/"
_SECRETS = "/secrets/"
_FETCH_IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import sys
from gevent.pool import Pool
from kong_vault_py.options import build_config
from kong_vault_py.strategies.conjur import ConjurConfig, ConjurStrategy

url, login, key, crowd = sys.argv[1:]
options = {"endpoint_url": url, "account": "acme", "login": login, "api_key": key}
strategy = ConjurStrategy(build_config(ConjurConfig, options, where="test"))
for fetched in Pool(int(crowd)).imap(lambda _: strategy.fetch("gateway/redis", None, timeout_s=5), range(int(crowd))):
    print(fetched.value, end="")
"""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def backend(conjur: Callable[..., ConjurServer], clock: Clock) -> ConjurBackend:
    """A Conjur that lives by the test's clock."""
    backend = ConjurBackend(conjur(clock=clock))
    backend.put(_ID, "pw")
    return backend


def _fetch(strategy: ConjurStrategy) -> str | bytes:
    return strategy.fetch(_ID, None, timeout_s=_TIMEOUT_S).value


def _tokens(backend: ConjurBackend, clock: Clock) -> Tokens:
    client = backend.strategy()._client
    client._clock = clock
    return Tokens(client.log_in, clock)


def test_a_token_is_replaced_when_three_quarters_of_its_life_are_over(backend: ConjurBackend, clock: Clock) -> None:
    tokens = _tokens(backend, clock)
    first = tokens.current(Deadline(_TIMEOUT_S))

    clock.now_s += 359
    still = tokens.current(Deadline(_TIMEOUT_S))
    clock.now_s += 1
    second = tokens.current(Deadline(_TIMEOUT_S))

    assert still is first
    assert second.header != first.header
    assert backend.server.count(_AUTHN) == 2


def test_the_token_itself_says_how_long_it_lives(backend: ConjurBackend, clock: Clock) -> None:
    backend.server.state.token_life_s = 40
    token = _tokens(backend, clock).current(Deadline(_TIMEOUT_S))

    assert token.replace_at_s == clock.now_s + 30


def test_the_servers_clock_may_be_wrong() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"iat": 10_000_000, "exp": 10_000_100}).encode()).decode().rstrip("=")
    body = json.dumps({"protected": "", "payload": claims, "signature": ""}).encode()

    assert read_token(body, now_s=5.0, doing="").replace_at_s == 80.0


@pytest.mark.parametrize("payload", ["", "é", 7, None, "bm8ganNvbg==", base64.b64encode(b'{"exp": 1e999, "iat": "x"}')])
def test_a_token_that_does_not_say_so_lives_for_eight_minutes(payload: object) -> None:
    written = payload.decode() if isinstance(payload, bytes) else payload
    body = base64.b64encode(json.dumps({"payload": written, "signature": ""}).encode())

    assert read_token(body, now_s=0.0, doing="").replace_at_s == 360.0


def test_a_login_answer_in_plain_json_will_do(backend: ConjurBackend) -> None:
    """As behind a proxy that takes the Accept-Encoding away."""
    token = json.dumps(backend.server.state.authenticate(HOST, backend.api_key)).encode()
    backend.server.overrides[_AUTHN] = Reply(200, token, "application/json")

    assert _fetch(backend.strategy()) == "pw"


def test_a_token_that_expired_early_is_replaced_and_the_read_repeated(backend: ConjurBackend, clock: Clock) -> None:
    strategy = backend.strategy()
    _fetch(strategy)
    clock.now_s += 481

    assert _fetch(strategy) == "pw"
    assert (backend.server.count(_AUTHN), backend.server.count(_SECRETS)) == (2, 3)


def test_a_batch_is_repeated_too(backend: ConjurBackend) -> None:
    strategy = backend.strategy()
    backend.put("other", "value")
    _fetch(strategy)
    backend.server.state.revoke_tokens()

    found = strategy.fetch_many([(_ID, None), ("other", None)], timeout_s=_TIMEOUT_S)

    assert [fetched.value for fetched in found.values()] == ["pw", "value"]
    assert backend.server.count(_AUTHN) == 2


def test_a_second_refusal_is_final(backend: ConjurBackend) -> None:
    backend.server.overrides[_SECRETS] = Reply(401)

    with pytest.raises(AuthenticationError, match="refuses the token that it has just given"):
        _fetch(backend.strategy())
    assert (backend.server.count(_AUTHN), backend.server.count(_SECRETS)) == (2, 2)


def test_a_key_that_was_rotated_meanwhile(backend: ConjurBackend) -> None:
    strategy = backend.strategy()
    _fetch(strategy)
    backend.server.state.rotate_api_key(HOST)
    assert _fetch(strategy) == "pw", "the token is good until it expires"

    backend.server.state.revoke_tokens()
    with pytest.raises(AuthenticationError, match="logging in to Conjur"):
        _fetch(strategy)


def test_a_crowd_makes_one_login(backend: ConjurBackend) -> None:
    release = threading.Event()
    token = json.dumps(backend.server.state.authenticate(HOST, backend.api_key)).encode()

    def slow_login(_: Request) -> Reply:
        release.wait(_TIMEOUT_S)
        return Reply(200, token)

    backend.server.overrides[_AUTHN] = slow_login
    strategy = backend.strategy()

    with ThreadPoolExecutor(8) as pool:
        fetches = [pool.submit(_fetch, strategy) for _ in range(8)]
        release.set()
        values = {fetch.result() for fetch in fetches}

    assert values == {"pw"}
    assert backend.server.count(_AUTHN) == 1


def test_a_crowd_shares_the_failure_of_a_login(backend: ConjurBackend) -> None:
    """Else each would knock with the wrong key."""
    crowd, entered, release = 8, threading.Semaphore(0), threading.Event()

    def refuse(_: Request) -> Reply:
        release.wait(_TIMEOUT_S)
        return Reply(401)

    backend.server.overrides[_AUTHN] = refuse
    strategy = backend.strategy()
    turn = strategy._tokens._turns.turn

    def counted_turn(deadline: Deadline, waiting: str) -> object:
        entered.release()
        return turn(deadline, waiting)

    strategy._tokens._turns.turn = counted_turn  # type: ignore[assignment,method-assign]

    with ThreadPoolExecutor(crowd) as pool:
        fetches = [pool.submit(_fetch, strategy) for _ in range(crowd)]
        for _ in range(crowd):
            assert entered.acquire(timeout=_TIMEOUT_S)
        release.set()
        failures = [fetch.exception() for fetch in fetches]

    assert all(isinstance(failure, AuthenticationError) for failure in failures)
    assert backend.server.count(_AUTHN) < crowd


def test_waiting_for_a_login_ends_with_the_deadline(backend: ConjurBackend) -> None:
    release = threading.Event()

    def slow(_: Request) -> Reply:
        release.wait(_TIMEOUT_S)
        return Reply(503)

    backend.server.overrides[_AUTHN] = slow
    strategy = backend.strategy()

    with ThreadPoolExecutor(2) as pool:
        fetches = [pool.submit(strategy.fetch, _ID, None, timeout_s=0.3) for _ in range(2)]
        failures = [fetch.exception() for fetch in fetches]
    release.set()

    assert [type(failure) for failure in failures] == [StrategyTimeoutError] * 2


def test_greenlets_do_not_wait_for_each_other(backend: ConjurBackend) -> None:
    """As the plugin server runs it: everything patched, many greenlets in one thread."""
    crowd = 8
    together = threading.Barrier(crowd)

    def slow(_: Request) -> Reply:
        together.wait(_TIMEOUT_S)
        return Reply(200, b"pw")

    backend.server.overrides[_SECRETS] = slow
    arguments = [backend.server.url, HOST, backend.api_key, str(crowd)]

    fetching = subprocess.run([sys.executable, "-c", _FETCH_IN_GREENLETS, *arguments], capture_output=True, text=True)

    assert (fetching.stdout, fetching.stderr) == ("pw" * crowd, "")
    assert backend.server.count(_AUTHN) == 1
