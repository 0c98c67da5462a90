"""The Conjur for tests refuses what the real one refuses, and what a careful client would not send."""

from __future__ import annotations

import base64
import json

import pytest

from tests.servers.conjur_api import ConjurApi, Request
from tests.servers.conjur_state import ConjurState

_NOW_S = 1_000_000.0
_ONE = "/secrets/acme/variable/team%2Fredis"
_BATCH = "/secrets?variable_ids="


class _Account:
    """A user "dave" who may fetch "team/redis", see "seen" and nothing of "hidden"; "empty" has no value."""

    def __init__(self) -> None:
        self.now_s = _NOW_S
        self.state = ConjurState("acme", lambda: self.now_s)
        self.api = ConjurApi(self.state)
        self.key = self.state.add_role("dave")
        for name in ("team/redis", "seen", "hidden"):
            self.state.set_value(name, b"pw")
        self.state.add_variable("empty")
        self.state.permit("dave", "team/redis", "execute")
        self.state.permit("dave", "empty", "execute")
        self.state.permit("dave", "seen", "read")
        token = json.dumps(self.state.authenticate("dave", self.key))
        self.header = f'Token token="{base64.b64encode(token.encode()).decode()}"'

    def get(self, path: str, **headers: str) -> int:
        given = {"Authorization": self.header} | {name.replace("_", "-"): text for name, text in headers.items()}
        return self.api.answer(Request("GET", path, given, b"")).status


@pytest.fixture
def account() -> _Account:
    return _Account()


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (_ONE, 200),
        (f"{_ONE}?version=1", 200),
        (f"{_ONE}?version=2", 404),
        ("/secrets/acme/variable/seen", 403),
        ("/secrets/acme/variable/hidden", 404),
        ("/secrets/acme/variable/empty", 404),
        ("/secrets/acme/variable/absent", 404),
        ("/secrets/other/variable/team%2Fredis", 404),
        ("/secrets/acme/host/team%2Fredis", 404),
        (f"{_BATCH}acme%3Avariable%3Ateam%2Fredis", 200),
        (f"{_BATCH}acme%3Avariable%3Ateam%2Fredis,acme%3Avariable%3Aabsent", 404),
        (f"{_BATCH}acme%3Avariable%3Ateam%2Fredis,acme%3Avariable%3Aempty", 404),
        (f"{_BATCH}acme%3Avariable%3Ateam%2Fredis,acme%3Avariable%3Aseen", 403),
        (f"{_BATCH}acme%3Avariable%3Ateam%2Fredis,acme%3Avariable%3Ateam%2Fredis", 404),
        (f"{_BATCH}team%2Fredis", 404),
        (f"{_BATCH}", 422),
        ("/secrets", 422),
        (f"{_BATCH}acme%3Avariable%3Aseen,,acme%3Avariable%3Aseen", 422),
        ("/whoami", 200),
    ],
)
def test_as_conjur_answers(account: _Account, path: str, status: int) -> None:
    assert account.get(path) == status
    assert account.api.violations == []


@pytest.mark.parametrize(
    "path",
    [
        f"{_ONE}?",
        f"{_ONE}?version=1&version=1",
        f"{_ONE}?version=01",
        f"{_ONE}?revision=1",
        "/secrets/acme/variable/team%252Fredis%2",
        "/secrets/acme/variable/team%2fredis",
        "/secrets/acme/variable/a b",
        f"{_BATCH}acme:variable:seen",
        "/whoami?version=1",
    ],
)
def test_what_a_careful_client_does_not_send(account: _Account, path: str) -> None:
    assert account.get(path) == 400
    assert len(account.api.violations) == 1


def test_a_slash_that_is_not_encoded_leads_nowhere(account: _Account) -> None:
    assert account.get("/secrets/acme/variable/team/redis") == 404


def test_the_form_of_the_header_counts(account: _Account) -> None:
    bare = account.header.split('"')[1]
    plain = base64.b64decode(bare).decode()
    forged = base64.b64encode(plain.replace('"payload": "', '"payload": "x').encode()).decode()

    for header in ("", bare, f"Bearer {bare}", f"Token token={bare}", f'Token token="{plain}"', f"{account.header} "):
        assert account.get(_ONE, Authorization=header) == 401, header
    assert account.get(_ONE, Authorization=f'Token token="{forged}"') == 401


def test_tokens_expire_and_are_revoked(account: _Account) -> None:
    account.now_s += 479
    assert account.get(_ONE) == 200
    account.now_s += 1
    assert account.get(_ONE) == 401

    account.now_s = _NOW_S
    account.state.revoke_tokens()
    assert account.get(_ONE) == 401


def test_bytes_fit_a_batch_in_base64_alone(account: _Account) -> None:
    account.state.set_value("team/redis", b"\xff")

    assert account.get(f"{_BATCH}acme%3Avariable%3Ateam%2Fredis") == 406
    assert account.get(f"{_BATCH}acme%3Avariable%3Ateam%2Fredis", Accept_Encoding="base64") == 200
