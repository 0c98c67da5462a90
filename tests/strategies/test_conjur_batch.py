"""Several variables in one call, and what happens when Conjur refuses the call for one of them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.strategies.base import Fetched
from kong_vault_py.strategies.conjur import ConjurStrategy
from kong_vault_py.strategies.conjur import strategy as conjur_strategies
from kong_vault_py.strategies.http.deadline import Deadline
from tests.servers.conjur_api import Reply
from tests.servers.conjur_server import ConjurServer
from tests.servers.ports import free_port
from tests.strategies.conjur_backends import HOST, ConjurBackend

_TIMEOUT_S = 5.0
_BATCH = "/secrets?variable_ids="
_SINGLE = "/secrets/acme/"


@pytest.fixture
def backend(conjur: Callable[..., ConjurServer]) -> ConjurBackend:
    backend = ConjurBackend(conjur())
    backend.put("team/redis", "pw")
    backend.put("team/db, grüße & 100%", "pässword")
    backend.put("team/binary", b"\xff\x00\xfe")
    backend.put("long", "x" * 1000)
    return backend


def _many(strategy: ConjurStrategy, *resources: str) -> dict[str, object]:
    """Return value or type of error by resource."""
    wanted = [(resource, None) for resource in resources]
    outcome = strategy.fetch_many(wanted, timeout_s=_TIMEOUT_S)
    assert set(outcome) == set(wanted)
    return {name: found.value if isinstance(found, Fetched) else type(found) for (name, _), found in outcome.items()}


def test_one_call_brings_all(backend: ConjurBackend) -> None:
    found = _many(backend.strategy(), "team/redis", "team/binary", "long")

    assert found == {"team/redis": "pw", "team/binary": "\udcff\x00\udcfe", "long": "x" * 1000}
    assert (backend.server.count(_BATCH), backend.server.count(_SINGLE)) == (1, 0)


def test_ids_with_commas_do_not_fit_and_come_alone(backend: ConjurBackend) -> None:
    found = _many(backend.strategy(), "team/redis", "team/db, grüße & 100%", "long")

    assert found["team/db, grüße & 100%"] == "pässword"
    assert (backend.server.count(_BATCH), backend.server.count(_SINGLE)) == (1, 1)


def test_versions_come_alone(backend: ConjurBackend) -> None:
    backend.put("team/redis", "new")

    found = backend.strategy().fetch_many([("team/redis", None), ("team/redis", 1.0)], timeout_s=_TIMEOUT_S)

    assert found == {("team/redis", None): Fetched("new"), ("team/redis", 1.0): Fetched("pw")}
    assert backend.server.count(_BATCH) == 0


def test_one_that_is_missing_does_not_take_the_others_along(backend: ConjurBackend) -> None:
    backend.server.state.add_variable("empty")
    backend.server.state.permit(HOST, "empty", "read", "execute")

    found = _many(backend.strategy(), "team/redis", "absent", "empty", "..", "long")

    missing = SecretNotFoundError
    assert found == {"team/redis": "pw", "absent": missing, "empty": missing, "..": missing, "long": "x" * 1000}
    assert (backend.server.count(_BATCH), backend.server.count(_SINGLE)) == (1, 4)


def test_one_that_is_denied_does_not_take_the_others_along(backend: ConjurBackend) -> None:
    backend.server.state.permit(HOST, "long", "read")

    assert _many(backend.strategy(), "team/redis", "long") == {"team/redis": "pw", "long": PermissionDeniedError}


def test_a_request_line_that_is_too_long_is_split_up(backend: ConjurBackend) -> None:
    names = [f"{number}{'/long' * 80}" for number in range(30)]
    for name in names:
        backend.put(name, name)

    assert _many(backend.strategy(), *names) == {name: name for name in names}
    assert backend.server.count(_SINGLE) == len(names)


def test_a_full_batch_of_usual_names_fits_one_call(backend: ConjurBackend) -> None:
    names = [f"data/vault/{'a-rather-long-safe-name/' * 5}{number}/password" for number in range(30)]
    for name in names:
        backend.put(name, name)

    assert len(names) == ConjurStrategy.batch_size
    assert _many(backend.strategy(), *names) == {name: name for name in names}
    assert backend.server.count(_SINGLE) == 0


@pytest.mark.parametrize("status", [429, 500, 502, 503, 307])
def test_a_server_in_trouble_is_not_asked_one_by_one(backend: ConjurBackend, status: int) -> None:
    backend.server.overrides[_BATCH] = Reply(status)

    with pytest.raises(UnavailableError, match="reading 2 variables from Conjur"):
        _many(backend.strategy(), "team/redis", "long")
    assert backend.server.count(_SINGLE) == 0


def test_a_server_that_is_gone(backend: ConjurBackend) -> None:
    with pytest.raises(UnavailableError):
        _many(backend.strategy(endpoint_url=f"http://127.0.0.1:{free_port()}"), "team/redis", "long")


def test_a_wrong_key_fails_the_call(backend: ConjurBackend) -> None:
    with pytest.raises(AuthenticationError):
        _many(backend.strategy(api_key="wrong"), "team/redis", "long")


def test_all_share_one_deadline(backend: ConjurBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock is past the deadline when the first of the single reads is due."""
    now_s = [0.0]

    def refuse(_: object) -> Reply:
        now_s[0] = 100.0
        return Reply(403)

    backend.server.overrides[_BATCH] = refuse
    monkeypatch.setattr(conjur_strategies, "Deadline", lambda timeout_s: Deadline(timeout_s, lambda: now_s[0]))

    found = _many(backend.strategy(), "team/redis", "long")

    assert found == {"team/redis": StrategyTimeoutError, "long": StrategyTimeoutError}
    assert backend.server.count(_SINGLE) == 0


def test_plain_values_of_a_server_that_knows_no_base64(backend: ConjurBackend) -> None:
    values = {"acme:variable:team/redis": "cHc=", "acme:variable:long": "ü"}
    backend.server.overrides[_BATCH] = Reply(200, json.dumps(values).encode())

    assert _many(backend.strategy(), "team/redis", "long") == {"team/redis": "cHc=", "long": "ü"}


def test_what_the_answer_leaves_out_is_asked_for_alone(backend: ConjurBackend) -> None:
    backend.server.overrides[_BATCH] = Reply(200, b'{"acme:variable:team/redis": "pw"}')

    assert _many(backend.strategy(), "team/redis", "long") == {"team/redis": "pw", "long": "x" * 1000}


@pytest.mark.parametrize(
    "body",
    [
        b"<html></html>",
        b"[]",
        b"null",
        b'{"acme:variable:long": 7}',
        b'{"acme:variable:long": null}',
        b'{"acme:variable:long": "\\ud800"}',
        b"[" * 100_000,
    ],
)
@pytest.mark.parametrize("encoding", [(), (("Content-Encoding", "base64"),)])
def test_malformed_answers(backend: ConjurBackend, body: bytes, encoding: tuple[tuple[str, str], ...]) -> None:
    backend.server.overrides[_BATCH] = Reply(200, body, headers=encoding)

    with pytest.raises(InvalidResponseError, match="the answer holds no values"):
        _many(backend.strategy(), "team/redis", "long")


def test_values_that_are_no_base64_though_they_claim_to_be(backend: ConjurBackend) -> None:
    values = {"acme:variable:long": base64.b64encode(b"canary").decode()[:-1] + "!"}
    backend.server.overrides[_BATCH] = Reply(
        200, json.dumps(values).encode(), headers=(("Content-Encoding", "base64"),)
    )

    with pytest.raises(InvalidResponseError) as caught:
        _many(backend.strategy(), "team/redis", "long")
    assert caught.value.__cause__ is None
