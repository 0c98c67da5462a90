"""``on_error = "open"``: a plugin's failure lets the request go on without it, and Kong's log says so."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer

SOURCE = """\
{beside}
class Plugin:
    {within}
    def __init__(self, config):
        if "constructor" in config:
            raise ValueError(config["constructor"])
        self.config = config
    def _fail(self, kong):
        if self.config.get("first"):
            kong.request.get_header("x")
        raise SystemExit("so it is")
    rewrite = access = response = preread = certificate = log = _fail
"""


@pytest.fixture
def open_kong(
    start_server: Callable[..., PluginServer], settings_file: Callable[..., Path], folder: Path
) -> Iterator[Kong]:
    plugins = folder / "plugins"
    plugins.mkdir()
    (plugins / "in_class.py").write_text(SOURCE.format(beside="", within='on_error = "open"'))
    (plugins / "beside.py").write_text(SOURCE.format(beside='on_error = "open"', within="pass"))
    (plugins / "by_setting.py").write_text(SOURCE.format(beside="", within="pass"))
    (plugins / "broken.py").write_text("import nowhere_to_be_found\n")
    (plugins / "closed.py").write_text(SOURCE.format(beside="", within='on_error = "closed"'))
    settings = settings_file(vault_py_pluginserver_fail_open="by_setting, broken")
    server = start_server("-d", plugins, "--settings", settings)
    with contextlib.closing(Kong(server.path)) as kong:
        yield kong


@pytest.mark.parametrize("plugin", ["in_class", "beside", "by_setting"])
def test_the_request_goes_on_and_kongs_log_says_why(open_kong: Kong, plugin: str) -> None:
    instance = open_kong.start(plugin, first=True)
    for phase in ("rewrite", "access", "response", "preread", "certificate"):
        outcome = open_kong.event(instance, phase)

        assert (outcome.end, outcome.methods) == ("ret", ["kong.request.get_header", "kong.log.err"])
        reason = outcome.last[1][0]
        assert reason.startswith(f"plugin '{plugin}' failed in phase {phase}: SystemExit: so it is (")
        assert reason.endswith("; the request goes on")


def test_others_end_their_requests_as_ever(open_kong: Kong) -> None:
    assert open_kong.event(open_kong.start("closed"), "access").last[1][0] == 500


@pytest.mark.parametrize("plugin", ["in_class", "by_setting", "broken"])
def test_one_that_cannot_start_lets_requests_pass_too(open_kong: Kong, plugin: str) -> None:
    instance = open_kong.start(plugin, constructor="no way")

    outcome = open_kong.event(instance, "access")

    assert (outcome.end, outcome.methods) == ("ret", ["kong.log.err"])
    assert "can't start" in outcome.last[1][0]


def test_a_wrong_word_is_told_at_the_start(start_server: Callable[..., PluginServer], folder: Path) -> None:
    (folder / "wrong.py").write_text(SOURCE.format(beside='on_error = "maybe"', within="pass"))

    with contextlib.closing(Kong(start_server("-d", folder).path)) as kong:
        error, _ = kong.wire().ask("StartInstance", {"Name": "wrong", "Config": "{}"})

    assert "on_error is 'maybe', it must be 'open' or 'closed'" in error
