"""``kong-vault get``: the value on standard output, everything else on standard error."""

import json
import re

import pytest

from tests.cli.running import kong_vault


@pytest.mark.parametrize("reference", ["{vault://env/some-secret}", "vault://env/some-secret"])
def test_the_value_is_printed_with_or_without_braces(reference):
    done = kong_vault("get", reference, SOME_SECRET="hunter2")

    assert (done.returncode, done.stdout, done.stderr) == (0, b"hunter2\n", b"")


def test_bytes_that_are_no_text_are_printed_as_they_are():
    done = kong_vault("get", "{vault://env/some-secret?base64_decode=true}", SOME_SECRET="/wD+")

    assert done.stdout == b"\xff\x00\xfe\n"


def test_settings_come_from_a_file(tmp_path):
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "redis").write_text('{"password": "from-file"}')
    settings = tmp_path / "kong-vault.conf"
    settings.touch(mode=0o600)
    settings.write_text(f"vault_fs_prefix = {tmp_path}/secrets\n")

    done = kong_vault("get", "{vault://fs/redis/password}", "--settings", str(settings))

    assert (done.returncode, done.stdout) == (0, b"from-file\n")


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("{vault://env/absent}", "{vault://env/absent}: "),
        ("{vault://nope/absent}", "no vault entity has the prefix 'nope'"),
        ("plain", "not a reference"),
        ("{vault://env/some-secret/key}", "{vault://env/some-secret/key}: "),
        ("{vault://hcv/a?token=canary}", "may not set 'token'"),
    ],
)
def test_what_goes_wrong_is_one_line_and_an_exit_code(reference, message):
    done = kong_vault("get", reference, SOME_SECRET="canary-value")

    lines = done.stderr.decode().splitlines()
    assert done.returncode == 1
    assert done.stdout == b""
    assert len(lines) == 1
    assert message in lines[0]
    assert "canary" not in lines[0].replace("?token=canary", "")


def test_help_and_version_work_and_unknown_commands_do_not():
    assert b"pluginserver" in kong_vault("--help").stdout
    assert b"Examples:" in kong_vault("get", "--help").stdout
    assert b"kong-vault, version" in kong_vault("--version").stdout
    assert kong_vault("nope").returncode == 2


def test_several_values_are_printed_in_the_order_asked_for():
    done = kong_vault("get", "vault://env/second", "vault://env/first", FIRST="1", SECOND="2")

    assert (done.returncode, done.stdout) == (0, b"2\n1\n")


def test_when_one_of_several_fails_none_is_printed_and_all_failures_are_told():
    done = kong_vault("get", "vault://env/here", "vault://env/gone", "vault://nope/gone", HERE="canary-value")

    lines = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (1, b"")
    assert len(lines) == 2
    assert "{vault://env/gone}" in lines[0]
    assert "'nope'" in lines[1]
    assert b"canary" not in done.stderr


def test_metadata_stands_beside_the_value_which_is_printed_once():
    done = kong_vault("get", "--show-meta", "vault://env/some-secret?ttl=90", SOME_SECRET="hunter2")

    text = done.stdout.decode()
    assert text.count("hunter2") == 1
    assert re.search(r"strategy: env, vault: env, version: current, next refresh in 1 min \d+ s\n", text)


def test_json_holds_text_and_bytes():
    done = kong_vault(
        "get", "--json", "vault://env/text", "vault://env/raw?base64_decode=true", TEXT="caf\u00e9", RAW="/wD+"
    )

    text, raw = json.loads(done.stdout)
    assert (text["value"], text["encoding"], text["strategy"]) == ("caf\u00e9", "utf-8", "env")
    assert (raw["value"], raw["encoding"]) == ("/wD+", "base64")


def test_bare_values_without_a_newline():
    done = kong_vault("get", "-n", "vault://env/some-secret", SOME_SECRET="hunter2")

    assert done.stdout == b"hunter2"
    assert kong_vault("get", "-n", "--json", "vault://env/some-secret", SOME_SECRET="x").returncode == 2
    assert kong_vault("get").returncode == 2
