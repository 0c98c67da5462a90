"""``kong-vault exec`` in the command's place: variables, failures, exit codes."""

import os
import subprocess
import sys

import pytest

from tests.cli.running import kong_vault

SHELL = {"PATH": os.environ["PATH"]}
PRINT = ("sh", "-c", 'printf "%s" "$V"')


def printed(*arguments, **environ):
    done = kong_vault("exec", *arguments, "--", *PRINT, **SHELL, **environ)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def variables(*arguments, **environ):
    done = kong_vault("exec", *arguments, "--", "env", "-0", **SHELL, **environ)
    assert done.returncode == 0, done.stderr
    return dict(item.split("=", 1) for item in done.stdout.decode().rstrip("\0").split("\0"))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("{vault://env/a-secret}", "it's\n$s3cret"),
        ("Bearer {vault://env/a-secret}!", "Bearer it's\n$s3cret!"),
        ("{vault://env/a-secret}{vault://env/a-secret}", "it's\n$s3cretit's\n$s3cret"),
        ("plain {x}", "plain {x}"),
        ("{vault://hcv/left/alone}", "{vault://hcv/left/alone}"),
    ],
)
def test_references_in_variables_are_replaced(value, expected):
    assert printed("--exclude-prefix", "hcv", V=value, A_SECRET="it's\n$s3cret") == expected


def test_files_name_variables_and_the_later_wins(tmp_path):
    env_file, mapping, kong_conf = tmp_path / "a.env", tmp_path / "a.yml", tmp_path / "kong.conf"
    env_file.write_text("# note\nexport V='from {vault://env/s}' # x\nA\nB=\nX=\"a\\$b\"\nABSENT\n")
    mapping.write_text('V: "mapping"\nPORT: 8000\nDEBUG: true\nNONE: null\nW: "{vault://env/s}"\n')
    kong_conf.write_text("pg_password = {vault://env/s\\#1}   # comment\nlog_level=debug\n")

    found = variables("--from", mapping, "--from", kong_conf, "--env-file", env_file, V="caller", A="mine", S="s3")

    wanted = ("V", "A", "B", "X", "PORT", "DEBUG", "W", "KONG_PG_PASSWORD", "KONG_LOG_LEVEL")
    assert [found.get(name) for name in wanted] == ["from s3", "mine", "", "a$b", "8000", "true", "s3", "s3", "debug"]
    assert "NONE" not in found
    assert "ABSENT" not in found


def test_kongs_own_env_vault_can_take_the_secret_from_there(tmp_path):
    env_file = tmp_path / "kong.env"
    env_file.write_text("PG_PASSWORD={vault://fs/pg}\nKONG_PG_PASSWORD={vault://env/pg-password}\n")
    (tmp_path / "pg").write_text("s3cret\n")

    found = variables("--env-file", env_file, "--exclude-prefix", "env", KONG_VAULT_FS_PREFIX=str(tmp_path))

    assert (found["PG_PASSWORD"], found["KONG_PG_PASSWORD"]) == ("s3cret", "{vault://env/pg-password}")


def test_pristine_passes_only_what_files_name_and_a_few_basics(tmp_path):
    env_file = tmp_path / "a.env"
    env_file.write_text("V={vault://env/s}\nHTTP_PROXY\n")

    found = variables(
        "--pristine", "--env-file", env_file, S="s3", HOME="/h", TERM="x", LC_ALL="C.UTF-8", HTTP_PROXY="p", OTHER="o"
    )

    assert found == {**SHELL, "HOME": "/h", "TERM": "x", "LC_ALL": "C.UTF-8", "V": "s3", "HTTP_PROXY": "p"}


def test_settings_of_vaults_are_not_passed_on_unless_asked(tmp_path):
    env_file = tmp_path / "a.env"
    env_file.write_text("KONG_VAULT_HCV_TOKEN=named\n")
    ours = {"KONG_VAULT_ENV_PREFIX": "x_", "KONG_VAULT_HCV_TOKEN": "canary", "X_S": "s3", "V": "{vault://env/s}"}

    kept = variables("--pass-settings", **ours)
    dropped = variables(**ours)
    named = variables("--env-file", env_file, **ours)

    assert (kept["V"], kept["KONG_VAULT_HCV_TOKEN"]) == ("s3", "canary")
    assert dropped["V"] == "s3"
    assert not any(name.startswith("KONG_VAULT_") for name in dropped)
    assert named["KONG_VAULT_HCV_TOKEN"] == "named"


def test_all_failures_are_named_and_the_command_is_not_started(tmp_path):
    environ = {
        "A": "{vault://env/absent}",
        "B": "x {vault://nope/a?token=canary}",
        "C": "{vault://env/s}",
        "S": "canary",
    }

    done = kong_vault("exec", "--", "touch", tmp_path / "started", **environ, **SHELL)

    assert done.returncode == 1
    assert [line.split(": ")[:3] for line in done.stderr.decode().splitlines()] == [
        ["kong-vault exec", "A", "{vault://env/absent}"],
        ["kong-vault exec", "B", "{vault://nope/a}"],
    ]
    assert b"canary" not in done.stderr
    assert not (tmp_path / "started").exists()


def test_absent_secrets_can_be_left_out_but_nothing_else_that_fails():
    environ = {"A": "{vault://env/absent}", "B": "b", **SHELL}

    missing = kong_vault("exec", "--only-missing-ok", "--", "sh", "-c", "echo ${A-unset} $B", **environ)
    wrong = kong_vault("exec", "--only-missing-ok", "--", "echo", "started", **environ, C="{vault://nope/x}")

    assert (missing.returncode, missing.stdout) == (0, b"unset b\n")
    assert b"A: {vault://env/absent}" in missing.stderr
    assert b"left out" in missing.stderr
    assert (wrong.returncode, wrong.stdout) == (1, b"")
    assert b"C: {vault://nope/x}" in wrong.stderr
    assert b"absent" not in wrong.stderr


@pytest.mark.parametrize("how", [(), ("--mask-output",)])
def test_exit_codes_are_the_shells(tmp_path, how):
    (tmp_path / "data").touch(mode=0o644)

    def code(*command):
        done = kong_vault("exec", *how, "--", *command, **SHELL)
        assert len(done.stderr.splitlines()) <= 1
        return done.returncode

    assert code("sh", "-c", "exit 7") == 7
    assert code("no-such-program-here") == 127
    assert code(tmp_path / "nor" / "here") == 127
    assert code(tmp_path / "data") == 126
    assert code(tmp_path) == 126


def test_misuse_is_told_in_usage_and_exit_code_2(tmp_path):
    assert kong_vault("exec").returncode == 2
    assert kong_vault("exec", "--watch", "signal:NOPE", "true").returncode == 2
    assert kong_vault("exec", "--watch", "HUP", "true").returncode == 2
    assert b"Examples:" in kong_vault("exec", "--help").stdout


@pytest.mark.parametrize(
    ("option", "name", "content", "message"),
    [
        ("--env-file", "a.env", "A=1\n=2\n", "a.env:2: not of the form NAME=value"),
        ("--env-file", "no.env", None, "no.env: can't read it"),
        ("--from", "a.yml", "a: {vault://env/s}\n", "a.yml: a: the value is no text or number"),
        ("--from", "b.yml", "- a\n", "b.yml: expected a mapping"),
        ("--from", "c.yml", "a: [\n", "c.yml:2: not valid YAML"),
        ("--from", "d.json", '{"a": \n}', "d.json:2: not valid JSON"),
        ("--from", "e.json", '{"a=b": 1}', "e.json: 'a=b' is no name of a variable"),
        ("--from", "f.env", "A=1", "--from takes YAML, JSON or kong.conf"),
        ("--from", "kong.conf", "pg_password\n", "kong.conf, line 1: not of the form"),
        ("--env-file", "nul.env", "A={vault://env/nul?base64_decode=true}", "A: its secret has a NUL"),
    ],
)
def test_a_bad_file_is_one_line_and_nothing_is_started(tmp_path, option, name, content, message):
    if content is not None:
        (tmp_path / name).write_text(content)

    done = kong_vault("exec", option, tmp_path / name, "--", "echo", "started", **SHELL, NUL="YQBi")

    assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (1, b"", 1)
    assert message in done.stderr.decode()


def test_the_command_takes_our_place_with_all_signals_as_they_were():
    def status(*how):
        arguments = [
            sys.executable,
            "-m",
            "kong_vault_py.cli",
            "exec",
            *how,
            "--",
            "grep",
            "-E",
            "^(Pid|SigBlk|SigIgn)",
        ]
        with subprocess.Popen([*arguments, "/proc/self/status"], stdout=subprocess.PIPE, env=SHELL) as process:
            output, _ = process.communicate(timeout=60)
            return process.pid, dict(line.split(":\t") for line in output.decode().splitlines())

    pid, replaced = status()
    _, child = status("--mask-output")

    assert int(replaced["Pid"]) == pid
    of_glibc = 1 << 31 | 1 << 32  # its own two, which posix_spawn sets to be ignored
    for name in ("SigBlk", "SigIgn"):
        assert int(replaced[name], 16) & ~of_glibc == 0  # inherited, where make spawned the tests
        assert int(child[name], 16) & ~of_glibc == 0


def test_no_secret_is_in_any_argument_list_or_log():
    script = "tr '\\0' ' ' < /proc/$$/cmdline; tr '\\0' ' ' < /proc/$PPID/cmdline"

    done = kong_vault(
        "exec", "--mask-output", "--", "sh", "-c", script, "{vault://env/s}", **SHELL, V="{vault://env/s}", S="canary"
    )

    assert done.returncode == 0
    assert b"canary" not in done.stdout + done.stderr
    assert done.stdout.count(b"{vault://env/s}") == 2  # arguments are never resolved
