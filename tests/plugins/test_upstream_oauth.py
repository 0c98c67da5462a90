"""vault-upstream-oauth apart from the gateway: requests and answers of token endpoints, and one phase at a time."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import traceback
from typing import Any

import pytest

from kong_vault_py import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    Secret,
    UnavailableError,
    VaultError,
)
from kong_vault_py.plugin_kit.upstream_oauth.error_page import ErrorPage
from kong_vault_py.plugin_kit.upstream_oauth.token import Token, read_grant
from kong_vault_py.plugin_kit.upstream_oauth.token_source import TokenSource
from kong_vault_py.plugin_kit.upstream_oauth.tokens import TokenRequester
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load
from tests.servers.identity_provider import IdentityProvider
from tests.servers.json_server import Reply
from tests.servers.ports import free_port

SECRET = "{vault://fs/client}"


def config(idp: IdentityProvider, /, **sections: Any) -> dict[str, Any]:
    oauth = {"token_endpoint": idp.token_endpoint, "client_id": "gateway", "client_secret": SECRET}
    return {**sections, "oauth": oauth | sections.get("oauth", {})}


def plugin(idp: IdentityProvider, /, **sections: Any) -> Any:
    return load("vault-upstream-oauth").Plugin(config(idp, **sections))


def apart(name: str) -> dict[str, Any]:
    """A cache section that shares no token with others."""
    return {"memory": {"dictionary_name": name}}


def run(made: Any, *, stock: bool = False) -> FakeKong:
    kong = FakeKong()
    with contextlib.suppress(Exited):
        made.access(StockKong(kong) if stock else kong)
    return kong


def upstream_gets(kong: FakeKong) -> Any:
    return dict(kong.arguments("service.request.set_header")).get("Authorization")


@pytest.fixture
def idp(secrets, installed_vault):
    secrets.write("client", "sesame-client\n")
    with IdentityProvider() as started:
        yield started


class TestRequest:
    @pytest.mark.parametrize("method", ["client_secret_post", "client_secret_basic", "client_secret_jwt"])
    def test_each_way_to_log_in(self, idp, secrets, method):
        """A secret with everything in it that an encoding could break, and long enough to sign with."""
        secret = "s:e+s%41 a&m=e/ö" * 5
        secrets.write("client", secret)
        idp.client_secrets, idp.auth_method = {secret}, method

        kong = run(plugin(idp, client={"auth_method": method}))

        assert upstream_gets(kong) == f"Bearer {idp.issued[0]}"

    def test_a_signed_login_is_new_each_time(self, idp, secrets):
        secrets.write("client", "k" * 64)
        idp.client_secrets, idp.auth_method, idp.expires_in = {"k" * 64}, "client_secret_jwt", 0
        made = plugin(idp, client={"auth_method": "client_secret_jwt", "client_secret_jwt_alg": "HS256"})

        assert [run(made).names[0] for _ in range(2)] == ["service.request.set_header"] * 2

    def test_a_client_without_a_login(self, idp):
        idp.auth_method = "none"

        assert upstream_gets(run(plugin(idp, client={"auth_method": "none"})))

    def test_a_users_password(self, idp, secrets):
        secrets.write("user", '{"name": "alice", "password": "sesame & open"}')
        idp.users = {"alice": "sesame & open"}
        oauth = {
            "grant_type": "password",
            "username": "{vault://fs/user/name}",
            "password": "{vault://fs/user/password}",
        }

        assert upstream_gets(run(plugin(idp, oauth=oauth)))

    def test_scopes_audiences_and_what_is_added(self, idp, secrets):
        secrets.write("tenant", "blue")
        oauth = {
            "scopes": ["openid", "orders:read"],
            "audience": ["https://a.example", "https://b.example"],
            "token_post_args": {"tenant": "{vault://fs/tenant}"},
            "token_headers": {"X-Tenant": "t-{vault://fs/tenant}", "user-agent": "ours"},
        }

        run(plugin(idp, oauth=oauth))

        assert idp.asked == [
            [
                ("grant_type", "client_credentials"),
                ("scope", "openid orders:read"),
                ("audience", "https://a.example"),
                ("audience", "https://b.example"),
                ("client_id", "gateway"),
                ("client_secret", "sesame-client"),
                ("tenant", "blue"),
            ]
        ]
        assert idp.headers[0]["x-tenant"] == "t-blue"
        assert idp.headers[0]["user-agent"] == "ours"

    def test_what_is_added_replaces_what_is_ours(self, idp):
        run(
            plugin(
                idp, oauth={"scopes": [], "token_post_args": {"grant_type": "client_credentials", "scope": "openid"}}
            )
        )

        assert sorted(name for name, _ in idp.asked[0]) == ["client_id", "client_secret", "grant_type", "scope"]

    @pytest.mark.parametrize(
        ("sections", "problem"),
        [
            ({"oauth": {"client_secret": None}}, "oauth.client_secret is missing"),
            ({"oauth": {"client_id": None}, "client": {"auth_method": "client_secret_jwt"}}, "client_id is missing"),
            ({"oauth": {"grant_type": "password"}}, "oauth.username is missing: password with client_secret_post"),
            ({"cache": {"strategy": "redis", "redis": {"sentinel_master": "x"}}}, "needs both"),
        ],
    )
    def test_a_config_that_can_not_work_does_not_start(self, idp, sections, problem):
        with pytest.raises(ConfigError, match=problem):
            plugin(idp, **sections)

    @pytest.mark.parametrize(
        "endpoint",
        [
            "ftp://idp/token",
            "idp/token",
            "https:///token",
            "https://u:p@idp/token",
            "https://idp/t#x",
            "https://i dp/",
            "http://[x",
        ],
    )
    def test_an_endpoint_that_is_none(self, idp, secrets, endpoint):
        secrets.write("endpoint", endpoint)

        kong = run(plugin(idp, oauth={"token_endpoint": "{vault://fs/endpoint}"}))

        assert kong.names == ["log.err", "response.exit"]
        assert endpoint not in kong.arguments("log.err")[0][0]


class TestAnswer:
    @pytest.mark.parametrize(("said", "lifetime_s"), [(60, 60.0), ("60", 60.0), (0, 0.0), (1.5, 1.5), (None, None)])
    def test_a_token_and_its_life(self, said, lifetime_s):
        grant = read_grant(200, json.dumps({"access_token": "a.b-c_~+/=", "expires_in": said}).encode(), "IdP")

        assert (grant.value.reveal(), grant.lifetime_s) == ("a.b-c_~+/=", lifetime_s)

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"<html>",
            b"[]",
            b"\xff",
            b"{}",
            b"[" * 100_000,
            b'{"access_token": ""}',
            b'{"access_token": 1}',
            b'{"access_token": "a b"}',
            b'{"access_token": "a\\r\\nX-Evil: 1"}',
            b'{"access_token": "' + b"a" * 20_000 + b'"}',
            b'{"access_token": "a", "token_type": "mac"}',
            b'{"access_token": "a", "token_type": null}',
            b'{"access_token": "a", "expires_in": -1}',
            b'{"access_token": "a", "expires_in": true}',
            b'{"access_token": "a", "expires_in": "soon"}',
            b'{"access_token": "a", "expires_in": [60]}',
            b'{"access_token": "a", "expires_in": NaN}',
            b'{"access_token": "a", "expires_in": 1e999}',
        ],
    )
    def test_what_is_no_token(self, body):
        with pytest.raises(InvalidResponseError, match=r"^IdP") as raised:
            read_grant(200, body, "IdP")

        assert len(str(raised.value)) < 100

    @pytest.mark.parametrize(
        ("status", "error", "expected"),
        [
            (401, "invalid_client", AuthenticationError),
            (400, "invalid_client", AuthenticationError),
            (400, "invalid_grant", AuthenticationError),
            (400, "unauthorized_client", AuthenticationError),
            (401, None, AuthenticationError),
            (400, "invalid_scope", PermissionDeniedError),
            (403, "access_denied", PermissionDeniedError),
            (404, None, InvalidResponseError),
            (302, None, InvalidResponseError),
            (201, None, InvalidResponseError),
            (429, None, UnavailableError),
            (503, None, UnavailableError),
        ],
    )
    def test_refusals(self, status, error, expected):
        body = json.dumps({"error": error, "error_description": "sesame"}).encode()

        with pytest.raises(VaultError) as raised:
            read_grant(status, body, "IdP")

        assert type(raised.value) is expected
        assert "sesame" not in str(raised.value)
        assert error is None or expected is InvalidResponseError or error in str(raised.value)

    def test_an_error_code_that_is_none_is_not_repeated(self):
        with pytest.raises(AuthenticationError, match=r"refuses the login \(401\)$"):
            read_grant(401, b'{"error": "sesame\\nline"}', "IdP")


class TestConnection:
    def failure(self, idp: IdentityProvider, **sections: Any) -> str:
        kong = run(plugin(idp, **sections))
        assert kong.names == ["log.err", "response.exit"]
        return str(kong.arguments("log.err")[0][0])

    def test_the_certificate_is_checked(self, secrets, installed_vault, certificates):
        secrets.write("client", "sesame-client")
        with IdentityProvider(tls=certificates) as idp:
            trusted = {"ssl_ca_file": str(certificates.authority)}
            assert upstream_gets(run(plugin(idp, client=trusted)))
            assert upstream_gets(run(plugin(idp, client={"ssl_verify": False}, cache=apart("b"))))
            asked = len(idp.asked)

            assert "certificate is not trusted" in self.failure(idp, cache=apart("c"))
            other_name = {"token_endpoint": idp.token_endpoint.replace("127.0.0.1", "127.1")}
            assert "certificate is not trusted" in self.failure(idp, oauth=other_name, client=trusted)
            assert len(idp.asked) == asked

    def test_a_file_that_is_no_authority(self, idp):
        assert "client.ssl_ca_file: no readable PEM" in self.failure(idp, client={"ssl_ca_file": "/nowhere.pem"})

    def test_redirects_are_not_followed(self, idp):
        target = idp.token_endpoint
        idp.answers = lambda _: Reply(b"", 307, {"Location": target})

        assert "redirects (307)" in self.failure(idp)
        assert len(idp.asked) == 1

    def test_a_huge_answer_is_not_read(self, idp):
        idp.answers = lambda _: Reply(b" " * 10_000_000)

        assert "its answer is larger than 262144 bytes" in self.failure(idp)

    def test_an_idp_that_says_nothing(self, idp):
        over = threading.Event()

        def silent(_: object) -> Reply:
            over.wait(30)
            return Reply({})

        idp.answers = silent

        assert "did not answer within 0.2 s" in self.failure(idp, client={"timeout": 200})
        over.set()

    def test_an_idp_that_is_not_there(self, idp):
        nobody = {"token_endpoint": f"http://127.0.0.1:{free_port()}/"}

        assert "is unavailable: Connection refused" in self.failure(idp, oauth=nobody)

    def test_connections_are_kept_or_not(self, idp):
        idp.expires_in = 0
        for keep_alive, connections in ((True, 1), (False, 3)):
            before = idp.server.connections
            made = plugin(idp, client={"keep_alive": keep_alive}, cache=apart(str(keep_alive)))
            for _ in range(3):
                run(made)
            assert idp.server.connections - before == connections

    def test_http_1_0_names_its_host(self, idp):
        assert upstream_gets(run(plugin(idp, client={"http_version": 1.0})))
        assert idp.headers[0]["host"] == idp.server.url.removeprefix("http://")

    def test_a_proxy_with_a_password_and_hosts_without_one(self, idp, secrets):
        secrets.write("proxy", "Basic c2VzYW1l")
        with IdentityProvider() as proxy:
            proxy.answers = lambda _: Reply({"access_token": "by-proxy"})
            client = {"http_proxy": proxy.server.url, "http_proxy_authorization": "{vault://fs/proxy}"}

            assert upstream_gets(run(plugin(idp, client=client))) == "Bearer by-proxy"
            assert proxy.headers[0]["proxy-authorization"] == "Basic c2VzYW1l"
            exempt = {**client, "no_proxy": "example.com, 127.0.0.1"}
            made = plugin(idp, client=exempt, cache=apart("b"))
            assert upstream_gets(run(made)) == f"Bearer {idp.issued[0]}"
            assert "proxy-authorization" not in idp.headers[0]


class TestSource:
    """The token of the moment, on a clock of its own."""

    def setup_method(self) -> None:
        self.now_s = 1000.0
        self.asked = 0
        self.failure: VaultError | None = None
        self.source = TokenSource(clock=lambda: self.now_s)

    def obtain(self) -> Token:
        self.asked += 1
        if self.failure:
            raise self.failure
        return Token(Secret(f"token-{self.asked}"), self.now_s + 100)

    def current(self) -> str:
        return self.source.current(self.obtain, 5).reveal()

    def test_a_token_is_kept_until_shortly_before_its_end(self):
        seen = []
        for seconds in (0, 94.9, 0.1, 94.9):
            self.now_s += seconds
            seen.append(self.current())

        assert seen == ["token-1", "token-1", "token-2", "token-2"]

    def test_a_failure_is_shared_for_a_second_and_told_once(self):
        self.failure = UnavailableError("IdP is down")
        for _ in range(5):
            with pytest.raises(UnavailableError, match="IdP is down"):
                self.current()
        assert (self.asked, self.source.take_news()) == (1, [("err", "no new token for the upstream: IdP is down")])

        self.now_s += 1
        self.failure = None
        assert self.current() == "token-2"
        assert self.source.take_news() == [("notice", "the identity provider gives tokens again")]
        assert self.source.take_news() == []

    def test_a_token_in_its_last_seconds_will_do_while_the_idp_is_down(self):
        self.current()
        self.failure = UnavailableError("IdP is down")
        self.now_s += 96
        assert self.current() == "token-1"
        self.now_s += 4
        with pytest.raises(UnavailableError):
            self.current()

    def test_a_purged_token_is_replaced_but_not_once_per_request(self):
        assert self.current() == "token-1"
        self.source.purge(Secret("token-1"))
        assert self.current() == "token-2"
        self.source.purge(Secret("token-2"))
        assert self.current() == "token-2", "an upstream that refuses all tokens costs one per second"
        self.now_s += 1
        self.source.purge(Secret("token-2"))
        assert self.current() == "token-3"

    def test_only_the_token_that_was_refused_is_purged(self):
        self.current()
        self.source.purge(Secret("of-somebody-else"))

        assert self.current() == "token-1"

    def test_many_requests_make_one_and_get_one(self):
        gate, waiting, tokens = threading.Event(), threading.Barrier(17), []

        def slow() -> Token:
            gate.wait(10)
            return self.obtain()

        def request() -> None:
            waiting.wait(10)
            tokens.append(self.source.current(slow, 5).reveal())

        threads = [threading.Thread(target=request) for _ in range(16)]
        for thread in threads:
            thread.start()
        waiting.wait(10)
        gate.set()
        for thread in threads:
            thread.join()

        assert tokens == ["token-1"] * 16

    def test_a_request_that_breaks_leaves_nothing_behind(self):
        def broken() -> Token:
            raise RuntimeError("a defect")

        with pytest.raises(RuntimeError):
            self.source.current(broken, 5)

        assert self.current() == "token-1"

    def test_tokens_with_no_life_are_used_once(self):
        lives = iter([0, 0])

        def short() -> Token:
            self.asked += 1
            return Token(Secret(f"token-{self.asked}"), self.now_s + next(lives))

        assert [self.source.current(short, 5).reveal() for _ in range(2)] == ["token-1", "token-2"]


class TestRotation:
    def test_a_secret_that_rotated_on_both_sides_is_picked_up_at_the_refusal(self, idp, secrets):
        idp.expires_in = 0
        made = plugin(idp)
        run(made)

        secrets.write("client", "sesame-two")
        idp.client_secrets = {"sesame-two"}

        kong = run(made)
        assert kong.names == ["service.request.set_header"]
        assert [dict(form)["client_secret"] for form in idp.asked] == ["sesame-client", "sesame-client", "sesame-two"]

    def test_a_vault_that_is_ahead_of_the_idp_does_not_disturb(self, idp, secrets, installed_vault):
        idp.expires_in = 0
        made = plugin(idp)
        run(made)

        secrets.write("client", "sesame-two")
        installed_vault.flush()
        assert upstream_gets(run(made)) == f"Bearer {idp.issued[-1]}", "by the secret of before"

        idp.client_secrets = {"sesame-two"}
        assert upstream_gets(run(made)) == f"Bearer {idp.issued[-1]}"
        assert len(idp.issued) == 3

    def test_an_idp_that_is_down_is_no_reason_to_ask_the_vault(self, idp, secrets):
        idp.answers = lambda _: Reply({}, 503)
        run(plugin(idp))

        assert len(idp.asked) == 1


class TestPhases:
    def test_one_pdk_call_and_none_more_for_a_token_that_is_kept(self, idp):
        made = plugin(idp)

        calls = [run(made).calls for _ in range(2)]

        assert calls == [[("service.request.set_header", ("Authorization", f"Bearer {idp.issued[0]}"))]] * 2
        assert len(idp.asked) == 1

    def test_another_header_is_kept_out_of_logs(self, idp):
        made = plugin(idp, behavior={"upstream_access_token_header_name": "X-Custom-Auth"})

        assert run(made).calls == [
            ("service.request.set_header", ("X-Custom-Auth", f"Bearer {idp.issued[0]}")),
            ("log.set_serialize_value", ("request.headers.x-custom-auth", "REDACTED", {"mode": "replace"})),
        ]

    @pytest.mark.parametrize("stock", [False, True])
    def test_without_a_token_nothing_goes_upstream(self, idp, stock):
        idp.client_secrets = {"another"}
        behavior = {
            "idp_error_response_status_code": 503,
            "idp_error_response_content_type": "text/plain",
            "idp_error_response_message": 'no "token"',
            "idp_error_response_body_template": "{{status}}: {{message}}",
        }

        kong = run(plugin(idp, behavior=behavior), stock=stock)

        assert kong.calls[-1] == ("response.exit", (503, '503: no "token"', {"Content-Type": "text/plain"}))
        assert "refuses the login (401 invalid_client)" in kong.arguments("log.err")[0][0]
        assert len(kong.calls) == 2

    def test_a_secret_that_is_missing_fails_likewise(self, idp, secrets):
        secrets.remove("client")

        kong = run(plugin(idp))

        assert kong.arguments("response.exit")[0][0] == 502
        assert "vault://fs/client" in kong.arguments("log.err")[0][0]

    def test_the_default_page(self, idp):
        filled = load("vault-upstream-oauth")
        behavior = {name: field.get("default") for entry in filled._BEHAVIOR_FIELDS for name, field in entry.items()}

        page = ErrorPage.of(behavior | {"idp_error_response_message": 'a "quoted" one'})

        assert json.loads(page.body) == {"code": "502", "message": 'a "quoted" one'}
        assert page.headers == {"Content-Type": "application/json; charset=utf-8"}

    def test_a_refused_token_is_forgotten_in_the_log_phase(self, idp):
        made = plugin(idp)
        run(made)
        kong = FakeKong(response__get_status=401, request__get_header=f"Bearer {idp.issued[0]}")

        made.log(kong)

        assert kong.names == ["response.get_status", "request.get_header"]
        assert upstream_gets(run(made)) == f"Bearer {idp.issued[1]}"

    def test_other_statuses_cost_one_call_after_the_answer_and_an_empty_list_none(self, idp):
        made, off = plugin(idp), plugin(idp, behavior={"purge_token_on_upstream_status_codes": []})
        kong, quiet = FakeKong(response__get_status=200), FakeKong(response__get_status=401)

        made.log(kong)
        off.log(quiet)

        assert (kong.names, quiet.names) == (["response.get_status"], [])

    def test_a_clients_own_credential_purges_nothing(self, idp):
        made = plugin(idp)
        run(made)

        for sent in (None, "Basic abc", "Bearer of-the-client"):
            made.log(FakeKong(response__get_status=401, request__get_header=sent))

        assert upstream_gets(run(made)) == f"Bearer {idp.issued[0]}"

    def test_instances_with_the_same_oauth_section_share_a_token(self, idp):
        one = plugin(idp)
        other = plugin(idp, behavior={"upstream_access_token_header_name": "X-Auth"}, client={"timeout": 5000})
        apart = plugin(idp, oauth={"scopes": []})

        for made in (one, other, apart):
            run(made)

        assert len(idp.asked) == 2


def test_nothing_that_an_error_carries_shows_a_secret(idp, caplog):
    idp.client_secrets = {"another"}
    made = plugin(idp, oauth={"token_endpoint": f"{idp.token_endpoint}?key=sesame-query"})

    with pytest.raises(AuthenticationError) as raised:
        made._requester.obtain()

    shown = "".join(traceback.format_exception(raised.value)) + caplog.text + repr(made.__dict__)
    assert "sesame" not in shown


def test_a_kept_connection_that_the_idp_closes_at_the_next_request_is_replaced(idp):
    """Each connection here serves one request, and says nothing of it before the second one comes."""
    body = b'{"access_token": "a", "expires_in": 0}'
    served = []

    def serve(listener: socket.socket) -> None:
        for is_last in (False, True):
            connection, _address = listener.accept()
            with connection, connection.makefile("rb") as received:
                while line := received.readline().strip():
                    length = int(line.partition(b":")[2]) if line.lower().startswith(b"content-length") else 0
                    served.append(length)
                received.read(max(served))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                if not is_last:
                    received.read(1)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = threading.Thread(target=serve, args=(listener,))
        server.start()
        made = plugin(idp, oauth={"token_endpoint": f"http://127.0.0.1:{listener.getsockname()[1]}/"})

        assert [upstream_gets(run(made)) for _ in range(2)] == ["Bearer a"] * 2
        server.join()


def test_a_requester_counts_from_before_the_request(idp):
    from kong_vault_py.plugin import bind
    from kong_vault_py.plugin_kit.schema_defaults import with_defaults

    ticks = iter(range(1000, 2000, 10))
    filled = with_defaults(load("vault-upstream-oauth").Schema, config(idp))

    token = TokenRequester(bind(filled), clock=lambda: float(next(ticks))).obtain()

    assert token.valid_until_s == 1000 + 3600
