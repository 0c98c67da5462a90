"""The record of a token pair, as Kong documents it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.plugin_kit.vault_auth.record import Record, same

CONSUMER = "ce67c25e-2168-4a09-81e5-e06187a2384f"
WHOLE = {
    "access_token": "foo",
    "secret_token": "supersecretvalue",
    "created_at": 1700000000,
    "updated_at": 1700000000,
    "ttl": 86400,
    "consumer": {"id": CONSUMER},
    "more": "is ignored",
}


def parse(**changes: Any) -> Record:
    fields = {name: value for name, value in {**WHOLE, **changes}.items() if value is not None}
    return Record.parse(json.dumps(fields), "foo")


def test_the_documented_format():
    record = parse()

    assert (record.secret_token, record.consumer, record.by_username) == ("supersecretvalue", CONSUMER, False)
    assert record.ttl_s == 86400


def test_ttl_is_optional_and_may_be_text():
    """`vault kv put` writes nothing but text."""
    assert parse(ttl=None).ttl_s is None
    assert parse(ttl="30").ttl_s == 30
    assert parse(ttl=0).ttl_s is None


@pytest.mark.parametrize("consumer", [{"username": "alex"}, "alex"])
def test_a_consumer_by_username(consumer):
    record = parse(consumer=consumer)

    assert (record.consumer, record.by_username) == ("alex", True)


def test_the_credentials_id_is_stable_and_tells_no_token():
    assert parse().id == parse(secret_token="other").id
    assert "foo" not in parse().id
    assert parse(id="given").id == "given"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"access_token": "FOO"}, "its access_token is not the one that it stands under"),
        ({"access_token": None}, "its access_token is not the one that it stands under"),
        ({"secret_token": ""}, "it has no secret_token"),
        ({"secret_token": 5}, "it has no secret_token"),
        ({"consumer": None}, "it has no consumer"),
        ({"consumer": {"id": "alex"}}, "its consumer.id is no UUID"),
        ({"consumer": {"id": 5}}, "its consumer.id is no UUID"),
        ({"ttl": "soon"}, "its ttl is no number of seconds"),
        ({"ttl": -1}, "its ttl is no number of seconds"),
        ({"ttl": [1]}, "its ttl is no number of seconds"),
    ],
)
def test_what_is_no_record(changes, problem):
    with pytest.raises(InvalidResponseError) as raised:
        parse(**changes)

    assert str(raised.value) == problem


@pytest.mark.parametrize("document", ["supersecretvalue", "[]", "null", "[" * 100_000])
def test_what_is_no_json_object_is_not_shown(document):
    with pytest.raises(InvalidResponseError) as raised:
        Record.parse(document, "foo")

    assert "supersecret" not in str(raised.value)


def test_comparing():
    assert same("a\udcff\ud800", "a\udcff\ud800")
    assert not same("\ud800", "\udcff")
    assert not same("a", "ab")
