"""Both plugins in Kong's own kong-python-pluginserver: they load, cheaply, and they work."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kong_vault_py.testing.upstream import echo
from tests.plugins.loading import FOLDER, Module

PLUGINS = {
    "vault-auth": (["access"], 1350),
    "vault-context": (["access"], 1001),
    "vault-hmac-signer": (["access"], 50),
    "vault-proxy-cache": (["access", "response"], 100),
    "vault-rate-limiting": (["access"], 910),
    "vault-request-transformer": (["access"], 801),
    "vault-upstream-oauth": (["log", "access"], 760),
}

# What a plugin must not load before a request needs it: Kong waits for the answer to its query.
HEAVY = ("redis", "msgpack", "cachetools", "gevent", "hvac", "yaml", "email", "kong_vault_py.vault")


@pytest.mark.parametrize("name", PLUGINS)
def test_the_stock_server_finds_phases_priority_version_and_schema(name):
    found = Module(name, path=str(FOLDER / f"{name}.py"))

    assert (found.phases, found.priority) == PLUGINS[name]
    assert found.version == "0.1.0"
    assert json.loads(json.dumps(found.schema))


@pytest.mark.parametrize("name", PLUGINS)
def test_loading_costs_little_and_brings_no_sdk(name):
    """A whole dump, the interpreter included, may cost 0.25 s of CPU."""
    script = (
        "import importlib.util, json, sys, time; began = time.process_time(); before = set(sys.modules);"
        f"spec = importlib.util.spec_from_file_location('plugin', {str(FOLDER / (name + '.py'))!r});"
        "module = importlib.util.module_from_spec(spec); spec.loader.exec_module(module);"
        "print(json.dumps([time.process_time() - began, sorted(set(sys.modules) - before)]))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, cwd=FOLDER.parent)
    cpu_s, modules = json.loads(done.stdout)

    assert cpu_s < 0.15
    assert not {module for module in modules if module.startswith(HEAVY)}


def test_the_cache_works_there(lab):
    path = lab(stock=True)
    path.route("/", cache={"strategy": "memory", "cache_control": False})

    assert [path.ask("/a").cache_status for _ in range(2)] == ["Miss", "Hit"]


@pytest.mark.real("redis")
def test_the_cache_works_there_with_redis(lab, redis_server, secrets):
    secrets.write("password", "sesame-one")
    server = redis_server(password="sesame-one")
    path = lab(stock=True)
    redis = {"host": server.host, "port": server.port, "password": "{vault://fs/password}"}
    path.route("/", cache={"strategy": "redis", "redis": redis})

    assert [path.ask("/a").cache_status for _ in range(2)] == ["Miss", "Hit"]
    secrets.write("password", "sesame-two")
    server.change_password("sesame-two")
    server.disconnect_clients()
    assert path.ask("/a").cache_status == "Hit"


def test_the_transformer_works_there_and_closes_there(lab, secrets):
    secrets.write("token", "sesame-open")
    path = lab(echo, stock=True)
    path.route("/open", transformer={"add": {"headers": ["X-Token:{vault://fs/token}"]}})
    path.route("/closed", transformer={"add": {"headers": ["X-Token:{vault://fs/absent}"]}})

    assert json.loads(path.ask("/open").body)["headers"]["x-token"] == "sesame-open"
    assert path.ask("/closed").status == 503
