"""vault-request-transformer on the whole path: what an upstream gets to see."""

from __future__ import annotations

import json
from typing import Any

from kong_vault_py.testing.upstream import echo
from tests.servers.polling import wait_until


def seen(reply: Any) -> dict[str, Any]:
    """What the upstream says that it was asked."""
    assert reply.status == 200
    result: dict[str, Any] = json.loads(reply.body)
    return result


def test_the_clients_credential_goes_and_ours_comes(lab, secrets):
    secrets.write("token", "sesame-open")
    path = lab(echo)
    config = {
        "remove": {"headers": ["X-Client-Key"]},
        "replace": {"headers": ["Authorization: Bearer {vault://fs/token}"]},
        "add": {"querystring": ["key:{vault://fs/token}"]},
        "append": {"headers": ["X-Via:one", "X-Via:two"]},
    }
    path.route("/", transformer=config)

    got = seen(path.ask("/a?page=1", authorization="Basic abc", X_Client_Key="k"))

    assert got["path"] == "/a?page=1&key=sesame-open"
    assert got["headers"]["authorization"] == "Bearer sesame-open"
    assert got["headers"]["x-via"] == "one, two"
    assert "x-client-key" not in got["headers"]
    assert path.log_lines("err") == []
    assert "sesame" not in path.server.output()


def test_a_rotated_secret_reaches_the_next_requests(lab, secrets):
    secrets.write("token", "sesame-one")
    path = lab(echo)
    path.route("/", transformer={"add": {"headers": ["X-Token:{vault://fs/token?ttl=0.05}"]}})
    assert seen(path.ask("/"))["headers"]["x-token"] == "sesame-one"

    secrets.write("token", "sesame-two")

    wait_until(lambda: seen(path.ask("/"))["headers"]["x-token"] == "sesame-two", "the rotated token")


def test_bodies_change_and_keep_their_length_header_right(lab, secrets):
    secrets.write("key", "ü" * 1000)
    path = lab(echo)
    path.route("/", transformer={"add": {"body": ["key:{vault://fs/key}"]}})

    as_json = seen(path.ask("/", "POST", b'{"a": 1}', content_type="application/json"))
    as_form = seen(path.ask("/", "POST", b"a=1", content_type="application/x-www-form-urlencoded"))
    as_text = seen(path.ask("/", "POST", b"a=1", content_type="text/plain"))

    assert json.loads(as_json["body"]) == {"a": 1, "key": "ü" * 1000}
    assert as_json["headers"]["content-length"] == str(len(as_json["body"].encode()))
    assert as_form["body"] == "a=1&key=" + "%C3%BC" * 1000
    assert as_text["body"] == "a=1"


def test_method_path_and_host(lab):
    path = lab(echo)
    config = {"http_method": "GET", "replace": {"uri": "/other place", "headers": ["Host:other.example"]}}
    path.route("/", transformer=config)

    got = seen(path.ask("/a?x=1", "POST", b"b=2", content_type="application/x-www-form-urlencoded"))

    assert (got["method"], got["path"]) == ("GET", "/other%20place?x=1&b=2")
    assert got["headers"]["host"] == "other.example"


def test_a_secret_that_is_missing_lets_nothing_through(lab):
    path = lab()
    path.route("/", transformer={"add": {"headers": ["X-Token:{vault://fs/absent}"]}})

    reply = path.ask("/")

    assert reply.status == 503
    assert path.upstream.requests == []
    assert "vault://fs/absent" in path.log_lines("err")[0]


def test_an_item_that_is_none_stops_the_instance(lab):
    path = lab()
    path.route("/", transformer={"add": {"headers": ["X-Token"]}})

    assert path.ask("/").status == 500
    assert any("add.headers: an item is not of the form 'name:value'" in line for line in path.log_lines("err"))
    assert path.upstream.requests == []


def test_the_cache_sees_the_transformed_query(lab):
    """Priority 801 goes before 100: what the transformer adds is part of the cache's key."""
    path = lab()
    cache = {"strategy": "memory"}
    path.route("/one", cache=cache, transformer={"add": {"querystring": ["tenant:one"]}})

    path.ask("/one/a")

    order = [call.plugin for call in path.gateway.calls if call.phase == "access"]
    assert order == sorted(order, reverse=True)
    assert path.upstream.requests[0].target == "/a?tenant=one"
