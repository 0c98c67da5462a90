"""vault-upstream-oauth on the whole path: client, gateway, plugin server, a strict identity provider and upstream."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from kong_vault_py.plugin_kit.upstream_oauth.token_store import KEY_PREFIX
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.servers.identity_provider import IdentityProvider
from tests.servers.json_server import Reply, Request
from tests.servers.polling import wait_until


@pytest.fixture
def idp(secrets):
    secrets.write("client", "sesame-client")
    with IdentityProvider() as started:
        yield started


def guarded(idp: IdentityProvider) -> Callable[[UpstreamRequest], Answer]:
    """An upstream that takes valid tokens alone."""

    def answer(request: UpstreamRequest) -> Answer:
        scheme, _, token = (request.headers.get("authorization") or "").partition(" ")
        return Answer(200 if scheme == "Bearer" and token in idp.valid else 401, {}, b"")

    return answer


def oauth(idp: IdentityProvider, **sections: Any) -> dict[str, Any]:
    section = {"token_endpoint": idp.token_endpoint, "client_id": "gateway", "client_secret": "{vault://fs/client}"}
    return {"vault_upstream_oauth": {"oauth": section, **sections}}


@pytest.mark.parametrize("stock", [False, True])
def test_requests_carry_one_token_by_one_pdk_call(lab, idp, stock):
    path = lab(guarded(idp), stock=stock)
    path.route("/", **oauth(idp))

    replies = [path.ask("/a", authorization="Bearer of-the-client").status for _ in range(3)]

    assert replies == [200] * 3
    assert path.pdk_calls("access") == Counter({"service.request.set_header": 3})
    assert len(idp.issued) == 1


def test_a_token_that_the_upstream_refuses_is_replaced_at_the_next_request(lab, idp):
    path = lab(guarded(idp))
    path.route("/", **oauth(idp))
    path.ask("/a")

    idp.revoke_all()

    assert path.ask("/a").status == 401, "the request itself can't be repeated"
    wait_until(lambda: path.ask("/a").status == 200, "a new token")
    assert len(idp.issued) == 2


def test_an_upstream_that_refuses_every_token_does_not_flood_the_idp(lab, idp):
    path = lab(lambda _: Answer(401, {}, b""))
    path.route("/", **oauth(idp))

    for _ in range(20):
        path.ask("/a")
    wait_until(lambda: path.pdk_calls("log")["response.get_status"] == 20, "the log phases")

    assert len(idp.issued) <= 3


def test_many_requests_at_once_make_one_request_to_the_idp(lab, idp):
    begun = threading.Event()

    def slow(request: Request) -> Reply:
        begun.wait(5)
        return Reply(idp._grant(request))

    idp.answers = slow
    path = lab(guarded(idp))
    path.route("/", **oauth(idp))
    statuses: list[int] = []
    clients = [threading.Thread(target=lambda: statuses.append(path.ask("/a").status)) for _ in range(24)]

    for thread in clients:
        thread.start()
    wait_until(lambda: len(idp.asked) == 1, "the request to the IdP")
    begun.set()
    for thread in clients:
        thread.join()

    assert statuses == [200] * 24
    assert len(idp.asked) == 1


def test_secrets_rotate_under_load_and_no_request_notices(lab, idp, secrets):
    """Tokens live one second longer than they are used, so they are renewed all the time."""
    idp.expires_in = 6
    path = lab(guarded(idp))
    path.route("/", **oauth(idp, cache={"eagerly_expire": 6}))
    statuses: list[int] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            statuses.append(path.ask("/a").status)

    clients = [threading.Thread(target=client) for _ in range(4)]
    for thread in clients:
        thread.start()
    for secret in ("sesame-two", "sesame-three"):
        seen = len(idp.issued)
        wait_until(lambda seen=seen: len(idp.issued) > seen + 10, "tokens before the rotation")
        secrets.write("client", secret)
        idp.client_secrets = {secret}
    seen = len(idp.issued)
    wait_until(lambda: len(idp.issued) > seen + 10, "tokens after the last rotation")
    over.set()
    for thread in clients:
        thread.join()

    assert set(statuses) == {200}
    assert path.log_lines("err") == []
    assert "sesame" not in path.server.output()


def test_an_idp_that_is_down_closes_and_is_told_once(lab, idp):
    idp.answers = lambda _: Reply({"error": "sesame"}, 503)
    path = lab(guarded(idp))
    path.route("/", **oauth(idp))

    replies = [path.ask("/a") for _ in range(20)]

    assert {(reply.status, reply.body) for reply in replies} == {
        (502, b'{ "code": "502", "message": "Failed to authenticate request to upstream" }')
    }
    assert path.upstream.requests == []
    assert len(path.log_lines("err")) == 1
    assert "oauth/token answered 503" in path.log_lines("err")[0]
    idp.answers = None
    wait_until(lambda: path.ask("/a").status == 200, "the IdP's tokens again")
    assert path.log_lines("notice") == ["the identity provider gives tokens again"]


def test_the_stock_server_closes_too(lab, idp):
    idp.client_secrets = {"another"}
    path = lab(guarded(idp), stock=True)
    path.route("/", **oauth(idp))

    assert path.ask("/a").status == 502
    assert path.upstream.requests == []


@pytest.mark.real("redis")
class TestRedis:
    @pytest.fixture
    def server(self, redis_server, secrets):
        secrets.write("redis", "sesame-redis")
        return redis_server(password="sesame-redis")

    def shared(self, idp: IdentityProvider, server: Any, **more: Any) -> dict[str, Any]:
        redis = {"host": server.host, "port": server.port, "password": "{vault://fs/redis}", "timeout": 500}
        return oauth(idp, cache={"strategy": "redis", "redis": redis, **more})

    def test_gateways_share_a_token_that_nobody_else_can_read(self, lab, idp, server):
        one, other = lab(guarded(idp)), lab(guarded(idp))
        for path in (one, other):
            path.route("/", **self.shared(idp, server))
            assert path.ask("/a").status == 200

        assert len(idp.issued) == 1
        with server.client() as direct:
            (key,) = direct.keys()
            stored = direct.get(key)
            assert 3500_000 < direct.pttl(key) <= 3595_000
        assert key.startswith(KEY_PREFIX.encode())
        for secret in (idp.issued[0], "sesame", "gateway"):
            assert secret.encode() not in key + stored

    def test_a_token_that_one_gateway_found_refused_is_gone_for_all(self, lab, idp, server):
        one, other = lab(guarded(idp)), lab(guarded(idp))
        for path in (one, other):
            path.route("/", **self.shared(idp, server))
            path.ask("/a")

        idp.revoke_all()
        wait_until(lambda: one.ask("/a").status == 200, "a new token")
        wait_until(lambda: other.ask("/a").status == 200, "the same token at the other gateway")

        assert len(idp.issued) == 2

    def test_a_token_sealed_with_another_secret_is_none(self, lab, idp, server, secrets):
        one = lab(guarded(idp))
        one.route("/", **self.shared(idp, server))
        one.ask("/a")

        secrets.write("client", "sesame-two")
        idp.client_secrets.add("sesame-two")
        other = lab(guarded(idp))
        other.route("/", **self.shared(idp, server))

        assert other.ask("/a").status == 200
        assert len(idp.issued) == 2

    def test_a_value_that_was_tampered_with_is_replaced(self, lab, idp, server):
        one, other = lab(guarded(idp)), lab(guarded(idp))
        one.route("/", **self.shared(idp, server))
        one.ask("/a")
        with server.client() as direct:
            (key,) = direct.keys()
            sealed = direct.get(key)
            direct.set(key, sealed[:-1] + bytes([sealed[-1] ^ 1]))

        other.route("/", **self.shared(idp, server))

        assert other.ask("/a").status == 200
        assert len(idp.issued) == 2

    def test_a_redis_that_stops_costs_no_request_its_token(self, lab, idp, server):
        path = lab(guarded(idp))
        path.route("/", **self.shared(idp, server))
        server.stop()

        assert [path.ask("/a").status for _ in range(10)] == [200] * 10
        assert len(idp.issued) == 1
        assert len(path.log_lines("err")) == 1
        assert "Connection refused; tokens are not shared until it answers" in path.log_lines("err")[0]
