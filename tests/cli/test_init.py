"""``kong-vault init``: files that the other parts take as they are."""

import configparser
import stat
from pathlib import Path

import pytest
import yaml

from kong_vault_py import Settings
from kong_vault_py.diagnosis.finding import Grade
from kong_vault_py.diagnosis.of_kong_conf import of_kong_conf
from kong_vault_py.diagnosis.of_settings import of_settings
from kong_vault_py.strategies.registry import strategy_names
from tests.cli.running import kong_vault

PLUGINS = Path(__file__).parents[2] / "plugins"


def init(*arguments):
    return kong_vault("init", *arguments, "--plugins-directory", PLUGINS)


def test_a_settings_file_is_read_back_without_a_complaint_and_belongs_to_its_user_alone(tmp_path):
    path = tmp_path / "kong-vault.conf"

    done = init("settings", *[word for name in strategy_names() for word in ("--vault", name)], "-o", path)

    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not [found for found in of_settings(str(path), {}) if found.grade is not Grade.OK]


def test_every_line_of_a_settings_file_is_an_option_once_its_comment_sign_is_taken_away(tmp_path):
    path = tmp_path / "kong-vault.conf"
    path.touch(mode=0o600)
    text = init("settings", "--vault", "hcv").stdout.decode()
    path.write_text("\n".join(line[1:] if line.startswith("#vault_hcv") else line for line in text.splitlines()))

    assert "vault_hcv_host" in Settings.load(path).values
    assert not [found for found in of_settings(str(path), {}) if "nothing reads" in found.text]


def test_the_doctor_likes_the_lines_for_kong_conf(tmp_path):
    conf = tmp_path / "kong.conf"
    done = init("kong-conf", "--plugin", "vault-proxy-cache", "--plugin", "vault-request-transformer")
    conf.write_bytes(done.stdout)

    findings = list(of_kong_conf(conf, {}, timeout_s=30))

    assert {found.text.split(":")[0] for found in findings if found.grade is Grade.FAILURE} <= {
        "no socket /usr/local/kong/kong-vault.socket"
    }
    assert not [found for found in findings if found.grade is Grade.WARNING]
    assert sum("describes" in found.text for found in findings) == 2


def test_a_server_managed_elsewhere_has_no_start_command():
    assert b"start_cmd" in init("kong-conf").stdout
    assert b"start_cmd" not in init("kong-conf", "--managed").stdout


def test_the_unit_runs_the_server_with_its_settings():
    unit = configparser.RawConfigParser(strict=False)
    unit.optionxform = str

    unit.read_string(init("systemd", "--settings", "/etc/own.conf").stdout.decode())

    assert unit["Service"]["ExecStart"].endswith("--settings /etc/own.conf")
    assert unit["Service"]["UMask"] == "0077"


def test_the_compose_file_has_a_socket_and_a_description_for_each_plugin():
    done = init("compose", "--plugin", "vault-proxy-cache", "--plugin", "vault-request-transformer", "--vault", "aws")

    services = yaml.safe_load(done.stdout)["services"]
    environment = services["kong"]["environment"]
    assert environment["KONG_PLUGINSERVER_NAMES"] == "vault-proxy-cache,vault-request-transformer"
    for plugin in ("VAULT_PROXY_CACHE", "VAULT_REQUEST_TRANSFORMER"):
        assert environment[f"KONG_PLUGINSERVER_{plugin}_SOCKET"] in services["pluginserver"]["command"][2]
    assert "kong-vault-py[aws,redis]" in services["pluginserver"]["build"]["dockerfile_inline"]


def test_an_existing_file_is_never_overwritten(tmp_path):
    path = tmp_path / "kong-vault.conf"
    path.write_text("mine")

    done = init("settings", "-o", path)

    assert (done.returncode, path.read_text()) == (1, "mine")
    assert b"exists; it is not overwritten" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("settings", "--vault", "nope"), 1, b"no vault strategy 'nope'"),
        (("kong-conf", "--plugin", "nope"), 1, b"no plugin 'nope'"),
        (("nothing",), 2, b"'nothing' is not one of"),
        (("settings", "-o", "/nowhere/x"), 1, b"can't write /nowhere/x"),
    ],
)
def test_what_is_not_there_is_one_line(arguments, code, message):
    done = init(*arguments)

    assert done.returncode == code
    assert message in done.stderr
