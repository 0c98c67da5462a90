"""docs/writing-plugins.md: its plugin is short, its test passes, and it works in both servers."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import yaml

from kong_vault_py.settings import parse_conf
from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity, PluginServerProcess

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "writing-plugins.md").read_text()
BLOCKS = dict(re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL))
PLUGIN = BLOCKS["plugins/upstream-token.py"]
FIXTURES = "from kong_vault_py.testing.pytest_plugin import kong_gateway, kong_upstream\n"


def test_a_plugin_is_twenty_lines():
    assert len(PLUGIN.splitlines()) <= 20


def test_its_own_test_passes(tmp_path):
    (tmp_path / "plugins").mkdir()
    for name, code in BLOCKS.items():
        (tmp_path / name).write_text(code)
    (tmp_path / "conftest.py").write_text(FIXTURES)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.fixture(params=["ours", "stock"])
def server(request) -> Any:
    with tempfile.TemporaryDirectory(prefix="kvp-") as name:
        plugins = Path(name) / "plugins"
        plugins.mkdir()
        (plugins / "upstream-token.py").write_text(PLUGIN)
        marked = PLUGIN.replace('"token": {"type": "string",', '"token": {"type": "string", "referenceable": True,')
        assert marked != PLUGIN
        (plugins / "marked-token.py").write_text(marked)
        socket = Path(name) / "s.sock"
        commands: dict[str, list[str]] = {}
        if request.param == "stock":
            start = "import sys; sys.argv[0] = 'stock'; from kong_pdk.cli import start_server; start_server()"
            stock = [sys.executable, "-W", "ignore", "-c", start, "-d", str(plugins), "-p", name]
            commands = {
                "command": [*stock, "--socket-name", socket.name],
                "dump_command": [*stock, "--dump-all-plugins"],
            }
        with PluginServerProcess(plugins, socket, env={"API_TOKEN": "sesame"}, **commands) as process:
            yield process


@pytest.mark.parametrize("name", ["upstream-token", "marked-token"])
def test_it_works_in_both_servers_marked_referenceable_or_not(server, name):
    """Marked, Kong hands over what it could resolve; here that is nothing, and the reference counts."""
    with EchoUpstream() as upstream, Gateway(server.socket_path, server.dump(), upstream=upstream.url) as gateway:
        gateway.add_route("/", [PluginEntity(name, {"token": "{vault://env/api-token}"})])
        urlopen(gateway.url + "/").close()

        assert upstream.requests[0].headers.get("authorization") == "sesame"


def test_a_secret_that_is_missing_closes_in_ours(kong_gateway, tmp_path):
    (tmp_path / "plugins").mkdir()
    (tmp_path / "plugins" / "upstream-token.py").write_text(PLUGIN)
    gateway = kong_gateway(tmp_path / "plugins")
    gateway.add_route("/", [PluginEntity("upstream-token", {"token": "{vault://env/api-token}"})])

    with pytest.raises(HTTPError) as raised:
        urlopen(gateway.url + "/")
    raised.value.close()

    assert raised.value.status == 503


def test_the_configs_on_the_page_are_whole():
    (entity,) = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])["plugins"]
    conf = parse_conf(re.findall(r"```\n(plugins = .*?)```", PAGE, re.DOTALL)[0], "writing-plugins.md")

    assert entity["name"] in conf["plugins"].split(",")
    assert conf["pluginserver_names"] == entity["name"]
    assert {key.removeprefix("pluginserver_upstream_token_") for key in conf} >= {"socket", "start_cmd", "query_cmd"}
