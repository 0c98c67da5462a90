"""The dump: what Kong's query command prints, cheaply and with nothing else on standard output."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pluginserver.server_process import REPOSITORY, SERVED, command, environment, run

PLUGIN = """\
import os, sys
print("printed at import")
os.write(1, b"written to descriptor 1\\n")
version = "2.0"
priority = 42
Schema = [{"token": {"type": "string", "referenceable": True}}]
class Plugin:
    def __init__(self, config): pass
    def access(self, kong): pass
    def log(self, kong): pass
"""
DUMPED = {
    "Name": "good",
    "Phases": ["log", "access"],
    "Priority": 42,
    "Version": "2.0",
    "Schema": {
        "name": "good",
        "fields": [{"config": {"type": "record", "fields": [{"token": {"type": "string", "referenceable": True}}]}}],
    },
}


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    """A plugins directory with one plugin, and files that are none."""
    directory = tmp_path / "plugins"
    directory.mkdir()
    (directory / "good.py").write_text(PLUGIN)
    (directory / "_helper.py").write_text("raise ValueError('no plugin')")
    (directory / ".hidden.py").write_text("raise ValueError('no plugin')")
    (directory / "notes.txt").write_text("raise ValueError('no plugin')")
    return directory


def test_one_plugin_is_dumped_as_kong_wants_it_and_nothing_else(plugins: Path) -> None:
    ended = run("-d", plugins, "--dump", "good")

    assert (ended.returncode, json.loads(ended.stdout)) == (0, [DUMPED])
    assert ended.stderr.splitlines() == ["printed at import", "written to descriptor 1"]


def test_all_plugins_of_all_directories_are_dumped_the_first_ones_file_wins(plugins: Path, tmp_path: Path) -> None:
    more = tmp_path / "more"
    more.mkdir()
    (more / "good.py").write_text("raise ValueError('shadowed')")
    (more / "small.py").write_text("class Plugin:\n    def rewrite(self, kong): pass\n")

    ended = run("-d", plugins, "-d", more, "--dump-all")

    assert ended.returncode == 0
    good, small = json.loads(ended.stdout)
    assert good == DUMPED
    assert (small["Name"], small["Phases"], small["Priority"], small["Version"]) == ("small", ["rewrite"], 0, None)
    assert small["Schema"] == {"name": "small", "fields": [{"config": {"type": "record", "fields": []}}]}


def test_dumps_are_written_as_files_that_anybody_may_read(plugins: Path, tmp_path: Path) -> None:
    target = tmp_path / "dumps"

    ended = run("-d", plugins, "--write-dumps", target)

    assert (ended.returncode, ended.stdout) == (0, "")
    assert [file.name for file in target.iterdir()] == ["good.json"]
    assert json.loads((target / "good.json").read_text()) == [DUMPED]
    assert stat.S_IMODE((target / "good.json").stat().st_mode) == 0o644
    assert stat.S_IMODE(target.stat().st_mode) == 0o755


def test_dumps_that_cannot_be_written_are_one_line(plugins: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    ended = run("-d", plugins, "--write-dumps", tmp_path / "file" / "dumps")

    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1] == (
        f"kong-vault pluginserver: dumps directory {tmp_path}/file/dumps: can't write it: Not a directory"
    )


def test_an_unknown_plugin_is_one_line_that_names_those_there(plugins: Path) -> None:
    ended = run("-d", plugins, "--dump", "god")

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"kong-vault pluginserver: no plugin 'god' in {plugins} (there: good)\n"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("import nowhere_to_be_found.part", "pip install nowhere_to_be_found"),
        ("class Plugin:\n  def access(self kong)", "line 2: correct the file"),
        ("\n\nraise ValueError('two\\nlines')", "ValueError: two lines, line 3: correct the file"),
        ("import sys\nsys.exit('leaving')", "SystemExit: leaving, line 2"),
        ("x = 1", "it has no class Plugin"),
        ("class Plugin: pass", "none of the phases"),
        ("class Plugin:\n  access = 1\nSchema = {}", "Schema is a dict"),
        ("class Plugin:\n  access = 1\nSchema = [{1}]", "not JSON"),
        ("class Plugin:\n  access = 1\npriority = 'high'", "priority is a str"),
    ],
)
def test_a_file_that_is_no_plugin_is_one_line_with_a_remedy(plugins: Path, source: str, said: str) -> None:
    (plugins / "bad.py").write_text(source + "\n")

    ended = run("-d", plugins, "--dump", "bad")

    [line] = ended.stderr.splitlines()
    assert (ended.returncode, ended.stdout) == (1, "")
    assert line.startswith(f"kong-vault pluginserver: plugin file {plugins}/bad.py")
    assert said in line


def test_a_broken_file_leaves_the_others_in_the_dump(plugins: Path) -> None:
    (plugins / "bad.py").write_text("import nowhere_to_be_found\n")

    ended = run("-d", plugins, "--dump-all")

    assert (ended.returncode, json.loads(ended.stdout)) == (1, [DUMPED])
    assert "bad.py can't be loaded: ModuleNotFoundError" in ended.stderr.splitlines()[-1]


def test_a_dump_imports_no_event_loop_and_no_sdk_and_costs_little() -> None:
    measure = (
        "import sys, resource\n"
        f"sys.argv = {['kong-vault', *command('-d', SERVED.parents[2] / 'plugins', '--dump-all')[3:]]!r}\n"
        "from kong_vault_py.cli import main\n"
        "try:\n    main()\nexcept SystemExit as ended:\n    assert not ended.code\n"
        "heavy = {'gevent', 'hvac', 'redis', 'requests', 'boto3', 'yaml', 'msgpack'} & set(sys.modules)\n"
        "used = resource.getrusage(resource.RUSAGE_SELF)\n"
        "print(sorted(heavy), used.ru_utime + used.ru_stime, file=sys.stderr)\n"
    )

    ended = subprocess.run(
        [sys.executable, "-c", measure], cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60
    )

    heavy, cpu_s = ended.stderr.splitlines()[-1].rsplit(" ", 1)
    assert {plugin["Name"] for plugin in json.loads(ended.stdout)} >= {"vault-proxy-cache", "vault-request-transformer"}
    assert heavy == "[]"
    assert float(cpu_s) < (1.0 if environment() else 0.25)
