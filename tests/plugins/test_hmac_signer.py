"""vault-hmac-signer: on a scripted PDK, and on the whole path, where the upstream checks the signatures it gets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import threading
from collections import Counter
from typing import Any

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load
from tests.servers.polling import wait_until

HMAC = {"scheme": "hmac", "hmac": {"username": "alice", "secret": "{vault://fs/key}"}}
AWS = {
    "scheme": "aws-sigv4",
    "aws": {
        "access_key_id": "{vault://fs/aws/id}",
        "secret_access_key": "{vault://fs/aws/key}",
        "region": "eu-central-1",
        "service": "execute-api",
    },
}
WEBHOOK = {"scheme": "standard-webhooks", "webhook": {"secrets": ["{vault://fs/whsec}"]}}
WHSEC = "whsec_" + base64.b64encode(b"a key of some length").decode()
UPSTREAM = "service.request."


@pytest.fixture
def keys(secrets):
    secrets.write("key", "sesame-one")
    secrets.write("aws", '{"id": "AKID", "key": "sesame-aws"}')
    secrets.write("whsec", WHSEC)


def run(
    config: dict[str, Any], headers: dict[str, Any] | None = None, *, stock: bool = False, **answers: Any
) -> FakeKong:
    given = {
        "request__get_headers": headers or {},
        "request__get_method": "GET",
        "router__get_service": {"host": "api.example", "port": 443, "protocol": "https"},
        "nginx__get_var": None,
        **answers,
    }
    kong = FakeKong(**given)
    with contextlib.suppress(Exited):
        load("vault-hmac-signer").Plugin(config).access(StockKong(kong) if stock else kong)
    return kong


def sent(kong: FakeKong) -> dict[str, str]:
    (headers,) = kong.arguments(UPSTREAM + "set_headers")[0]
    return headers


POST = {"content-length": ["4"]}


@pytest.mark.usefixtures("installed_vault", "keys")
class TestPhase:
    @pytest.mark.parametrize(
        ("config", "calls"),
        [
            (HMAC, ["request.get_headers", "request.get_method", "request.get_raw_body", "nginx.get_var",
                    "request.get_raw_query", UPSTREAM + "set_headers"]),
            (AWS, ["request.get_headers", "request.get_method", "request.get_raw_body", "nginx.get_var",
                   "request.get_raw_query", "nginx.get_var", "router.get_service", UPSTREAM + "set_headers"]),
            ({**AWS, "host": "a.example"}, ["request.get_headers", "request.get_method", "request.get_raw_body",
                                            "nginx.get_var", "request.get_raw_query", UPSTREAM + "set_headers"]),
            (WEBHOOK, ["request.get_headers", "request.get_raw_body", UPSTREAM + "set_headers"]),
        ],
        ids=["hmac", "aws", "aws-with-host", "webhooks"],
    )  # fmt: skip
    def test_calls(self, config, calls):
        kong = run(config, POST, request__get_method="POST", request__get_raw_body=b"body")

        assert kong.names == calls
        assert "sesame" not in repr(kong.calls)

    def test_a_request_without_a_body_costs_no_reading_of_one(self):
        assert "request.get_raw_body" not in run(HMAC).names
        assert "request.get_raw_body" not in run(HMAC, {"content-length": ["0"]}, request__get_method="POST").names
        assert "request.get_raw_body" not in run({**HMAC, "hmac": {**HMAC["hmac"], "digest": False}}, POST).names

    @pytest.mark.parametrize(
        ("headers", "method"), [({}, "POST"), ({"transfer-encoding": ["chunked"]}, "GET"), (POST, "GET")]
    )
    def test_a_body_without_a_length_is_read(self, headers, method):
        kong = run(HMAC, headers, request__get_method=method, request__get_raw_body=b"body")

        assert sent(kong)["Digest"].endswith(base64.b64encode(hashlib.sha256(b"body").digest()).decode())

    @pytest.mark.parametrize("stock", [False, True])
    @pytest.mark.parametrize(
        ("headers", "body"),
        [({"content-length": ["1048577"]}, b""), (POST, None), ({"transfer-encoding": ["chunked"]}, b"x" * 1048577)],
    )
    def test_a_body_that_can_not_be_had_is_refused(self, headers, body, stock):
        kong = run(HMAC, headers, request__get_method="POST", request__get_raw_body=body, stock=stock)

        assert kong.arguments("response.exit") == [(413, {"message": "Request body too large"})]
        assert kong.arguments("log.err") == [("can't sign the request: Request body too large",)]
        assert UPSTREAM + "set_headers" not in kong.names

    @pytest.mark.parametrize("stock", [False, True])
    def test_without_a_key_nothing_goes_upstream(self, secrets, stock):
        secrets.remove("key")

        kong = run(HMAC, stock=stock)

        assert kong.names == ["log.err", "response.exit"]
        assert kong.arguments("response.exit") == [(503, {"message": "Service unavailable"})]
        assert "vault://fs/key" in kong.arguments("log.err")[0][0]

    def test_a_key_that_is_none_closes(self, secrets):
        secrets.write("whsec", "whsec_!!!")

        assert run(WEBHOOK).names[-2:] == ["log.err", "response.exit"]

    @pytest.mark.parametrize(
        ("service", "preserved", "host"),
        [
            ({"host": "api.example", "port": 443, "protocol": "https"}, None, "api.example"),
            ({"host": "api.example", "port": 8443, "protocol": "https"}, None, "api.example:8443"),
            ({"host": "api.example", "port": 80, "protocol": "https"}, None, "api.example:80"),
            ({"host": "api.example", "port": 80, "protocol": "http"}, "client.example", "client.example"),
        ],
    )
    def test_the_host_that_is_signed_is_the_host_that_is_sent(self, service, preserved, host):
        kong = run(AWS, router__get_service=service, nginx__get_var=preserved)

        assert sent(kong)["Host"] == host

    def test_a_route_without_a_service_needs_a_host(self):
        kong = run(AWS, router__get_service=None)

        assert "set 'host'" in kong.arguments("log.err")[0][0]
        assert sent(run({**AWS, "host": "a.example"}, router__get_service=None))["Host"] == "a.example"

    def test_a_session_token_of_the_clients_is_cleared(self):
        headers = {"x-amz-security-token": ["theirs"]}

        assert run(AWS, headers).arguments(UPSTREAM + "clear_header") == [("x-amz-security-token",)]

    def test_time_is_the_systems(self, monkeypatch):
        monkeypatch.setattr("time.time", lambda: 0.0)

        assert sent(run(HMAC))["Date"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        assert sent(run(AWS))["X-Amz-Date"] == "19700101T000000Z"
        assert sent(run(WEBHOOK))["Webhook-Timestamp"] == "0"


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"scheme": "hmac"}, "hmac.username is needed for scheme 'hmac'"),
        ({"scheme": "aws-sigv4", "hmac": {}}, "aws.access_key_id is needed for scheme 'aws-sigv4'"),
        ({"scheme": "standard-webhooks", "webhook": {"secrets": []}}, "webhook.secrets is needed for scheme"),
        ({**HMAC, "hmac": {**HMAC["hmac"], "headers": ["Via"]}}, "header 'via' can't be signed: Kong writes it anew"),
    ],
)
def test_a_config_that_can_not_sign_stops_the_instance(config, problem):
    with pytest.raises(ConfigError) as raised:
        load("vault-hmac-signer").Plugin(config)

    assert str(raised.value).startswith(problem)


def kong_accepts(request: UpstreamRequest, key: bytes) -> bool:
    """What an upstream Kong's hmac-auth computes from the request that it got, digest included."""
    fields = dict(pair.split("=", 1) for pair in request.headers.get("authorization").removeprefix("hmac ").split(", "))
    names = fields["headers"].strip('"').split(" ")
    target = f"{request.method.lower()} {request.target}"
    lines = [f"{name}: {target if name == '@request-target' else request.headers.get(name)}" for name in names]
    digest = "SHA-256=" + base64.b64encode(hashlib.sha256(request.body).digest()).decode()
    expected = base64.b64encode(hmac.new(key, "\n".join(lines).encode("utf-8", "surrogateescape"), "sha256").digest())
    return request.headers.get("digest") == digest and fields["signature"].strip('"') == expected.decode()


def checking(*accepted: bytes) -> Any:
    return lambda request: Answer(200 if any(kong_accepts(request, key) for key in accepted) else 401)


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_an_upstream_kong_accepts_what_it_gets(lab, keys, stock):
    path = lab(checking(b"sesame-one"), stock=stock)
    config = {**HMAC, "hmac": {**HMAC["hmac"], "headers": ["@request-target", "host", "x-tenant"]}}
    path.route("/prefix", vault_hmac_signer=config)

    assert path.ask("/prefix/a%20b/c?x=%2F&y", x_tenant="blue").status == 200
    assert path.ask("/prefix/a", "POST", b"body \xff" * 10_000, authorization="Basic theirs").status == 200
    assert path.ask("/prefix", "PUT", b"").status == 200
    assert path.log_lines("err") == []
    assert path.upstream.requests[0].target == "/a%20b/c?x=%2F&y"


def test_it_signs_what_the_transformer_made_of_the_request(lab, keys):
    path = lab(checking(b"sesame-one"))
    transformer = {"add": {"querystring": ["a:1"], "headers": ["X-A:1"]}, "replace": {"uri": "/else where"}}
    config = {**HMAC, "hmac": {**HMAC["hmac"], "headers": ["@request-target", "x-a"]}}
    path.route("/", transformer=transformer, vault_hmac_signer=config)

    assert path.ask("/a").status == 200
    assert path.upstream.requests[0].target == "/else%20where?a=1"


def test_a_body_too_large_is_refused_whole(lab, keys):
    path = lab(checking(b"sesame-one"))
    path.route("/", vault_hmac_signer={**HMAC, "max_body_bytes": 10_000})

    assert path.ask("/", "POST", b"x" * 10_000).status == 200
    assert path.ask("/", "POST", b"x" * 10_001).status == 413
    assert len(path.upstream.requests) == 1


def test_aws_and_webhooks_on_the_whole_path(lab, keys):
    path = lab()
    path.route("/aws", vault_hmac_signer=AWS)
    path.route("/hook", vault_hmac_signer=WEBHOOK)

    path.ask("/aws/x?b=1&a=2", "POST", b"{}")
    path.ask("/hook", "POST", b"{}")

    aws, hook = path.upstream.requests
    assert aws.headers.get("authorization").startswith("AWS4-HMAC-SHA256 Credential=AKID/")
    assert aws.headers.get("host") == path.upstream.url.removeprefix("http://")
    text = f"{hook.headers.get('webhook-id')}.{hook.headers.get('webhook-timestamp')}.{{}}".encode()
    expected = base64.b64encode(hmac.new(b"a key of some length", text, "sha256").digest()).decode()
    assert hook.headers.get("webhook-signature") == f"v1,{expected}"
    assert path.pdk_calls("access") == Counter(
        {
            "request.get_headers": 2,
            "request.get_raw_body": 2,
            "service.request.set_headers": 2,
            "nginx.get_var": 2,
            "request.get_method": 1,
            "request.get_raw_query": 1,
            "router.get_service": 1,
        }
    )


def test_under_load_a_rotated_key_signs_the_next_requests_and_none_goes_unsigned(lab, keys, secrets):
    path = lab(checking(b"sesame-one", b"sesame-two"))
    config = {**HMAC, "hmac": {"username": "alice", "secret": "{vault://fs/key?ttl=0.05}"}}
    path.route("/", vault_hmac_signer=config)
    statuses: list[int] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            statuses.append(path.ask("/", "POST", b"body").status)

    threads = [threading.Thread(target=client) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) > 20, "requests with the first key")
    secrets.write("key", "sesame-two")
    wait_until(lambda: kong_accepts(path.upstream.requests[-1], b"sesame-two"), "a request with the second key")
    done.set()
    for thread in threads:
        thread.join()

    assert set(statuses) == {200}
    assert path.log_lines("err") == []
    assert "sesame" not in path.server.output()
