"""The recordings of a real Kong, replayed: the server says what was recorded, the gateway must say what Kong said."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from kong_vault_py.testing.wire import pack
from tests.gateway.asking import ask
from tests.gateway.comparison import TOLERATED, Comparison
from tests.gateway.recorded import Exchange, Session, config_of, load
from tests.gateway.server_double import Handler, LastWords, Request, ServerDouble

TRACES = {
    "basic": 2,
    "config-reload": 1,
    "no-plugin-instance-restart": 1,
    "py-ref-env": 1,
    "py-ref-env-unset": 1,
    "py-ref-missing": 1,
    "rich-pdk-calls": 1,
}


def _dump(name: str, *phases: str) -> list[dict[str, Any]]:
    fields = [
        {"message": {"type": "string", "default": "hello-world"}},
        {"secret": {"type": "string", "referenceable": True}},
    ]
    schema = {"name": name, "fields": [{"config": {"type": "record", "fields": fields}}]}
    return [{"Name": name, "Phases": list(phases), "Priority": 100, "Version": "0.1.0", "Schema": schema}]


DUMPS = {
    "py-hdr": _dump("py-hdr", "rewrite", "access", "response", "log"),
    "py-rich": _dump("py-rich", "access", "response"),
}


class Replay:
    """The recorded server: answers each request with the recorded reply, and keeps what it was asked."""

    def __init__(self, session: Session) -> None:
        self._expected = list(session.exchanges())
        self.asked: list[tuple[Exchange, Request]] = []
        self.surplus: list[Request] = []

    def __call__(self, asked: Request) -> bytes | None:
        if len(self.asked) == len(self._expected):
            self.surplus.append(asked)
            return None
        exchange = self._expected[len(self.asked)]
        self.asked.append((exchange, asked))
        reply = pack([1, asked.msgid, *exchange.reply[2:]])
        following = self._expected[len(self.asked)] if len(self.asked) < len(self._expected) else None
        return LastWords(reply) if following is not None and following.server_died else reply


class Vault:
    """The values that Kong's vaults had at a request of the recording."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._lock = threading.Lock()

    def __call__(self, reference: str) -> str | None:
        with self._lock:
            return self.values.get(reference)

    def set_for(self, exchanges: list[Exchange]) -> None:
        """Give each reference the value that it had in these exchanges."""
        for exchange, following in itertools.pairwise(exchanges):
            data = (exchange.reply[3] or {}).get("Data")
            if isinstance(data, dict) and data["Method"] == "kong.vault.get":
                self._set(data["Args"][0], following.request[3][0].get("Data"))
        for exchange in _starts(exchanges):
            config = config_of(exchange)
            for name, reference in config.get("$refs", {}).items():
                self._set(reference, config[name])

    def _set(self, reference: str, value: str | None) -> None:
        with self._lock:
            self.values.pop(reference, None)
            if value:
                self.values[reference] = value


def _starts(exchanges: list[Exchange]) -> list[Exchange]:
    return [exchange for exchange in exchanges if exchange.request[2] == "plugin.StartInstance"]


def _user_config(exchange: Exchange) -> dict[str, Any]:
    """Return the config as the user gave it to Kong: what it was before references and Kong's own keys."""
    config = config_of(exchange)
    own = {name: value for name, value in config.items() if name in ("message", "secret")}
    return own | config.get("$refs", {})


def _recorded_upstream(asked: UpstreamRequest) -> Answer:
    body = {
        "method": asked.method,
        "path": asked.target,
        "headers": dict(asked.headers),
        "body": asked.body.decode(),
    }
    return Answer(200, {"Content-Type": "application/json"}, json.dumps(body, indent=1).encode())


def _replay(session: Session, gateway: Gateway, vault: Vault, double: ServerDouble) -> None:
    """Send the recorded HTTP requests, with the recorded changes of config and secrets before them."""
    first = _starts(session.requests[0])[0]
    name, config = first.request[3][0]["Name"], config_of(first)
    vault.set_for(session.requests[0])
    entity = PluginEntity(name, _user_config(first))
    if "route_id" in config:
        gateway.add_route("/echo", [entity], name="echo")
    else:
        entity = gateway.add_plugin(name, entity.config)
        gateway.add_route("/echo", name="echo")
    for exchanges in session.requests:
        double.wait_closed(sum(one.server_died for one in exchanges[:1]))
        vault.set_for(exchanges)
        for start in _starts(exchanges):
            if _user_config(start) != entity.config:
                gateway.update_config(entity, _user_config(start))
        answer = ask(gateway.url + ("/echo/" if name == "py-rich" else "/echo/x"), headers=_client_headers(name))
        assert answer.status == 200
        gateway.drain()


def _client_headers(name: str) -> dict[str, str]:
    host = "127.0.0.1:8109" if name == "py-rich" else "127.0.0.1:8000"
    return {"Host": host, "User-Agent": "curl/7.88.1", "Accept": "*/*"}


@pytest.mark.parametrize("name", TRACES)
def test_gateway_says_what_kong_said(
    name: str, gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]
) -> None:
    sessions = load(name)
    assert len(sessions) == TRACES[name]
    for session in sessions:
        replay, vault = Replay(session), Vault()
        double = server(replay)
        plugin = session.requests[0][0].request[3][0]["Name"]
        with EchoUpstream(_recorded_upstream) as upstream:
            _replay(session, gateway(dump=DUMPS[plugin], upstream=upstream.url, vault=vault), vault, double)
        double.stop()

        comparison = Comparison()
        connections: dict[int, int] = {}
        for exchange, asked in replay.asked:
            ours = [0, asked.msgid, asked.method, [asked.argument]]
            comparison.compare(exchange.request, ours)
            assert connections.setdefault(exchange.connection, asked.connection) == asked.connection
        assert comparison.differences == []
        assert replay.surplus == []
        assert len(replay.asked) == len(list(session.exchanges()))


def test_each_tolerance_is_needed() -> None:
    """A tolerance that no recording uses would hide a difference to come."""
    recorded = [exchange.request for name in TRACES for session in load(name) for exchange in session.exchanges()]
    comparison = Comparison()
    for message in recorded:
        comparison.compare(message, message)
    assert comparison.differences == []
    assert comparison.tolerated == set(TOLERATED)


def test_comparison_sees_a_difference() -> None:
    comparison = Comparison()
    comparison.compare([0, 1, "plugin.Step", [{"EventId": 0}]], [0, 1, "plugin.Step", [{"EventId": 0, "Data": ""}]])
    comparison.compare({"status": 200}, {"status": "200"})
    assert len(comparison.differences) == 2
