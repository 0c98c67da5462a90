"""vault-context: on a scripted PDK, and on the whole path with both plugin servers."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from typing import Any

import pytest

from kong_vault_py.errors import ConfigError
from kong_vault_py.testing.upstream import echo
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load
from tests.servers.polling import wait_until


def plugin(*values: dict[str, Any], **config: Any) -> Any:
    return load("vault-context").Plugin({"values": list(values), **config})


def run(made: Any, *, stock: bool = False) -> FakeKong:
    kong = FakeKong()
    with contextlib.suppress(Exited):
        made.access(StockKong(kong) if stock else kong)
    return kong


TOKEN = {"value": "{vault://fs/token}", "context": "api_token"}


@pytest.mark.usefixtures("installed_vault")
class TestPhase:
    def test_a_value_in_the_context_is_one_call(self, secrets):
        secrets.write("token", "sesame")

        assert run(plugin(TOKEN)).calls == [("ctx.shared.set", ("api_token", "sesame"))]

    def test_a_table_is_one_call_for_all(self, secrets):
        secrets.write("token", "sesame")
        secrets.write("db", '{"host": "db", "port": 5432}')
        database = {"value": "{vault://fs/db}", "context": "db", "format": "json"}
        text = {"value": "Bearer {vault://fs/token}", "context": "bearer"}

        kong = run(plugin(TOKEN, database, text, table="secrets"))

        shared = {"api_token": "sesame", "db": {"host": "db", "port": 5432}, "bearer": "Bearer sesame"}
        assert kong.calls == [("ctx.shared.set", ("secrets", shared))]

    def test_headers_are_one_call_and_one_each_to_keep_them_out_of_logs(self, secrets):
        secrets.write("token", " sesame\n")
        one = {"value": "{vault://fs/token}", "header": "X-Token"}
        two = {"value": "Bearer {vault://fs/token?x=1}", "header": "Authorization"}

        assert run(plugin(one, two)).calls == [
            ("service.request.set_headers", ({"X-Token": "sesame", "Authorization": "Bearer  sesame"},)),
            ("log.set_serialize_value", ("request.headers.x-token", "REDACTED", {"mode": "replace"})),
        ]
        assert len(run(plugin(one, two, mask_in_logs=False)).calls) == 1

    @pytest.mark.parametrize("stock", [False, True])
    def test_a_required_value_that_is_not_there_closes_and_provides_nothing(self, secrets, stock):
        secrets.write("token", "sesame")
        absent = {"value": "{vault://fs/absent}", "context": "b", "header": "X-B"}

        kong = run(plugin(TOKEN, absent), stock=stock)

        assert kong.names == ["log.err", "response.exit"]
        assert kong.arguments("response.exit") == [(503, {"message": "Service unavailable"})]
        assert "vault://fs/absent" in kong.arguments("log.err")[0][0]

    def test_an_optional_one_is_left_out_told_once_and_not_taken_from_the_client(self, secrets):
        secrets.write("token", "sesame")
        made = plugin(TOKEN, {"value": "{vault://fs/absent}", "context": "b", "header": "X-B", "required": False})

        first, second = run(made), run(made)

        assert first.names == ["log.warn", "ctx.shared.set", "service.request.clear_header"]
        assert second.calls == [
            ("ctx.shared.set", ("api_token", "sesame")),
            ("service.request.clear_header", ("X-B",)),
        ]
        assert first.arguments("log.warn")[0][0].endswith("; going on without it")

    def test_it_is_told_again_after_it_was_there(self, secrets, installed_vault):
        made = plugin({"value": "{vault://fs/token?neg_ttl=0}", "context": "b", "required": False})
        assert "log.warn" in run(made).names
        secrets.write("token", "sesame")
        assert run(made).names == ["ctx.shared.set"]

        secrets.remove("token")
        installed_vault.flush()

        assert "log.warn" in run(made).names

    @pytest.mark.parametrize(
        ("value", "problem"),
        [
            ({"header": "X-A"}, "the value 'X-A' holds a line break or another control: no header can"),
            ({"context": "a", "format": "json"}, "the value 'a' is no JSON object or array, as its format says"),
        ],
    )
    def test_a_value_that_does_not_fit_its_place_closes_and_is_not_shown(self, secrets, value, problem):
        secrets.write("token", "sesame\r\nX-Admin: 1")

        kong = run(plugin({"value": "{vault://fs/token}", **value}))

        assert kong.calls == [
            ("log.err", (problem,)),
            ("response.exit", (503, {"message": "Service unavailable"})),
        ]


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ([{"value": "a"}], "values[1]: needs 'context', 'header' or both, or it goes nowhere"),
        ([TOKEN, TOKEN], "values: two have the context 'api_token'"),
        ([{"value": "a", "header": "X-A"}, {"value": "b", "header": "x-a"}], "values: two have the header 'x-a'"),
    ],
)
def test_a_config_that_makes_no_sense_stops_the_instance(values, problem):
    with pytest.raises(ConfigError) as raised:
        plugin(*values)

    assert str(raised.value) == problem


@pytest.mark.parametrize("stock", [False, True], ids=["ours", "stock"])
def test_on_the_whole_path(lab, secrets, stock):
    secrets.write("token", "sesame-one")
    path = lab(echo, stock=stock)
    path.route("/", vault_context={"values": [{**TOKEN, "header": "X-Token"}]})
    path.route("/closed", vault_context={"values": [{"value": "{vault://fs/absent}", "context": "a"}]})

    seen = json.loads(path.ask("/", x_token="the client's").body)["headers"]

    assert seen["x-token"] == "sesame-one"
    (shared,) = (call.args for call in path.gateway.calls if call.method == "kong.ctx.shared.set")
    assert shared == ("api_token", "sesame-one")
    assert path.ask("/closed").status == 503
    assert len(path.upstream.requests) == 1
    assert path.pdk_calls("access") >= Counter(["ctx.shared.set", "service.request.set_headers"])


def test_a_rotated_value_reaches_the_next_requests(lab, secrets):
    secrets.write("token", "sesame-one")
    path = lab(echo)
    path.route("/", vault_context={"values": [{"value": "{vault://fs/token?ttl=0.05}", "header": "X-Token"}]})
    assert json.loads(path.ask("/").body)["headers"]["x-token"] == "sesame-one"

    secrets.write("token", "sesame-two")

    wait_until(
        lambda: json.loads(path.ask("/").body)["headers"]["x-token"] == "sesame-two",
        "the rotated token",
    )
    assert "sesame" not in path.server.output()


LOGGER = """
import json
from kong_vault_py.plugin import pdk
version = "1.0"
priority = 1
Schema = ()
class Plugin:
    def __init__(self, config):
        pass
    def log(self, kong):
        headers = json.loads(pdk(kong).log.serialize())["request"]["headers"]
        pdk(kong).log.notice(headers["x-token"], " ", pdk(kong).ctx.shared.get("api_token"))
"""


def test_logging_plugins_see_no_header_and_lua_plugins_see_the_context(kong_gateway, secrets, tmp_path):
    secrets.write("token", "sesame-one")
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "reader.py").write_text(LOGGER)
    source = load("vault-context").__file__
    (plugins / "vault-context.py").symlink_to(str(source))
    gateway = kong_gateway(plugins, env={"KONG_VAULT_FS_PREFIX": str(secrets.path)})
    from urllib.request import urlopen

    from kong_vault_py.testing import PluginEntity

    config = {"values": [{**TOKEN, "header": "X-Token"}]}
    gateway.add_route("/", [PluginEntity("vault-context", config), PluginEntity("reader")])
    urlopen(gateway.url + "/").close()
    gateway.drain()

    # Our server masks live secrets in log lines: the context's value is there, and its mask proves it.
    assert [line.message for line in gateway.logs if line.plugin == "reader"] == ["REDACTED ***"]
