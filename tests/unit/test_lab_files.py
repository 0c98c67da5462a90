"""docker-compose.yml, kong.conf.example and the lab's files: consistent with each other and with what Kong does."""

from pathlib import Path

import pytest
import yaml

from kong_vault_py.entities import EntityDirectory, read_entities
from kong_vault_py.options import build_config
from kong_vault_py.settings import Settings, parse_conf
from kong_vault_py.strategies.registry import load_strategy

ROOT = Path(__file__).parents[2]
LAB = ROOT / "examples" / "lab"


def test_every_plugin_is_declared_with_a_pluginserver_name_of_its_own_on_one_socket():
    conf = parse_conf((ROOT / "kong.conf.example").read_text(), "kong.conf.example")
    check_pluginservers(conf, query_needs="--dump {plugin}")
    commands = [value for key, value in conf.items() if key.endswith("_start_cmd")]
    assert len(commands) == 1, "one process serves all plugins"
    assert commands[0].startswith("/"), "Kong's server has no PATH"


def test_the_lab_connects_kong_to_a_server_that_is_managed_elsewhere():
    kong = compose()["services"]["kong"]
    conf = {key[len("KONG_") :].lower(): value for key, value in kong["environment"].items() if key.startswith("KONG_")}
    check_pluginservers(conf, query_needs="cat /run/kong-vault/dumps/{plugin}.json")
    assert not any(key.endswith("_start_cmd") for key in conf)
    assert kong["user"] == compose()["services"]["pluginserver"]["user"], "the socket is 0600"
    sockets = {value for key, value in conf.items() if key.endswith("_socket")}
    assert f"--socket {sockets.pop()}" in (LAB / "start.sh").read_text()


def check_pluginservers(conf, *, query_needs):
    plugins = [name for name in conf["plugins"].split(",") if name != "bundled"]
    names = conf["pluginserver_names"].split(",")
    assert sorted(names) == sorted(plugins) == sorted(path.stem for path in (ROOT / "plugins").glob("*.py"))
    for name in names:
        # kong/conf_loader/init.lua: dashes of a name are underscores in its keys.
        prefix = f"pluginserver_{name.replace('-', '_')}"
        assert query_needs.format(plugin=name) in conf[f"{prefix}_query_cmd"]
    assert len({conf[f"pluginserver_{name.replace('-', '_')}_socket"] for name in names}) == 1


def compose():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_what_the_lab_mounts_and_depends_on_exists():
    document = compose()
    for name, service in document["services"].items():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if source.startswith("./") else source in document["volumes"], (
                name,
                source,
            )
        for needed, condition in service.get("depends_on", {}).items():
            target = document["services"][needed]
            if condition["condition"] == "service_healthy":
                assert "healthcheck" in target, (name, needed)


def test_the_labs_settings_and_entities_make_valid_vaults():
    settings = Settings.load(LAB / "settings.conf", environ={})
    entities = read_entities(LAB / "vaults.yml")
    directory = EntityDirectory(
        Settings(
            {key: value for key, value in settings.values.items() if key != "vault_py_entities"},
            type(settings.runtime)(),
        ),
        load_strategy,
    )

    hcv = build_config(load_strategy("hcv").config_class, directory.find("hcv").config, where="hcv")
    fs = build_config(load_strategy("fs").config_class, entities["approle"].config, where="approle")

    assert (hcv.kv, hcv.auth_method) == ("v2", "approle")
    assert fs.prefix == "/run/approle"


def test_no_secret_of_the_lab_is_in_a_command_line():
    password = (LAB / "redis-password.txt").read_text()
    commands = [str(service.get("command", "")) for service in compose()["services"].values()]
    assert not any(password in command for command in commands)


@pytest.mark.parametrize("script", sorted(LAB.glob("*.sh")), ids=lambda path: path.name)
def test_the_labs_scripts_are_executable_and_stop_at_the_first_error(script):
    assert script.stat().st_mode & 0o111
    assert "set -eu" in script.read_text()


def test_the_labs_image_is_built_from_all_that_the_wheel_is_made_of():
    dockerfile = (LAB / "Dockerfile").read_text()
    for needed in ("pyproject.toml", "README.md", "LICENSE", "constraints.txt", "kong_vault_py", "plugins"):
        assert any(needed in line for line in dockerfile.splitlines() if line.startswith("COPY ")), needed
