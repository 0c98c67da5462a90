"""The lab's Kong finds the Lua strategies and the agent, and what it resolves by them is in the lab's Vault."""

from pathlib import Path

import yaml

from kong_vault_py.reference import parse_reference
from kong_vault_py.settings import RuntimeSettings

ROOT = Path(__file__).parents[2]
LAB = ROOT / "examples" / "lab"


def services():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]


def test_kong_loads_the_vaults_from_the_folder_that_is_mounted():
    kong = services()["kong"]

    source, target, _ = next(volume for volume in kong["volumes"] if "lua" in volume).split(":")
    assert (ROOT / source / "kong" / "vaults").is_dir()
    assert kong["environment"]["KONG_LUA_PACKAGE_PATH"] == f"{target}/?.lua;{target}/?/init.lua;;"
    for name in kong["environment"]["KONG_VAULTS"].split(","):
        assert name == "bundled" or (ROOT / source / "kong" / "vaults" / name / "schema.lua").exists()


def test_the_agent_serves_where_the_strategies_look_for_it_and_kong_waits_for_it():
    kong, agent = services()["kong"], services()["agent"]

    folder = str(Path(RuntimeSettings().agent_socket).parent)
    assert f"pluginserver:{folder}" in agent["volumes"]
    assert f"pluginserver:{folder}" in kong["volumes"]
    assert agent["healthcheck"]["test"][-1] == RuntimeSettings().agent_socket
    assert kong["user"] == agent["user"], "the socket is 0600"
    assert kong["depends_on"]["agent"] == {"condition": "service_healthy"}
    assert "agent" in (LAB / "Dockerfile").read_text().partition("'/src[")[2].partition("]")[0].split(",")


def test_a_plugin_of_kongs_own_has_its_redis_password_by_this_door():
    plugins = yaml.safe_load((LAB / "kong.yml").read_text())["plugins"]

    password = next(plugin for plugin in plugins if plugin["name"] == "rate-limiting")["config"]["redis"]["password"]
    reference = parse_reference(password)
    assert reference.name in services()["kong"]["environment"]["KONG_VAULTS"].split(",")
    assert f"kv put -mount=secret {reference.resource} {reference.key}=" in (LAB / "vault-setup.sh").read_text()
