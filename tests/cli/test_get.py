"""``kong-vault get``: the value on standard output, everything else on standard error."""

import subprocess
import sys

import pytest


def kong_vault(*arguments, **environ):
    return subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", *arguments],
        capture_output=True,
        env=environ,
        timeout=60,
        check=False,
    )


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
