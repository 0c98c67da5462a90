"""``--dev``: plugins change without a restart, and their tracebacks are in the response."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import SERVED, PluginServer, run
from tests.servers.polling import wait_until

PLUGIN = """\
class Plugin:
    def __init__(self, config):
        pass
    def access(self, kong):
        kong.response.set_header("x-results", {said!r})
"""


@pytest.fixture
def plugin(folder: Path) -> Path:
    (folder / "plugins").mkdir()
    file = folder / "plugins" / "changing.py"
    file.write_text(PLUGIN.format(said="one"))
    return file


@pytest.fixture
def kong(start_server: Callable[..., PluginServer], plugin: Path) -> Iterator[Kong]:
    server = start_server("-d", plugin.parent, "-d", SERVED, "--dev")
    with contextlib.closing(Kong(server.path)) as gateway:
        yield gateway


def says(kong: Kong, what: str, plugin: str = "changing") -> bool:
    """Start an instance, as Kong does when it is told "no plugin instance", and compare what it says."""
    error, result = kong.wire().ask("StartInstance", {"Name": plugin, "Config": "{}"})
    return what in error if error else kong.results(result["Id"]) == what


def test_a_changed_file_is_loaded_again_and_its_instances_are_made_anew(kong: Kong, plugin: Path) -> None:
    instance, other = kong.start("changing"), kong.start("scripted")
    assert kong.results(instance) == "one"

    plugin.write_text(PLUGIN.format(said="two"))

    wait_until(lambda: "no plugin instance" in str(kong.event(instance, "access").error), "the old instance's end")
    wait_until(lambda: says(kong, "two"), "the new code")
    assert kong.event(other, "access").end == "ret"


def test_a_broken_file_is_told_and_its_correction_is_loaded(kong: Kong, plugin: Path) -> None:
    plugin.write_text("class Plugin:\n    def access(self kong): pass\n")
    wait_until(lambda: says(kong, "line 2: correct the file"), "the reason")

    plugin.write_text(PLUGIN.format(said="right"))
    wait_until(lambda: says(kong, "right"), "the correction")


def test_new_files_come_and_removed_ones_go(kong: Kong, plugin: Path) -> None:
    (plugin.parent / "added.py").write_text(PLUGIN.format(said="here"))
    wait_until(lambda: says(kong, "here", "added"), "the new one")

    plugin.unlink()
    wait_until(lambda: says(kong, "no plugin 'changing'"), "the removed one's end")


def test_a_traceback_is_in_the_response_with_secrets_masked(kong: Kong) -> None:
    instance = kong.start(
        "scripted", access=[["keep_secret", "correct-horse"], ["raise", "ValueError", "with correct-horse"]]
    )

    status, body = kong.event(instance, "access").last[1]

    assert (status, body["plugin"], body["phase"]) == (500, "scripted", "access")
    assert body["traceback"][-1] == "ValueError: with ***"
    assert any("scripted.py" in line for line in body["traceback"])


def test_it_does_not_go_with_several_workers(folder: Path) -> None:
    ended = run("-d", SERVED, "--socket", folder / "s", "--dev", "--workers", 2)

    assert ended.returncode == 1
    assert "--dev works with one worker only" in ended.stderr.splitlines()[-1]
