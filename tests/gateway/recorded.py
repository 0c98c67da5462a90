"""The recordings of a real Kong, cut into sessions (one Kong process each) and these into requests."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TRACES = Path(__file__).parents[1] / "traces"


@dataclass
class Exchange:
    """One RPC of Kong and the server's reply; ``server_died`` when the connection broke before it."""

    connection: int
    request: list[Any]
    reply: list[Any]
    server_died: bool = False


@dataclass
class Session:
    """Everything one Kong process said; ``requests`` are its exchanges by the HTTP request that caused them."""

    requests: list[list[Exchange]]

    def exchanges(self) -> Iterator[Exchange]:
        for exchanges in self.requests:
            yield from exchanges


def load(name: str) -> list[Session]:
    lines = [json.loads(line) for line in (TRACES / f"{name}.jsonl").read_text().splitlines()]
    cut: list[list[Exchange]] = []
    died = False
    for line, following in zip(lines, [*lines[1:], None], strict=True):
        if "eof" in line:
            died = died or line["dir"] == "py->kong"
        elif line["dir"] == "kong->py":
            assert following is not None, "the recording ends in an unanswered request"
            assert following["msg"][1] == line["msg"][1], "the recordings have one request at a time"
            if line["msg"][1] == 1:
                cut.append([])
            cut[-1].append(Exchange(line["conn"], line["msg"], following["msg"], died and bool(cut[-1])))
            died = False
    return [Session(_by_http_request(exchanges)) for exchanges in cut]


def _by_http_request(exchanges: list[Exchange]) -> list[list[Exchange]]:
    """Cut behind each run of the plugin's last phase: the next event or instance belongs to another HTTP request."""
    last_phase = [_phase(exchange) for exchange in exchanges if _phase(exchange)][-1]
    requests: list[list[Exchange]] = [[]]
    over = False
    for exchange in exchanges:
        if over and not exchange.request[2].startswith("plugin.Step"):
            requests.append([])
            over = False
        requests[-1].append(exchange)
        over = over or _phase(exchange) == last_phase
    return requests


def _phase(exchange: Exchange) -> str:
    method, (argument,) = exchange.request[2], exchange.request[3]
    return str(argument["EventName"]) if method == "plugin.HandleEvent" else ""


def config_of(exchange: Exchange) -> dict[str, Any]:
    """Return the config of a recorded StartInstance."""
    return dict(json.loads(exchange.request[3][0]["Config"]))
