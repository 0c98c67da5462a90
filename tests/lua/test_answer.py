"""Values arrive byte for byte, and Kong asks again when the agent has a new one."""

import base64
import json

import pytest

from tests.lua.doors import Result, call, run_lua
from tests.lua.fake_agent import refuses, says

BINARY = bytes(range(256)) + b"\xff\x00"


@pytest.mark.parametrize("kind", ["access", "init", "command_line"])
@pytest.mark.parametrize("length", [0, 1, 2, 3, 4, len(BINARY), 100_000])
def test_bytes_arrive_as_they_are(doors, fake_agent, kind, length):
    value = (BINARY * 400)[:length]
    agent = fake_agent(says(base64.b64encode(value).decode(), encoding="base64"))

    assert doors.ask(kind, [call("fs", "x", **agent.options)]) == [Result(value, None, 0)]


def test_text_arrives_as_utf_8(doors, fake_agent):
    agent = fake_agent(says('pä$$ "wörd" 𝄞\n\x00'))

    for kind in ("access", "command_line"):
        assert doors.ask(kind, [call("fs", "x", **agent.options)])[0].value == 'pä$$ "wörd" 𝄞\n\x00'.encode()


def test_an_empty_secret_is_a_secret(doors, fake_agent):
    assert doors.ask("access", [call("fs", "x", **fake_agent(says("")).options)]) == [Result(b"", None, 0)]


@pytest.mark.parametrize(
    ("from_agent_s", "config", "kong_asks_again_in_s"),
    [
        # What is left of the agent's own ttl, but for Kong's rhythm.
        (300, {}, 300),
        (120.5, {"ttl": 300}, 120.5),
        (3, {"ttl": 300}, 60),
        # Due now: soon, where Kong would take a 0 as "never".
        (0, {"ttl": 300}, 60),
        (-1, {"ttl": 300}, 60),
        # Nothing new will come; a configured 0 means that too, where Kong alone would ask at every rotation.
        (None, {}, None),
        (None, {"ttl": 0}, None),
        (None, {"ttl": 300}, 300),
    ],
)
def test_when_kong_asks_again(nginx_and_luajit, from_agent_s, config, kong_asks_again_in_s):
    found = run_lua("lifetimes.lua", [{"ttl": from_agent_s, "config": config}])

    assert json.loads(found) == [kong_asks_again_in_s]


def test_an_error_is_one_line_of_bounded_length(doors, fake_agent):
    agent = fake_agent(refuses(503, "unavailable", "two\r\nlines " + "x" * 5000))

    error = doors.ask("access", [call("fs", "x", **agent.options)])[0].error

    assert error.startswith("two lines xxx")
    assert error.endswith("xxx (unavailable)")
    assert len(error) < 1100
