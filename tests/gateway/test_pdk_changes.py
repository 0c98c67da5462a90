"""What PDK calls change on the way to the upstream and to the client, and calls that fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from kong_vault_py.testing import EchoUpstream
from tests.gateway.pdk_lab import ABSENT, Lab


def test_changes_reach_the_upstream(lab: Lab, upstream: EchoUpstream) -> None:
    lab.run(
        "access",
        ("kong.service.request.set_method", "PUT"),
        ("kong.service.request.set_path", "/new path"),
        ("kong.service.request.set_query", {"b": ["2", "x y"], "a": True, "c": False}),
        ("kong.service.request.set_header", "x-a", ["1", "2"]),
        ("kong.service.request.add_header", "X-A", 3),
        ("kong.service.request.set_headers", {"x-b": "", "x-evil": "a\r\nx-c: b"}),
        ("kong.service.request.clear_header", "x-gone"),
        ("kong.service.request.set_body", {"k": "v"}, "application/json"),
        headers={"X-Gone": "1"},
    )

    (seen,) = upstream.requests
    assert (seen.method, seen.target, seen.body) == ("PUT", "/new%20path?a&b=2&b=x%20y", b'{"k":"v"}')
    assert seen.headers.get_all("x-a") == ["1", "2", "3"]
    assert seen.headers.get("x-b") == ""
    assert seen.headers.get("x-evil") == "a%0D%0Ax-c: b"
    assert "x-gone" not in seen.headers
    assert seen.headers.get("x-forwarded-path") == "/api/x"


def test_changes_reach_the_client(lab: Lab) -> None:
    lab.run(
        "response",
        ("kong.response.set_status", 202),
        ("kong.response.set_header", "x_under", "1"),
        ("kong.response.add_header", "X-Two", "a"),
        ("kong.response.clear_header", "content-type"),
        ("kong.response.set_headers", {"x-three": ["3"], "transfer-encoding": "chunked"}),
    )

    assert lab.answer.status == 202
    assert lab.answer.headers["x-under"] == "1"
    assert (lab.answer.headers["x-two"], lab.answer.headers["x-three"]) == ("a", "3")
    assert "content-type" not in lab.answer.headers
    assert [line.level for line in lab.gateway.logs] == ["warn"]


def test_nil_between_arguments_hides_those_behind_it(lab: Lab) -> None:
    """Lua's unpack: ``kong.response.exit(503, nil, headers)`` over the wire loses its headers."""
    lab.run("access", ("kong.response.exit", 503, None, {"X-Why": "lost"}))

    assert lab.answer.status == 503
    assert "x-why" not in lab.answer.headers


@pytest.mark.parametrize(
    "call",
    [
        ("kong.request.get_header", 1),
        ("kong.request.get_headers", 0),
        ("kong.response.set_header", "x", {"a": 1}),
        ("kong.response.set_status", 99),
        ("kong.response.exit", "200"),
        ("kong.service.request.set_scheme", "ftp"),
        ("kong.service.request.set_path", "relative"),
        ("kong.service.request.set_method", "BREW"),
        ("kong.service.request.set_query", {"a": {"b": "c"}}),
        ("kong.service.request.set_body", {"a": "b"}, "text/plain"),
        ("kong.service.set_target", "host", 70000),
        ("kong.client.load_consumer", "no-uuid"),
        ("kong.client.authenticate",),
        ("kong.response.error", 200),
        ("kong.response.error", 500, 1),
        ("kong.response.exit", 200, 1),
        ("kong.response.exit", 200, "x", "headers"),
        ("kong.response.set_header", 1, "x"),
        ("kong.response.set_headers", "x"),
        ("kong.response.set_headers", {"x": [1]}),
        ("kong.service.set_retries", -1),
        ("kong.service.set_timeouts", 1, 1, 0),
        ("kong.service.set_timeouts", 1, 1),
        ("kong.service.request.enable_tls",),
        ("kong.ctx.shared.set",),
        ("kong.log.set_serialize_value", "x", 1, {"mode": "mend"}),
        ("kong.cache.get", "x"),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_wrong_arguments_are_500(lab: Lab, call: tuple[Any, ...]) -> None:
    lab.run("access", call)

    assert lab.answer.status == 500
    assert [line.level for line in lab.gateway.logs] == ["err"]
    assert lab.plugin.results == []


def test_more_changes_reach_the_upstream(lab: Lab, upstream: EchoUpstream) -> None:
    results = lab.run(
        "access",
        ("kong.service.request.set_raw_query", "a=1&b=x+y&a=2"),
        ("kong.service.request.clear_query_arg", "a"),
        ("kong.service.request.set_raw_body", "raw \udcff"),
        ("kong.service.request.set_header", "Host", "virtual.test"),
        ("kong.service.request.set_header", ":authority", "x"),
        ("kong.service.request.add_header", "host", "virtual2.test"),
        ("kong.service.request.set_scheme", "http"),
        ("kong.service.set_retries", 3),
        ("kong.service.request.set_body", {"a": "b"}),
        method="POST",
    )

    (seen,) = upstream.requests
    assert results == [ABSENT] * 9
    assert (seen.target, seen.body) == ("/x?b=x%20y", b"raw \xff")
    assert seen.headers.get("host") == "virtual2.test"


def test_target_of_another_upstream(lab: Lab) -> None:
    with EchoUpstream() as other:
        host, _, port = other.url.removeprefix("http://").partition(":")
        lab.run("access", ("kong.service.set_target", host, int(port)))

        assert other.requests[0].headers.get("host") == host

    assert lab.run("access", ("kong.service.set_upstream", "other")) == [True]
    assert lab.answer.status == 502


def test_buffering_can_be_asked_for(lab: Lab) -> None:
    assert lab.run("access", ("kong.service.request.enable_buffering",)) == [ABSENT]
    assert lab.answer.status == 200


def test_headers_of_an_exit_are_checked_like_others(lab: Lab) -> None:
    lab.run("access", ("kong.response.exit", 200, "ok", {"Transfer-Encoding": "chunked", "X_A": ["1", "2"]}))

    assert (lab.answer.status, lab.answer.body) == (200, b"ok")
    assert lab.answer.headers["x-a"] == "2"
    assert [line.level for line in lab.gateway.logs] == ["warn"]


def test_error_with_a_table_and_headers(lab: Lab) -> None:
    lab.run("access", ("kong.response.error", 429, {"slow": "down"}, {"Content-Type": "text/plain", "Retry-After": 3}))

    assert lab.answer.status == 429
    assert lab.answer.body.startswith(b'{"slow":"down"}\nrequest_id: ')
    assert (lab.answer.headers["content-type"], lab.answer.headers["retry-after"]) == ("text/plain", "3")


def test_values_for_the_log_are_set_added_and_replaced(lab: Lab) -> None:
    events: dict[str, list[tuple[Any, ...]]] = {
        "access": [
            ("kong.client.authenticate", {"id": "c"}, {"id": "k"}),
            ("kong.log.set_serialize_value", "mine.deep", 1),
            ("kong.log.set_serialize_value", "mine.deep", 2, {"mode": "add"}),
            ("kong.log.set_serialize_value", "client_ip", "hidden", {"mode": "replace"}),
            ("kong.log.set_serialize_value", "no.such.path", 1, {"mode": "replace"}),
            ("kong.log.set_serialize_value", "started_at", None),
        ],
        "log": [("kong.log.serialize",)],
    }
    text = lab.run_events(events, headers={"Host": "h", "Authorization": "Basic x"}, path="/api?q=1")[-1]

    entry = json.loads(text)
    assert (entry["mine"], entry["client_ip"], entry["upstream_uri"]) == ({"deep": 1}, "hidden", "/?q=1")
    assert entry["authenticated_entity"] == {"id": "k", "consumer_id": "c"}
    assert entry["request"]["headers"]["authorization"] == "REDACTED"
    assert not {"started_at", "no"} & set(entry)


def test_value_for_the_log_below_a_text_stops_the_log_phase(lab: Lab) -> None:
    lab.run_events({"access": [("kong.log.set_serialize_value", "client_ip.x", 1)], "log": [("kong.log.serialize",)]})

    assert lab.answer.status == 200
    assert [line.level for line in lab.gateway.logs] == ["err"]


def test_target_in_rewrite_is_too_early(lab: Lab) -> None:
    lab.run("rewrite", ("kong.service.set_target", "127.0.0.1", 80))

    assert lab.answer.status == 500
