"""``kong-vault exec`` with the command as its child: signals, terminal, restarts, and what becomes of its output."""

import contextlib
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from kong_vault_py.child_process.watching import Watch
from kong_vault_py.errors import UnavailableError
from tests.servers.polling import wait_until
from tests.unit.backend import Backend, Clock, make_vault

EXEC = [sys.executable, "-m", "kong_vault_py.cli", "exec"]
#: Prints each signal it gets; ends at a second SIGTERM.
LISTENER = """
import os, signal, sys
left = [2]
def heard(number, _frame):
    os.write(1, f"got {signal.Signals(number).name}\\n".encode())
    left[0] -= number == signal.SIGTERM
for name in "INT TERM HUP QUIT USR1 USR2 WINCH TSTP CONT".split():
    signal.signal(getattr(signal, f"SIG{name}"), heard)
os.write(1, b"ready\\n")
while left[0]:
    signal.pause()
sys.exit(42)
"""


@contextlib.contextmanager
def running(*arguments, **environ):
    """A kong-vault exec with its output in a file that ``said`` reads."""
    environ = {"PATH": os.environ["PATH"], **environ}
    with subprocess.Popen([*EXEC, *map(str, arguments)], stdout=subprocess.PIPE, env=environ) as process:
        os.set_blocking(process.stdout.fileno(), False)
        heard = []

        def said(text):
            chunk = process.stdout.read()
            heard.append(chunk or b"")
            return text.encode() in b"".join(heard)

        try:
            yield process, said
        finally:
            process.kill()


def test_signals_are_passed_on_and_the_exit_code_comes_back():
    with running("--mask-output", "--", sys.executable, "-c", LISTENER) as (process, said):
        wait_until(lambda: said("ready"), "the child")
        for name in ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2", "WINCH"):
            process.send_signal(getattr(signal, f"SIG{name}"))
            wait_until(lambda name=name: said(f"got SIG{name}\n"), name)
        process.terminate()

        assert process.wait(10) == 42


def test_a_stop_stops_both_and_a_continue_continues_both():
    def state():
        return Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0]

    with running("--mask-output", "--", sys.executable, "-c", LISTENER) as (process, said):
        wait_until(lambda: said("ready"), "the child")
        process.send_signal(signal.SIGTSTP)
        wait_until(lambda: state() == "T", "our stop")
        process.send_signal(signal.SIGCONT)

        wait_until(lambda: said("got SIGTSTP\n"), "the child's stop")
        wait_until(lambda: said("got SIGCONT\n"), "the child's continuation")
        assert state() != "T"


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV"])
def test_a_child_that_a_signal_killed_gives_128_and_the_signal(name):
    done = subprocess.run([*EXEC, "--mask-output", "--", "sh", "-c", f"kill -{name} $$"], check=False, timeout=60)

    assert done.returncode == 128 + getattr(signal, f"SIG{name}")


def test_a_terminals_ctrl_c_reaches_the_child_once_and_it_may_read_from_the_terminal():
    process, terminal = pty.fork()
    if process == 0:
        os.execv(sys.executable, [*EXEC, "--mask-output", "--", sys.executable, "-c", LISTENER + "print(input())"])
    heard = []

    def said(pattern):
        heard.append(os.read(terminal, 4096))
        return re.search(pattern, b"".join(heard))

    wait_until(lambda: said(b"ready"), "the child")
    os.write(terminal, b"\x03")
    wait_until(lambda: said(b"got SIGINT"), "Ctrl-C")
    os.kill(process, signal.SIGTERM)
    wait_until(lambda: said(b"got SIGTERM"), "a first SIGTERM")
    os.kill(process, signal.SIGTERM)
    _, status = os.waitpid(process, 0)
    os.close(terminal)

    assert os.waitstatus_to_exitcode(status) == 42
    assert b"".join(heard).count(b"got SIGINT") == 1


def test_standard_input_is_the_childs():
    done = subprocess.run(
        [*EXEC, "--mask-output", "--", "cat"], input=b"a secret\x00\xff", capture_output=True, check=True, timeout=60
    )

    assert done.stdout == b"a secret\x00\xff"


def test_secrets_in_the_output_are_masked_on_both_streams():
    script = 'printf "%s" "$V"; printf "u:%s" "$V" | base64 >&2; printf hun; printf ter22'
    environ = {"PATH": os.environ["PATH"], "V": "x {vault://env/s}", "S": "hunter22"}

    done = subprocess.run(
        [*EXEC, "--mask-output", "--", "sh", "-c", script], capture_output=True, env=environ, check=True, timeout=60
    )

    assert done.stdout == b"x ********"
    assert b"****" in done.stderr
    assert b"aHVudGVy" not in done.stderr


def test_a_signal_while_secrets_are_fetched_ends_it(tmp_path):
    pipe = tmp_path / "settings"
    os.mkfifo(pipe)  # whoever reads the settings waits for a writer
    arguments = [*EXEC, "--mask-output", "--settings", str(pipe), "--", "touch", str(tmp_path / "started")]
    with subprocess.Popen(arguments) as process:
        try:
            wait_until(lambda: len(list(Path(f"/proc/{process.pid}/task").iterdir())) > 1, "the fetching thread")
            process.terminate()
            assert process.wait(10) == -signal.SIGTERM
        finally:
            process.kill()
    assert not (tmp_path / "started").exists()


PRINTER = 'trap "{}" TERM HUP; printf "[%s]" "$V"; while :; do sleep 0.05; done'


@pytest.mark.parametrize(
    ("watch", "on_signal", "expected"),
    [
        ("restart", "exit 9", "[****]stopped[****]"),
        ("restart", ":", "[****]stopped[****]"),
        ("signal:HUP", "printf hup", "[****]hup"),
    ],
)
def test_a_rotated_secret_restarts_or_signals_the_command(tmp_path, watch, on_signal, expected):
    secret = tmp_path / "s"
    secret.write_text("first-value")
    trap = f"printf stopped; {on_signal}" if watch == "restart" else on_signal
    options = ("--watch", watch, "--stop-timeout", "0.1", "--mask-output")
    settings = {"KONG_VAULT_FS_PREFIX": str(tmp_path), "KONG_VAULT_FS_TTL": "0.2", "V": "{vault://fs/s}"}

    with running(*options, "--", "sh", "-c", PRINTER.replace("{}", trap), **settings) as (process, said):
        wait_until(lambda: said("[****]"), "the child")
        secret.write_text("second-value")
        wait_until(lambda: said(expected), "the rotated secret's effect")
        process.send_signal(signal.SIGKILL)
        process.wait(10)


def test_a_watch_tells_of_new_values_once_and_keeps_what_is_unavailable():
    backend, clock, told = Backend(), Clock(), []
    backend.answers = {"a": "1", "b": "1"}
    references = ["{vault://test/a}", "{vault://test/b}", "{vault://test/late}"]
    with make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="5") as vault:
        first = vault.get_all(references)
        watch = Watch(vault, references, first.secrets, told.append, poll_s=0.01, quiet_s=0.05)
        watch.start()
        backend.answers |= {"a": "2", "b": UnavailableError("down"), "late": "1"}
        clock.advance(11)
        vault.rotate()
        clock.advance(5)
        wait_until(lambda: told, "news")
        watch.stop()

    assert len(told) == 1
    assert told[0].values == {references[0]: "2", references[1]: "1", references[2]: "1"}


def test_a_secret_without_a_ttl_is_told_to_be_unwatched():
    environ = {"PATH": os.environ["PATH"], "V": "{vault://env/s}", "W": "{vault://env/s?ttl=9}", "S": "1"}

    done = subprocess.run(
        [*EXEC, "--watch", "restart", "true"], capture_output=True, env=environ, check=True, timeout=60
    )

    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("kong-vault exec: {vault://env/s} has no ttl")
