"""vault-request-transformer on a scripted PDK: what it asks of Kong, and what it tells it."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest

from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load

pytestmark = pytest.mark.usefixtures("installed_vault")

JSON = {"content-type": ["application/json"]}
FORM = {"content-type": ["application/x-www-form-urlencoded"]}
UPSTREAM = "service.request."


def run(config: dict[str, Any], **answers: Any) -> FakeKong:
    kong = FakeKong(**answers)
    plugin = load("vault-request-transformer").Plugin(config)
    with contextlib.suppress(Exited):
        plugin.access(kong)
    return kong


def test_without_rules_nothing_is_asked():
    assert run({}).names == []


def test_a_reference_inside_a_header_value(secrets):
    secrets.write("token", "sesame-open")

    kong = run({"add": {"headers": ["Authorization: Bearer {vault://fs/token}"]}}, request__get_headers={})

    assert kong.arguments(UPSTREAM + "set_headers") == [({"Authorization": "Bearer sesame-open"},)]


def test_all_headers_cost_one_read_and_one_write_and_one_call_for_each_that_goes():
    config = {
        "remove": {"headers": ["X-A", "X-B"]},
        "rename": {"headers": ["X-C:X-D"]},
        "add": {"headers": ["X-E:1", "X-F:2"]},
        "append": {"headers": ["X-G:3"]},
    }

    kong = run(config, request__get_headers={"x-a": ["1"], "x-c": ["2"], "x-g": ["0"]})

    assert kong.names == ["request.get_headers", *[UPSTREAM + "clear_header"] * 2, UPSTREAM + "set_headers"]
    assert kong.arguments(UPSTREAM + "clear_header") == [("x-a",), ("x-c",)]
    assert kong.arguments(UPSTREAM + "set_headers") == [({"X-D": "2", "X-E": "1", "X-F": "2", "X-G": ["0", "3"]},)]


def test_a_query_costs_one_read_and_one_write(secrets):
    secrets.write("key", "a&b")

    kong = run({"add": {"querystring": ["key:{vault://fs/key}"]}}, request__get_raw_query="page=2")

    assert kong.calls == [("request.get_raw_query", ()), (UPSTREAM + "set_raw_query", ("page=2&key=a%26b",))]


def test_a_query_that_stays_as_it_is_is_not_written():
    assert run({"remove": {"querystring": ["a"]}}, request__get_raw_query="b=1").names == ["request.get_raw_query"]


def test_a_body_takes_secrets(secrets):
    secrets.write("key", 'quo"te')

    kong = run({"add": {"body": ["key:{vault://fs/key}"]}}, request__get_headers=JSON, request__get_raw_body=b'{"a":1}')

    assert kong.names == ["request.get_headers", "request.get_raw_body", UPSTREAM + "set_raw_body"]
    assert kong.arguments(UPSTREAM + "set_raw_body") == [(rb'{"a":1,"key":"quo\"te"}',)]


def test_a_body_of_another_type_is_not_even_read():
    kong = run({"add": {"body": ["a:1"]}}, request__get_headers={"content-type": ["text/plain"]})

    assert kong.names == ["request.get_headers"]


def test_the_content_type_that_counts_is_the_one_after_the_headers_rules():
    config = {"replace": {"headers": ["Content-Type:application/json"]}, "add": {"body": ["a:1"]}}

    kong = run(config, request__get_headers={"content-type": ["text/plain"]}, request__get_raw_body="{}")

    assert kong.arguments(UPSTREAM + "set_raw_body") == [(b'{"a":"1"}',)]


@pytest.mark.parametrize(
    "answers",
    [
        {"request__get_headers": {**JSON, "content-length": ["99999999"]}},
        {"request__get_headers": JSON, "request__get_raw_body": None},
    ],
)
def test_a_body_too_large_to_be_changed_is_refused(answers):
    kong = run({"remove": {"body": ["secret"]}}, **answers)

    assert kong.arguments("response.exit") == [(413, {"message": "Request body too large"})]
    assert kong.arguments("log.err") == [("the request's body is too large to be changed",)]


def test_path_and_method(secrets):
    secrets.write("tenant", "blue")

    kong = run({"http_method": "PUT", "replace": {"uri": "/tenants/{vault://fs/tenant}"}})

    assert kong.calls == [(UPSTREAM + "set_path", ("/tenants/blue",)), (UPSTREAM + "set_method", ("PUT",))]


def test_a_form_moves_to_the_query_where_the_new_method_has_no_body():
    kong = run(
        {"http_method": "GET", "add": {"querystring": ["c:3"]}},
        request__get_headers=FORM,
        request__get_raw_body=b"b=2",
        request__get_raw_query="a=1",
    )

    assert kong.arguments(UPSTREAM + "set_raw_query") == [("a=1&b=2&c=3",)]
    assert kong.names.count("request.get_raw_body") == 1


def test_templates_are_plain_text():
    kong = run({"add": {"headers": ["X-A:$(headers.x)"]}}, request__get_headers={})

    assert kong.arguments(UPSTREAM + "set_headers") == [({"X-A": "$(headers.x)"},)]


def test_a_secret_that_is_not_there_closes_the_request_and_shows_its_reference():
    kong = run({"add": {"headers": ["X-A:{vault://fs/absent}"]}}, request__get_headers={})

    assert kong.names == ["log.err", "response.exit"]
    assert kong.arguments("response.exit") == [(503, {"message": "Service unavailable"})]
    assert "vault://fs/absent" in kong.arguments("log.err")[0][0]


def test_a_secret_that_can_not_be_resolved_closes_the_request_on_the_stock_server_too():
    kong = FakeKong()
    plugin = load("vault-request-transformer").Plugin({"add": {"headers": ["X-A:{vault://fs/absent}"]}})

    plugin.access(StockKong(kong))

    assert [name for name in kong.names if name.startswith(UPSTREAM)] == []
    assert kong.arguments("response.exit")[0][0] == 503


def test_each_part_of_the_config_takes_references(secrets):
    secrets.write("value", "sesame")
    value = "{vault://fs/value}"
    config = {
        "replace": {
            "headers": [f"X-A:{value}"],
            "querystring": [f"a:{value}"],
            "body": [f"a:{value}"],
            "uri": f"/{value}",
        },
        "add": {"headers": [f"X-B:{value}"], "querystring": [f"b:{value}"], "body": [f"b:{value}"]},
        "append": {"headers": [f"X-C:{value}"], "querystring": [f"c:{value}"], "body": [f"c:{value}"]},
        "rename": {"headers": [f"X-D:{value}"], "querystring": [f"d:{value}"], "body": [f"d:{value}"]},
    }

    kong = run(
        config,
        request__get_headers={**JSON, "x-a": ["1"], "x-d": ["4"]},
        request__get_raw_query="a=1&d=4",
        request__get_raw_body=b'{"a":1,"d":4}',
    )

    (headers,) = kong.arguments(UPSTREAM + "set_headers")[0]
    assert headers == {"X-A": "sesame", "X-B": "sesame", "X-C": "sesame", "sesame": "4"}
    assert kong.arguments(UPSTREAM + "set_raw_query") == [("a=sesame&sesame=4&b=sesame&c=sesame",)]
    assert kong.arguments(UPSTREAM + "set_raw_body") == [(b'{"a":"sesame","sesame":4,"b":"sesame","c":["sesame"]}',)]
    assert kong.arguments(UPSTREAM + "set_path") == [("/sesame",)]


@pytest.mark.parametrize("stock", [False, True])
def test_a_value_of_the_wrong_json_type_closes(secrets, stock):
    secrets.write("limit", "sesame")
    config = {"add": {"body": ["limit:{vault://fs/limit}"], "json_types": ["number"]}}
    kong = FakeKong(request__get_headers=JSON, request__get_raw_body=b"{}")
    plugin = load("vault-request-transformer").Plugin(config)

    with contextlib.suppress(Exited):
        plugin.access(StockKong(kong) if stock else kong)

    assert kong.arguments("log.err") == [("add.body: item 1 is no number (json_types)",)]
    assert kong.calls[-1] == ("response.exit", (503, {"message": "Service unavailable"}))


def test_paths_and_an_allow_list_in_a_json_body():
    config = {"allow": {"body": ["a"]}, "dots_in_keys": False, "remove": {"body": ["a.secret"]}}

    kong = run(config, request__get_headers=JSON, request__get_raw_body=b'{"a":{"secret":1,"b":2},"c":3}')

    assert kong.arguments(UPSTREAM + "set_raw_body") == [(b'{"a":{"b":2}}',)]
