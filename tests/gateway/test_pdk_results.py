"""What a plugin gets for its PDK calls, in the shapes that Kong sends."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.gateway.pdk_lab import ABSENT, CONSUMER, Lab


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (("kong.request.get_method",), "POST"),
        (("kong.request.get_path",), "/api/b c"),
        (("kong.request.get_raw_path",), "/api/a/..//b%20c"),
        (("kong.request.get_path_with_query",), "/api/a/..//b%20c?n=1&flag&n=2"),
        (("kong.request.get_raw_query",), "n=1&flag&n=2"),
        (("kong.request.get_query_arg", "n"), "1"),
        (("kong.request.get_query_arg", "flag"), True),
        (("kong.request.get_query_arg", "absent"), ABSENT),
        (("kong.request.get_header", "x_two"), "a"),
        (("kong.request.get_header", "absent"), ABSENT),
        (("kong.request.get_raw_body",), b'{"k": [1, null, 2.0]}'),
        (("kong.request.get_body",), {"k": [1, None, 2]}),
        (("kong.request.get_body", "application/x-www-form-urlencoded"), {'{"k": [1, null, 2.0]}': True}),
        (("kong.request.get_body", "text/plain"), ABSENT),
        (("kong.request.get_scheme",), "http"),
        (("kong.request.get_host",), "example.test"),
        (("kong.request.get_http_version",), 1.1),
        (("kong.request.get_uri_captures",), {"named": [], "unnamed": []}),
        (("kong.client.get_ip",), "127.0.0.1"),
        (("kong.client.get_forwarded_ip",), "127.0.0.1"),
        (("kong.client.get_consumer",), ABSENT),
        (("kong.client.load_consumer", CONSUMER.id), CONSUMER.as_table()),
        (("kong.client.load_consumer", "ann", True), CONSUMER.as_table()),
        (("kong.client.load_consumer", "bob", True), ABSENT),
        (("kong.nginx.get_var", "request_method"), "POST"),
        (("kong.nginx.get_var", "http_x_two"), "a, b"),
        (("kong.nginx.get_var", "arg_n"), "1"),
        (("kong.nginx.get_var", "unknown"), ABSENT),
        (("kong.nginx.get_subsystem",), "http"),
        (("kong.vault.get", "{vault://env/x}"), "sesame"),
        (("kong.vault.get", "{vault://env/absent}"), ABSENT),
        (("kong.vault.get", "no reference"), ABSENT),
        (("kong.vault.is_reference", "{vault://env/x}"), True),
        (
            ("kong.vault.parse_reference", "{vault://env/a/b#2}"),
            {"name": "env", "resource": "a", "key": "b", "version": 2},
        ),
        (("kong.vault.parse_reference", "nonsense"), ABSENT),
        (("kong.ip.is_trusted", "127.0.0.1"), False),
        (("kong.ip.is_trusted", "nonsense"), False),
        (("kong.no.such.function",), ABSENT),
        (("kong.service.set_upstream", "nobody"), ABSENT),
        (("kong.service.request.set_header", "x-a", "1"), ABSENT),
    ],
    ids=lambda value: " ".join(map(str, value)).replace(CONSUMER.id, "ID") if isinstance(value, tuple) else "",
)
def test_result_of_a_call_in_access(lab: Lab, call: tuple[Any, ...], expected: Any) -> None:
    headers = {"Host": "Example.test:80", "X-Two": "a", "x-two": "b", "Content-Type": "application/json"}
    body = b'{"k": [1, null, 2.0]}'

    value = lab.one("access", *call, path="/api/a/..//b%20c?n=1&flag&n=2", method="POST", headers=headers, body=body)

    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("call", "method"),
    [
        ("kong.client.get_credential", "plugin.StepCredential"),
        ("kong.client.get_consumer", "plugin.StepConsumer"),
        ("kong.node.get_memory_stats", "plugin.StepMemoryStats"),
        ("kong.router.get_route", "plugin.StepRoute"),
        ("kong.router.get_service", "plugin.StepService"),
        ("kong.request.get_query", "plugin.StepMultiMap"),
        ("kong.request.get_headers", "plugin.StepMultiMap"),
        ("kong.request.get_header", "plugin.Step"),
    ],
)
def test_typed_steps(lab: Lab, call: str, method: str) -> None:
    lab.run("access", (call, "host") if call.endswith("get_header") else (call,))

    assert [step for step, _ in lab.plugin.results] == [method]


def test_multi_maps_hold_lists_and_flags_are_empty(lab: Lab) -> None:
    query = lab.one("access", "kong.request.get_query", path="/api?a=1&b&c=2&c=3&d=")
    assert query == {"a": ["1"], "b": [], "c": ["2", "3"], "d": [""]}

    assert lab.one("access", "kong.request.get_query") == {}

    headers = lab.one("access", "kong.request.get_headers", headers={"Host": "h", "X-A": "1", "x-a": "2"})
    assert headers == {"host": ["h"], "x-a": ["1", "2"]}


def test_response_phase_sees_the_upstreams_answer(lab: Lab) -> None:
    status, header, raw, headers, own, source = lab.run(
        "response",
        ("kong.service.response.get_status",),
        ("kong.service.response.get_header", "content_type"),
        ("kong.service.response.get_raw_body",),
        ("kong.service.response.get_headers",),
        ("kong.response.get_headers",),
        ("kong.response.get_source",),
    )

    assert (status, header, source) == (200, "application/json", "service")
    assert json.loads(raw)["path"] == "/x"
    assert isinstance(raw, bytes)
    # A defect of Kong's that plugins meet: the buffered headers can be looked up, not listed.
    assert headers == {}
    assert own["content-type"] == ["application/json"]


def test_what_the_log_phase_still_knows(lab: Lab) -> None:
    calls: list[tuple[Any, ...]] = [
        ("kong.request.get_header", "host"),
        ("kong.response.get_status",),
        ("kong.response.get_header", "content-type"),
        ("kong.service.response.get_status",),
        ("kong.router.get_route",),
        ("kong.log.serialize",),
    ]
    host, status, content_type, service_status, route, text = lab.run("log", *calls, headers={"Host": "h"})

    assert (host, status, content_type, service_status) == ("h", 200, "application/json", 200)
    assert route["name"] == "api"
    assert json.loads(text)["request"]["uri"] == "/api/x"


def test_contexts_live_as_long_as_the_request(lab: Lab) -> None:
    table = {"a": [1, 2.5, True, None], "empty": {}}
    first = lab.run(
        "access",
        ("kong.ctx.shared.set", "k", table),
        ("kong.ctx.shared.get", "k"),
        ("kong.nginx.set_ctx", "n", 1.0),
        ("kong.nginx.get_ctx", "n"),
        ("kong.ctx.shared.set", "k", None),
        ("kong.ctx.shared.get", "k"),
    )
    assert first == [ABSENT, {"a": [1, 2.5, True], "empty": []}, ABSENT, 1, ABSENT, ABSENT]
    assert lab.run("access", ("kong.nginx.get_ctx", "n")) == [ABSENT]


def test_consumer_that_a_plugin_authenticates(lab: Lab) -> None:
    results = lab.run(
        "access",
        ("kong.client.authenticate", {"id": "c", "username": "ann"}, {"id": "k"}),
        ("kong.client.get_consumer",),
        ("kong.client.get_credential",),
    )

    assert results == [ABSENT, {"id": "c", "username": "ann"}, {"id": "k"}]


def test_ids(lab: Lab) -> None:
    node, plugin = lab.run("access", ("kong.node.get_id",), ("kong.plugin.get_id",))

    assert str(uuid.UUID(node)) == node
    assert plugin == lab.entity.id


def test_log_lines_carry_level_and_plugin(lab: Lab) -> None:
    lab.run("access", ("kong.log.err", "n=", 1.0, " ok=", True), ("kong.log", "plain"))

    assert [(line.level, line.message, line.plugin) for line in lab.gateway.logs] == [
        ("err", "n=1 ok=true", "demo"),
        ("notice", "plain", "demo"),
    ]


@pytest.mark.parametrize(("limit", "given"), [((), False), ((8192,), False), ((8193,), True), ((0,), True)])
def test_a_body_that_nginx_keeps_in_a_file_is_read_back_up_to_a_limit(lab: Lab, limit: Any, given: bool) -> None:
    """Without one, or beyond it, Kong answers nil, which its RPC can't send as a body: the request ends with 500."""
    body = b"x" * 8193

    brought = lab.run("access", ("kong.request.get_raw_body", *limit), method="POST", body=body)

    assert brought == ([body] if given else [])
    assert (lab.answer.status == 500) is not given


def test_the_path_for_the_upstream_is_escaped(lab: Lab) -> None:
    assert lab.one("access", "kong.nginx.get_var", "upstream_uri", path="/api/a%20b/%2Fc/%41") == "/a%20b/%2Fc/A"
