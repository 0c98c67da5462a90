"""What all commands have in common: help that helps, one line per misuse, quiet ends, no secret on a command line."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from kong_vault_py.cli import main
from tests.cli.running import kong_vault

#: They run until they are stopped.
SERVERS = {"agent", "manager", "pluginserver"}
#: Judged by what it finds, which it tells in its own words; its options are tested with it.
LINT = "lint"


def commands(group=main, path=()):
    """All commands and their subcommands: (("store", "put"), command)."""
    for name in group.list_commands(None):
        command = group.get_command(None, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands())
each_command = pytest.mark.parametrize("path", ALL, ids=" ".join)


def invoke(*arguments):
    return CliRunner().invoke(main, [*arguments], env={"KONG_VAULT_PY_SETTINGS": None})


@each_command
def test_help_says_what_it_is_for(path):
    done = invoke(*path, "--help")

    assert done.exit_code == 0
    assert done.output.startswith(f"Usage: kong-vault {' '.join(path)} ")
    if len(path) == 1:
        assert "Examples:" in done.output
        assert path[0] in SERVERS or "Exit codes: " in done.output or "Exits with 0" in done.output


@each_command
def test_every_option_says_what_it_does(path):
    for option in ALL[path].params:
        if isinstance(option, click.Option) and path[0] != LINT:
            assert option.help, option.name


@each_command
def test_no_secret_is_ever_asked_for_on_the_command_line(path):
    names = {parameter.name for parameter in ALL[path].params}

    assert not {
        name for name in names if name and any(word in name for word in ("password", "secret", "token", "value"))
    }


@each_command
def test_an_unknown_option_is_one_line_and_exit_code_2(path):
    done = invoke(*path, "--no-such-option", "--", "x")

    assert done.exit_code == 2
    assert done.stdout == ""
    assert (
        done.stderr
        == f"kong-vault {' '.join(path)}: No such option '--no-such-option' (see kong-vault {' '.join(path)} --help)\n"
    )


MISUSES = {
    "no such command": (["nope"], "kong-vault: No such command 'nope'"),
    "no reference": (["get"], "kong-vault get: Missing argument 'REFERENCE...'"),
    "no command to run": (["exec"], "kong-vault exec: Missing argument 'CMD...'"),
    "an empty command": (["exec", "--", ""], "kong-vault exec: CMD is empty"),
    "no file": (["render"], "kong-vault render: Missing argument 'FILE'"),
    "not one of the choices": (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
    "choices of several lines": (["init"], "Choose from: settings, kong-conf, systemd, compose"),
    "no number": (["vaults", "--timeout", "soon"], "kong-vault vaults: Invalid value for '--timeout'"),
    "out of range": (["status", "--interval", "0"], "0.0 is not in the range"),
    "no mode": (["render", "a.yml", "--mode", "rw"], "'rw' is no file mode such as 0600"),
    "no signal": (["exec", "--watch", "signal:NOPE", "true"], "'signal:NOPE' is neither 'restart' nor"),
    "options that exclude each other": (["status", "--watch", "--check"], "kong-vault status: --watch and --check"),
    "found out by the command": (["get", "-n", "--json", "vault://env/a"], "kong-vault get: --no-newline is for bare"),
    "a nested command": (["store", "put"], "kong-vault store put: Missing argument 'KEY'"),
    "a secret as an argument too many": (
        ["store", "put", "redis", "canary-value"],
        "kong-vault store put: Got unexpected extra argument (see",
    ),
}


@pytest.mark.parametrize(("arguments", "told"), MISUSES.values(), ids=MISUSES)
def test_a_misuse_is_one_line_that_says_whose_and_exit_code_2(arguments, told):
    done = invoke(*arguments)

    assert (done.exit_code, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert told in done.stderr
    assert done.stderr.startswith("kong-vault")
    assert "--help)" in done.stderr
    assert "canary" not in done.stderr


@pytest.mark.parametrize("group", [[], ["store"], ["manager"]], ids=str)
def test_a_group_alone_lists_what_it_has(group):
    done = invoke(*group)

    assert done.exit_code in (0, 2)  # 0 before click 8.2
    assert "Commands:" in done.output


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["get", "vault://env/some-secret"],
        ["get", "--json", "vault://env/some-secret"],
        ["parse", "--why", "vault://env/some-secret"],
        ["init", "settings"],
        ["completion", "bash"],
        ["vaults", "env"],
        ["doctor"],
        ["render", "-"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize(("output", "told"), [("pipe", b""), ("/dev/full", b"No space left on device")])
def test_output_that_nobody_takes_is_quiet_and_a_full_disk_is_one_line(arguments, output, told):
    if arguments == ["render", "-"]:
        arguments = ["render", "-", "--format", "text"]
    if output == "pipe":
        reading, target = os.pipe()
        os.close(reading)
    else:
        target = os.open(output, os.O_WRONLY)
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kong_vault_py.cli", *arguments],
            input=b"{vault://env/some-secret}",
            stdout=target,
            stderr=subprocess.PIPE,
            env={"SOME_SECRET": "canary-value"},
            check=False,
            timeout=60,
        )
    finally:
        os.close(target)

    assert done.returncode == 1
    assert told in done.stderr
    assert len(done.stderr.splitlines()) == (1 if told else 0)
    assert b"canary" not in done.stderr


@pytest.fixture
def silent_vault(tmp_path):
    """A vault that takes connections and answers nothing, and settings that lead to it."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        settings = tmp_path / "kong-vault.conf"
        settings.touch(mode=0o600)
        settings.write_text(
            f"vault_hcv_host = 127.0.0.1\nvault_hcv_port = {listening.getsockname()[1]}\nvault_hcv_protocol = http\n"
            "vault_hcv_token = canary-token\nvault_hcv_fetch_timeout_s = 50\n"
        )
        yield listening, settings


@pytest.mark.parametrize(
    "arguments",
    [
        ["get", "vault://hcv/a/b"],
        ["get", "vault://hcv/a/b", "vault://hcv/c/d"],
        ["render", "-", "--format", "text"],
        ["vaults", "--timeout", "60"],
        ["doctor", "--timeout", "60"],
        ["exec", "true"],
        ["exec", "--mask-output", "true"],
    ],
    ids=" ".join,
)
def test_ctrl_c_ends_a_wait_for_a_vault_at_once(silent_vault, arguments):
    listening, settings = silent_vault
    name, *rest = arguments
    process = subprocess.Popen(
        [sys.executable, "-m", "kong_vault_py.cli", name, "--settings", settings, *rest],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "SOME": "{vault://hcv/a/b}"},
    )
    assert process.stdin is not None
    process.stdin.write(b"{vault://hcv/a/b}")
    process.stdin.close()
    process.stdin = None
    connection, _ = listening.accept()

    with connection:
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=20)

    # What supervises a command dies of the signal itself, which is 130 to a shell, too.
    assert process.returncode in (130, -signal.SIGINT)
    assert told == b""


def test_a_setting_that_nobody_reads_is_told_with_what_was_meant(tmp_path):
    settings = tmp_path / "kong-vault.conf"
    settings.touch(mode=0o600)
    settings.write_text("vault_py_rotation_worker = 3\nvault_env_prefx = A_\nvault_hvc_host = a\n")

    done = kong_vault("get", "vault://env/some", "--settings", settings, SOME="1", KONG_VAULT_PY_MANAGER_LISTEN="x")

    worker, prefix, host = sorted(done.stderr.decode().splitlines(), key=lambda line: "worker" not in line)
    assert (done.returncode, done.stdout) == (0, b"1\n")
    assert worker.endswith(
        "nothing reads the setting 'vault_py_rotation_worker': did you mean vault_py_rotation_workers?"
    )
    assert prefix.endswith("'vault_env_prefx': did you mean vault_env_prefix?")
    assert "'vault_hvc_host': strategies are " in host


def test_a_settings_file_that_others_read_is_told(tmp_path):
    settings = tmp_path / "kong-vault.conf"
    settings.write_text("vault_env_ttl = 3\n")
    settings.chmod(0o644)

    done = kong_vault("get", "vault://env/some", "--settings", settings, SOME="1")

    assert (done.returncode, done.stdout) == (0, b"1\n")
    assert b"mode 0644" in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["get", "vault://env/some"], ["parse", "vault://env/some"], ["vaults", "env"], ["doctor"]],
    ids=" ".join,
)
def test_json_is_json_and_nothing_else(arguments):
    done = kong_vault(*arguments, "--json", SOME="1")

    assert json.loads(done.stdout)
    assert done.stderr == b""


def test_a_terminal_of_few_letters_is_no_error():
    done = kong_vault("doctor", PYTHONIOENCODING="iso-8859-1")

    assert done.stdout.startswith(b"\\u2713 python: ")
    assert done.stderr == b""


@pytest.mark.parametrize(("term", "shown"), [("xterm", True), ("dumb", False)])
def test_progress_is_shown_on_a_terminal_and_wiped_away(tmp_path, term, shown):
    leader, follower = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "kong_vault_py.cli", "get", "vault://env/a", "vault://env/b"],
            stdout=subprocess.PIPE,
            stderr=follower,
            env={"A": "1", "B": "2", "TERM": term},
            check=True,
            timeout=60,
        )
        os.write(follower, b"end")
        told = b""
        while not told.endswith(b"end"):
            told += os.read(leader, 4096)
    finally:
        os.close(leader)
        os.close(follower)

    assert done.stdout == b"1\n2\n"
    assert (b"fetching secrets: 2 of 2" in told) is shown
    assert told.endswith(b"\r\x1b[Kend" if shown else b"end")
