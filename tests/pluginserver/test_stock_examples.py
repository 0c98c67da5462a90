"""Plugins as kong-pdk's own documentation has them, run by the stock server's style of calls, unchanged."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong, PdkError
from tests.pluginserver.server_process import PluginServer, run

#: What the examples do: greet by a header, read the config, tell errors, keep a dedicated server at the end.
HELLO = """\
#!/usr/bin/env python3
import os
import sys

import kong_pdk.pdk.kong as kong

Schema = (
    {"message": {"type": "string"}},
)

version = "0.1.0"
priority = 0


class Plugin(object):
    def __init__(self, config):
        self.config = config

    def access(self, kong: kong.kong):
        host, err = kong.request.get_header("host")
        if err:
            kong.log.err("no host: ", err)
        message = "hello"
        if "message" in self.config:
            message = self.config["message"]
        kong.response.set_header("x-hello-from-python", "Python says %s to %s" % (message, host))
        kong.response.set_header("x-python-pid", str(os.getpid()))


if __name__ == "__main__":
    from kong_pdk.cli import start_dedicated_server
    start_dedicated_server("py-hello", Plugin, version, priority, Schema)
"""

IMAGE = """\
import tempfile
import uuid

Schema = (
    {"strict": {"type": "boolean", "default": False}},
)
version = "0.1.0"
priority = 100


class Plugin(object):
    def __init__(self, config):
        self.config = config
        self.seen = {}

    def access(self, kong):
        path, err = kong.request.get_path()
        if err is not None or not path.startswith("/image"):
            return kong.response.exit(404, "no such page", {"content-type": "text/plain"})
        key = str(uuid.uuid4())
        kong.ctx.shared.set("key", key)
        self.seen[key] = path

    def log(self, kong):
        key, _ = kong.ctx.shared.get("key")
        self.seen.pop(key, None)
        kong.log.info("left: ", len(self.seen))
"""


@pytest.fixture
def examples(folder: Path) -> Path:
    plugins = folder / "examples"
    plugins.mkdir()
    (plugins / "py-hello.py").write_text(HELLO)
    (plugins / "py-image.py").write_text(IMAGE)
    return plugins


def test_they_run_unchanged(start_server: Callable[..., PluginServer], examples: Path) -> None:
    server = start_server("-d", examples, "--lua-style")
    with contextlib.closing(Kong(server.path)) as kong:
        hello = kong.start("py-hello", message="good day")
        greeted = kong.event(hello, "access", {"kong.request.get_header": "example.com"})
        nobody = kong.event(hello, "access", {"kong.request.get_header": PdkError("gone")})
        image = kong.start("py-image", strict=True)
        found = kong.event(image, "access", {"kong.request.get_path": "/image/1"})
        absent = kong.event(image, "access", {"kong.request.get_path": "/"})
        [(_, [_, key])] = [call for call in found.calls if call[0] == "kong.ctx.shared.set"]
        logged = kong.event(image, "log", {"kong.ctx.shared.get": key})

    assert greeted.calls[1:] == [
        ("kong.response.set_header", ["x-hello-from-python", "Python says good day to example.com"]),
        ("kong.response.set_header", ["x-python-pid", str(server.pid)]),
    ]
    assert nobody.calls[1] == ("kong.log.err", ["no host: ", "gone"])
    assert absent.last == ("kong.response.exit", [404, "no such page", {"content-type": "text/plain"}])
    assert logged.last == ("kong.log.info", ["left: ", 0])


def test_kongs_query_for_them_is_answered(examples: Path) -> None:
    ended = run("-d", examples, "--dump", "py-hello")

    [told] = json.loads(ended.stdout)
    assert (told["Name"], told["Version"], told["Priority"], told["Phases"]) == ("py-hello", "0.1.0", 0, ["access"])
    assert told["Schema"]["fields"] == [{"config": {"type": "record", "fields": [{"message": {"type": "string"}}]}}]
