"""``kong-vault completion``: what a real bash completes with it, and that the other shells' scripts are theirs."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import kong_vault

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """Completes a line as bash does at Tab: by the function that the script has put there for the command."""
    folder = tmp_path_factory.mktemp("completion")
    command = folder / "kong-vault"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m kong_vault_py.cli "$@"\n')
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    script = folder / "kong-vault.bash"
    script.write_bytes(kong_vault("completion", "bash").stdout)
    (folder / "kong.yml").touch()

    def completions(line):
        words = line.split(" ")
        asked = f"""
            source {script}
            COMP_WORDS=({" ".join(words[:-1])} "{words[-1]}")
            COMP_CWORD={len(words) - 1}
            compopt() {{ echo "compopt $*"; }}
            [[ $(complete -p kong-vault) == *"-F _kong_vault_completion kong-vault" ]] || exit 9
            _kong_vault_completion kong-vault
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(
            ["bash", "--norc", "-c", asked],
            capture_output=True,
            env={"PATH": f"{folder}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)},
            cwd=folder,
            check=True,
            timeout=60,
        )
        assert done.stderr == b""
        return done.stdout.decode().split()

    return completions


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("kong-vault ren", ["render"]),
        ("kong-vault st", ["status", "store"]),
        ("kong-vault --v", ["--version"]),
        ("kong-vault store rot", ["rotate-key"]),
        ("kong-vault get --sh", ["--show-meta"]),
        ("kong-vault exec --in", ["--inherit"]),
        ("kong-vault render --format do", ["docker-env"]),
        ("kong-vault init sys", ["systemd"]),
        ("kong-vault completion ", ["bash", "zsh", "fish"]),
    ],
)
def test_bash_completes_commands_options_and_choices(complete, line, expected):
    assert complete(line) == expected


def test_bash_is_told_where_files_belong(complete):
    assert complete("kong-vault render ko") == ["compopt", "-o", "default"]
    assert complete("kong-vault get --settings ") == ["compopt", "-o", "default"]


def test_all_commands_are_completed(complete):
    from kong_vault_py.cli import main

    assert complete("kong-vault ") == main.list_commands(None)


@pytest.mark.parametrize(
    ("shell", "part"),
    [
        ("bash", b"complete -o nosort -F"),
        ("zsh", b"#compdef kong-vault"),
        ("fish", b"complete --no-files --command kong-vault"),
    ],
)
def test_each_shell_gets_its_own_script(shell, part):
    done = kong_vault("completion", shell)

    assert (done.returncode, done.stderr) == (0, b"")
    assert part in done.stdout
    assert b"_KONG_VAULT_COMPLETE=" + shell.encode() + b"_complete" in done.stdout


def test_completing_imports_no_command_that_is_not_asked_for():
    listed = """
import atexit, sys
from kong_vault_py.cli import main
atexit.register(lambda: print(*(name for name in sys.modules if name.startswith("kong_vault_py.cli."))))
main()
"""
    asked = {"COMP_WORDS": "kong-vault ", "COMP_CWORD": "1", "_KONG_VAULT_COMPLETE": "bash_complete"}

    done = subprocess.run([sys.executable, "-c", listed], capture_output=True, env=asked, check=True, timeout=60)

    assert done.stdout.decode().splitlines()[-1] == "kong_vault_py.cli.conduct"
