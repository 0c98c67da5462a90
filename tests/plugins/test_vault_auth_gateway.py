"""vault-auth on the whole path: client, gateway, our plugin server and the stock one, an upstream."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest

from kong_vault_py.testing import Consumer
from kong_vault_py.testing.upstream import echo
from tests.servers.polling import wait_until

ALEX = Consumer("alex", id="ce67c25e-2168-4a09-81e5-e06187a2384f")
GUEST = Consumer("guest")


@pytest.fixture(params=["ours", "stock"])
def path(request, lab):
    return lab(echo, stock=request.param == "stock", consumers=[ALEX, GUEST])


@pytest.fixture
def ours(lab):
    return lab(echo, consumers=[ALEX, GUEST])


@pytest.fixture
def put(secrets):
    (secrets.path / "kong-auth").mkdir()

    def put(name: str, secret: str, **more: Any) -> None:
        record = {"access_token": name, "secret_token": secret, "consumer": {"id": ALEX.id}, **more}
        secrets.write(f"kong-auth-{name}.draft", json.dumps(record))
        (secrets.path / f"kong-auth-{name}.draft").replace(secrets.path / "kong-auth" / name)

    return put


CONFIG = {"vault": "fs", "path": "kong-auth"}


def test_a_pair_passes_hidden_and_named(path, put):
    put("foo", "sesame-one")
    path.route("/", vault_auth=CONFIG)

    good = path.ask("/a?b=1", access_token="foo", secret_token="sesame-one", x_consumer_custom_id="made up")
    in_query = path.ask("/a?access_token=foo&b=1&secret_token=sesame-one")
    refused = [path.ask("/a"), path.ask("/a", access_token="foo", secret_token="sesame-two")]
    refused.append(path.ask("/a", access_token="bar", secret_token="sesame-one"))

    seen = [json.loads(reply.body) for reply in (good, in_query)]
    assert [request["path"] for request in seen] == ["/a?b=1"] * 2
    for request in seen:
        assert request["headers"]["x-consumer-id"] == ALEX.id
        assert request["headers"]["x-consumer-username"] == "alex"
        assert len(request["headers"]["x-credential-identifier"]) == 36
        assert not {"access-token", "secret-token", "x-consumer-custom-id"} & request["headers"].keys()
    assert [reply.status for reply in refused] == [401] * 3
    assert {reply.headers["www-authenticate"] for reply in refused} == {"Vault"}
    assert {json.loads(reply.body)["message"] for reply in refused} == {"Unauthorized"}
    assert len(path.upstream.requests) == 2
    assert path.log_lines("err") == []


def test_other_places_and_anonymous(path, put):
    put("foo", "sesame-one")
    path.route("/body", vault_auth={**CONFIG, "tokens_in_body": True})
    path.route("/guest", vault_auth={**CONFIG, "anonymous": "guest"})
    body = b'{"access_token":"foo","secret_token":"sesame-one","n":1}'

    in_body = json.loads(path.ask("/body", "POST", body, content_type="application/json").body)
    guest = json.loads(path.ask("/guest", access_token="foo", secret_token="wrong").body)

    assert in_body["body"] == '{"n":1}'
    assert in_body["headers"]["x-consumer-username"] == "alex"
    assert (guest["headers"]["x-consumer-username"], guest["headers"]["x-anonymous-consumer"]) == ("guest", "true")
    assert "x-credential-identifier" not in guest["headers"]


def test_a_vault_that_can_not_be_asked_lets_nothing_through(path, put):
    put("foo", "sesame-one")
    path.route("/", vault_auth={**CONFIG, "vault": "hcv", "anonymous": "guest"})

    assert path.ask("/", access_token="foo", secret_token="sesame-one").status == 503
    assert path.upstream.requests == []
    assert "vault 'hcv' can't be asked for credentials" in path.log_lines("err")[0]


def test_seven_pdk_calls(ours, put):
    put("foo", "sesame-one")
    ours.route("/", vault_auth=CONFIG)

    ours.ask("/", access_token="foo", secret_token="sesame-one")

    assert ours.pdk_calls("access") == Counter(
        {
            "request.get_headers": 1,
            "request.get_raw_query": 1,
            "client.load_consumer": 1,
            "client.authenticate": 1,
            "service.request.set_headers": 1,
            "service.request.clear_header": 2,
        }
    )


def test_under_load_a_rotation_refuses_nobody_who_has_the_new_secret(ours, put):
    put("foo", "sesame-one")
    ours.route("/", vault_auth={**CONFIG, "ttl": 1})
    statuses: list[tuple[str, int]] = []
    secret = "sesame-one"
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            mine = secret
            statuses.append((mine, ours.ask("/", access_token="foo", secret_token=mine).status))

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) >= 40, "requests with the first secret")
    put("foo", "sesame-two")
    secret = "sesame-two"
    wait_until(lambda: statuses.count(("sesame-two", 200)) >= 40, "requests with the second secret")
    done.set()
    for thread in threads:
        thread.join()

    assert {status for mine, status in statuses if mine == "sesame-two"} == {200}
    assert {status for mine, status in statuses if mine == "sesame-one"} <= {200, 401}
    assert ours.ask("/", access_token="foo", secret_token="sesame-one").status == 401
    assert ours.log_lines("err") == []
    assert "sesame" not in ours.server.output()


def test_log_plugins_learn_the_credentials_id_and_no_token(ours, put):
    put("foo", "sesame-one")
    ours.route("/", vault_auth=CONFIG)

    ours.ask("/", access_token="foo", secret_token="sesame-one")
    (authenticated,) = (call.args for call in ours.gateway.calls if call.method == "kong.client.authenticate")

    assert "sesame" not in repr(authenticated)
    assert "'foo'" not in repr(authenticated)
