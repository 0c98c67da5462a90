"""The life of a token against a fake Vault and a clock that the tests turn."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from kong_vault_py.errors import AuthenticationError, StrategyTimeoutError
from kong_vault_py.options import build_config
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv import HcvConfig
from kong_vault_py.strategies.hcv.login import Login
from kong_vault_py.strategies.hcv.tokens import Tokens, start_timer
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from tests.strategies.fake_time import Clock, Timers
from tests.strategies.fake_vault import FakeVault, Reply

RENEW = "/v1/auth/token/renew-self"
_TIMEOUT_S = 5.0


class Method:
    """A login method whose every login gives another token of 60 seconds."""

    def __init__(self, *, repeatable: bool = True, renewable: bool = True) -> None:
        self.repeatable = repeatable
        self.renewable = renewable
        self.logins = 0
        self.error: Exception | None = None
        self.during_login: Callable[[], object] = lambda: None

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        self.logins += 1
        self.during_login()
        if self.error:
            raise self.error
        return Login(Secret(f"hvs.token-{self.logins}"), 60, self.renewable)


@pytest.fixture
def fake() -> Iterator[FakeVault]:
    with FakeVault() as server:
        yield server


@pytest.fixture
def transport(fake: FakeVault) -> Iterator[Transport]:
    config = build_config(HcvConfig, {"host": fake.host, "port": fake.port, "token": "t"}, where="test")
    transport = Transport(config)
    yield transport
    transport.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def timers() -> Timers:
    return Timers()


@pytest.fixture
def make_tokens(transport: Transport, clock: Clock, timers: Timers) -> Callable[[Method], Tokens]:
    return lambda method: Tokens(method, transport, clock, timers.start)


def _current(tokens: Tokens) -> str:
    return tokens.current(Deadline(_TIMEOUT_S)).token.reveal()


def _renewal(ttl_s: float) -> Reply:
    return Reply({"auth": {"client_token": "as before", "lease_duration": ttl_s, "renewable": True}})


MakeTokens = Callable[[Method], Tokens]


def test_a_token_serves_until_two_thirds_of_its_life(make_tokens: MakeTokens, clock: Clock) -> None:
    method = Method()
    tokens = make_tokens(method)
    _current(tokens)

    clock.now_s += 39

    assert (_current(tokens), method.logins) == ("hvs.token-1", 1)


def test_then_it_is_renewed(make_tokens: MakeTokens, clock: Clock, fake: FakeVault) -> None:
    fake.routes[RENEW] = _renewal(60)
    method = Method()
    tokens = make_tokens(method)
    _current(tokens)

    clock.now_s += 41

    assert (_current(tokens), method.logins, fake.count(RENEW)) == ("hvs.token-1", 1, 1)
    assert fake.requests[-1].headers["X-Vault-Token"] == "hvs.token-1"
    clock.now_s += 39
    assert (_current(tokens), fake.count(RENEW)) == ("hvs.token-1", 1)


def test_what_is_not_renewable_is_replaced_before_it_expires(make_tokens: MakeTokens, clock: Clock) -> None:
    method = Method(renewable=False)
    tokens = make_tokens(method)
    _current(tokens)

    clock.now_s += 41

    assert (_current(tokens), method.logins) == ("hvs.token-2", 2)


def test_after_its_end_it_is_replaced_without_asking(make_tokens: MakeTokens, clock: Clock, fake: FakeVault) -> None:
    tokens = make_tokens(Method())
    _current(tokens)

    clock.now_s += 61

    assert _current(tokens) == "hvs.token-2"
    assert fake.count(RENEW) == 0


@pytest.mark.parametrize("status", [400, 403])
def test_a_refused_renewal_leads_to_a_new_login(
    make_tokens: MakeTokens, clock: Clock, fake: FakeVault, status: int
) -> None:
    fake.routes[RENEW] = Reply({"errors": ["lease is not renewable"]}, status)
    tokens = make_tokens(Method())
    _current(tokens)

    clock.now_s += 41

    assert _current(tokens) == "hvs.token-2"


def test_a_refused_renewal_of_a_configured_token_is_not_repeated(
    make_tokens: MakeTokens, clock: Clock, fake: FakeVault, caplog: pytest.LogCaptureFixture
) -> None:
    fake.routes[RENEW] = Reply({"errors": ["past its max TTL"]}, 400)
    tokens = make_tokens(Method(repeatable=False))
    _current(tokens)

    clock.now_s += 41

    assert [_current(tokens), _current(tokens)] == ["hvs.token-1"] * 2
    assert fake.count(RENEW) == 1
    assert "renewing the Vault token: Vault refuses it (past its max TTL)" in caplog.text


@pytest.mark.parametrize("reply", [Reply({"errors": []}, 503), Reply({"auth": {}}), _renewal(0)])
def test_while_renewal_fails_the_token_serves_on(
    make_tokens: MakeTokens, clock: Clock, fake: FakeVault, reply: Reply
) -> None:
    fake.routes[RENEW] = reply
    tokens = make_tokens(Method())
    _current(tokens)

    clock.now_s += 45
    assert [_current(tokens), _current(tokens)] == ["hvs.token-1"] * 2
    assert fake.count(RENEW) == 1, "the next try comes after two thirds of what is left"
    clock.now_s += 11
    _current(tokens)

    assert fake.count(RENEW) == 2


def test_a_renewable_token_is_renewed_though_nobody_asks(
    make_tokens: MakeTokens, clock: Clock, timers: Timers, fake: FakeVault
) -> None:
    fake.routes[RENEW] = _renewal(60)
    tokens = make_tokens(Method())
    _current(tokens)
    [(delay_s, _)] = timers.waiting

    clock.now_s += delay_s
    timers.fire()

    assert (delay_s, fake.count(RENEW)) == (40, 1)
    assert [delay for delay, _ in timers.waiting] == [40], "and again"


def test_a_failing_login_in_the_background_is_logged(
    make_tokens: MakeTokens, clock: Clock, timers: Timers, caplog: pytest.LogCaptureFixture
) -> None:
    method = Method()
    tokens = make_tokens(method)
    _current(tokens)
    method.error = AuthenticationError("role is gone")

    clock.now_s += 61
    timers.fire()

    assert "role is gone" in caplog.text
    assert timers.waiting == []


def test_nothing_is_renewed_after_close(make_tokens: MakeTokens, timers: Timers) -> None:
    method = Method()
    tokens = make_tokens(method)
    _current(tokens)
    [(_, late_action)] = timers.waiting

    tokens.close()
    late_action()

    assert (timers.waiting, method.logins) == ([], 1)
    assert _current(tokens) == "hvs.token-2", "whoever still asks gets a token of their own"
    assert timers.waiting == []


def test_only_the_first_of_many_who_saw_a_token_refused_logs_in(make_tokens: MakeTokens) -> None:
    method = Method()
    tokens = make_tokens(method)
    stale = tokens.current(Deadline(_TIMEOUT_S))

    replaced = {tokens.replace(stale, Deadline(_TIMEOUT_S)).token.reveal() for _ in range(5)}

    assert (replaced, method.logins) == ({"hvs.token-2"}, 2)


class _ArrivingDeadline(Deadline):
    """Says when its owner is about to wait for the login of another."""

    def __init__(self, arrived: threading.Semaphore) -> None:
        super().__init__(_TIMEOUT_S)
        self._arrived = arrived

    def remaining_s(self, doing: str) -> float:
        left_s = super().remaining_s(doing)
        self._arrived.release()
        return left_s


def test_who_waits_for_a_login_shares_its_failure(make_tokens: MakeTokens) -> None:
    """Else a crowd with a wrong secret ID gets its role locked out."""
    crowd, arrived = 8, threading.Semaphore(0)
    method = Method()
    method.error = AuthenticationError("wrong secret ID")
    method.during_login = lambda: [arrived.acquire(timeout=_TIMEOUT_S) for _ in range(crowd)]
    tokens = make_tokens(method)

    with ThreadPoolExecutor(crowd) as pool:
        asked = [pool.submit(tokens.current, _ArrivingDeadline(arrived)) for _ in range(crowd)]
        errors = [future.exception() for future in asked]

    assert [str(error) for error in errors] == ["wrong secret ID"] * crowd
    assert method.logins == 1
    method.error, method.during_login = None, lambda: None
    assert _current(tokens) == "hvs.token-2", "the next one tries anew"


def test_waiting_for_a_login_ends_with_the_deadline(make_tokens: MakeTokens) -> None:
    method, entered, leave = Method(), threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        leave.wait(_TIMEOUT_S)

    method.during_login = hang
    tokens = make_tokens(method)
    with ThreadPoolExecutor(1) as pool:
        leader = pool.submit(_current, tokens)
        entered.wait(_TIMEOUT_S)

        with pytest.raises(StrategyTimeoutError, match="waiting for a login to Vault"):
            tokens.current(Deadline(0.05))

        leave.set()
        assert leader.result() == "hvs.token-1"


def test_a_deadline_that_is_over_sends_nothing(fake: FakeVault, transport: Transport) -> None:
    clock = Clock()
    deadline = Deadline(5, clock)
    adapter = transport.adapter(None, deadline, "reading 'redis' from Vault")
    clock.now_s += 5

    with pytest.raises(StrategyTimeoutError, match=r"^reading 'redis' from Vault took longer than 5 s"):
        adapter.get("/v1/secret/redis")
    assert fake.requests == []


def test_the_real_timer_runs_and_can_be_cancelled() -> None:
    ran, never = threading.Event(), threading.Event()

    cancel = start_timer(0.2, never.set)
    start_timer(0.0, ran.set)
    cancel()

    assert ran.wait(_TIMEOUT_S)
    assert not never.wait(0.3)
