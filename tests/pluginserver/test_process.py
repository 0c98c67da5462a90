"""The process: its socket file, signals, settings, and broken plugins."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import REPOSITORY, SERVED, PluginServer, command, environment, run
from tests.servers.polling import wait_until

Start = Callable[..., PluginServer]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_socket_is_its_owners_only_even_under_umask_0(start_server: Start) -> None:
    assert mode_of(start_server().path) == 0o600


def test_mode_and_group_of_the_socket_can_be_set(start_server: Start) -> None:
    server = start_server("--socket-mode", "0660", "--socket-group", os.getgid())

    assert mode_of(server.path) == 0o660
    assert server.path.stat().st_gid == os.getgid()
    assert [file.name for file in server.path.parent.iterdir() if file.is_socket()] == ["kong.sock"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_takes_the_socket_away(start_server: Start, number: signal.Signals) -> None:
    server = start_server()

    assert server.stop(number) == 0
    assert not server.path.exists()


def test_events_in_flight_finish_before_it_ends(start_server: Start) -> None:
    server = start_server()
    kong = Kong(server.path)
    instance = kong.start("scripted", access=[["wait", "sleep", 0.5], ["call", "kong.request.get_header", "x"]])
    wire = kong.open()
    wire.post("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    wait_until(lambda: kong.wires[0].ask("GetStatus", None)[1]["Events"] == 1, "the event")

    server.process.send_signal(signal.SIGTERM)
    _, result = wire.reply()
    _, last = wire.ask("Step", {"EventId": result["EventId"]})

    assert last["Data"] == "ret"
    assert server.stop() == 0
    kong.close()


def test_an_event_that_does_not_finish_does_not_keep_it(start_server: Start) -> None:
    server = start_server()
    kong = Kong(server.path)
    instance = kong.start("scripted", access=[["wait", "stubborn", 60]])
    kong.open().post("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    wait_until(lambda: kong.wires[0].ask("GetStatus", None)[1]["Events"] == 1, "the event")

    assert server.stop() == 0
    kong.close()


def test_a_thread_that_a_plugin_left_running_does_not_keep_it(start_server: Start, folder: Path) -> None:
    (folder / "threaded.py").write_text(
        "import threading, time\n"
        "class Plugin:\n"
        "    def __init__(self, config):\n        threading.Thread(target=time.sleep, args=[600]).start()\n"
        "    def access(self, kong): pass\n"
    )
    server = start_server("-d", folder)
    kong = Kong(server.path)
    kong.start("threaded")
    kong.close()

    assert server.stop() == 0


def test_a_dead_servers_socket_is_taken_over(start_server: Start) -> None:
    dead = start_server()
    dead.process.kill()
    dead.process.wait()
    assert dead.path.exists()

    server = start_server()

    assert "from a dead one" in server.log
    kong = Kong(server.path)
    assert kong.event(kong.start("scripted"), "access").end == "ret"
    kong.close()


def test_a_live_server_gives_its_path_to_the_new_one_and_finishes(start_server: Start) -> None:
    old = start_server()
    old_kong = Kong(old.path)
    instance = old_kong.start("scripted")

    new = start_server()
    new_kong = Kong(new.path)

    assert "from a live server" in new.log
    assert new_kong.wire().ask("GetStatus", None)[1]["Pid"] == new.pid
    assert old_kong.event(instance, "access").end == "ret"
    assert old.stop() == 0
    assert new.path.exists()
    assert new_kong.open().ask("GetStatus", None)[1]["Pid"] == new.pid
    old_kong.close()
    new_kong.close()


def test_it_leaves_with_the_process_that_started_it(folder: Path) -> None:
    path, log = folder / "s", folder / "log"
    arguments = command("-d", SERVED, "--socket", path)
    starter = f"import subprocess, time; subprocess.Popen({arguments}, stderr=open({str(log)!r}, 'w')); time.sleep(600)"
    parent = subprocess.Popen([sys.executable, "-c", starter], cwd=REPOSITORY, env=environment())
    wait_until(path.exists, "start of the server")

    parent.kill()
    parent.wait()

    wait_until(lambda: not path.exists(), "the server's end")
    wait_until(lambda: 'msg="stopping"' in log.read_text(), "its last line")


def test_what_it_cannot_listen_on_is_one_line(folder: Path) -> None:
    (folder / "file").write_text("precious")
    for path, said in [
        (folder / "file", "a file that is no socket is there"),
        (folder / "missing" / "s", "can't make it: No such file or directory"),
        (folder / ("x" * 120), "the path is "),
    ]:
        ended = run("-d", SERVED, "--socket", path)

        assert ended.returncode == 1
        [line] = [line for line in ended.stderr.splitlines() if not line.startswith("time=")]
        assert line.startswith("kong-vault pluginserver: socket ")
        assert said in line
    assert (folder / "file").read_text() == "precious"
    assert [file.name for file in folder.iterdir()] == ["file"]


def test_wrong_options_are_one_line(folder: Path) -> None:
    for arguments, said in [
        (("-d", folder / "nowhere", "--socket", folder / "s"), "plugins directory"),
        (("-d", SERVED, "--socket", folder / "s", "--socket-group", "no-such-group"), "no such group"),
        (("-d", SERVED, "--socket", folder / "s", "--settings", folder / "none"), "can't read it"),
        (("-d", SERVED, "--socket", folder / "s", "--socket-mode", "rw"), "no file mode"),
        (("-d", SERVED, "--socket", folder / "s", "--event-timeout", "60"), "60"),
        (("-d", SERVED, "--socket", folder / "s", "--dump-all"), "exclude each other"),
        (("-d", SERVED), "is needed"),
    ]:
        ended = run(*arguments)

        assert ended.returncode != 0
        assert said in ended.stderr.splitlines()[-1]
        assert "Traceback" not in ended.stderr


def test_the_help_shows_examples_as_they_are_typed() -> None:
    ended = run("--help")

    assert ended.returncode == 0
    assert "\n    kong-vault pluginserver -d plugins --dump vault-proxy-cache\n" in ended.stdout


def test_a_broken_plugin_file_is_one_line_and_the_others_serve(start_server: Start, folder: Path) -> None:
    (folder / "good.py").write_text(
        "class Plugin:\n    def access(self, kong): pass\n    def __init__(self, c): pass\n"
    )
    (folder / "bad.py").write_text("import no_such_module_here\n")

    server = start_server("-d", folder)
    kong = Kong(server.path)
    error, _ = kong.wire().ask("StartInstance", {"Name": "bad", "Config": "{}"})

    [line] = [line for line in server.log.splitlines() if "level=error" in line]
    assert f"plugin file {folder / 'bad.py'} can't be loaded: ModuleNotFoundError" in line
    assert "pip install no_such_module_here" in line
    assert "ModuleNotFoundError: No module named 'no_such_module_here'" in error
    assert kong.event(kong.start("good"), "access").end == "ret"
    kong.close()


def test_a_plugin_named_like_a_library_does_not_become_it(start_server: Start, folder: Path) -> None:
    plugin = "class Plugin:\n    def __init__(self, config): pass\n    def access(self, kong): pass\n"
    (folder / "json.py").write_text(plugin)

    kong = Kong(start_server("-d", folder).path)

    assert kong.event(kong.start("json"), "access").end == "ret"
    assert kong.start("json") > 0
    kong.close()


def test_plugins_resolve_references_with_the_servers_settings(start_server: Start, folder: Path) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "token").write_text("opensesame")
    settings = folder / "settings.conf"
    settings.write_text(f"vault_fs_prefix = {folder / 'secrets'}\n")
    settings.chmod(0o600)
    (folder / "user.py").write_text(
        "from kong_vault_py.plugin import bind, pdk\n"
        "class Plugin:\n"
        "    def __init__(self, config):\n        self.config = bind(config)\n"
        "    def access(self, kong):\n"
        "        token = self.config.current()['token']\n"
        "        pdk(kong).log.notice('with ', token)\n"
        "        pdk(kong).service.request.set_header('x-token', token.reveal())\n"
    )

    server = start_server("-d", folder, "--settings", settings, "--log-level", "debug")
    kong = Kong(server.path)
    instance = kong.start("user", token="{vault://fs/token}")
    missing = kong.start("user", token="{vault://fs/nothing}")

    assert kong.event(instance, "access").calls == [
        ("kong.log.notice", ["with ", "***"]),
        ("kong.service.request.set_header", ["x-token", "opensesame"]),
    ]
    assert kong.event(missing, "access").last[1][0] == 503
    kong.close()
    assert server.stop() == 0
    assert "opensesame" not in server.log


def test_every_line_of_the_log_is_one_record(start_server: Start) -> None:
    server = start_server("--log-level", "debug")
    kong = Kong(server.path)
    kong.event(kong.start("scripted", access=[["thread_exits"], ["raise", "ValueError", "two\nlines"]]), "access")
    kong.close()
    server.stop()

    lines = server.log.splitlines()
    assert all(line.startswith("time=") and " level=" in line for line in lines), server.log
    assert any('trace="Traceback' in line for line in lines)


def test_files_that_plugins_write_are_not_everybodys(start_server: Start, folder: Path) -> None:
    target = folder / "written"
    (folder / "writing.py").write_text(
        "class Plugin:\n"
        "    def __init__(self, config):\n        open(config['path'], 'w').close()\n"
        "    def access(self, kong): pass\n"
    )
    kong = Kong(start_server("-d", folder).path)

    kong.start("writing", path=str(target))

    assert mode_of(target) == 0o600
    kong.close()


def test_connections_beyond_the_limit_of_descriptors_wait_for_their_turn(start_server: Start) -> None:
    server = start_server()
    descriptors = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
    subprocess.run(["prlimit", f"--pid={server.pid}", f"--nofile={descriptors + 5}"], check=True)
    crowd = [socket.socket(socket.AF_UNIX) for _ in range(20)]
    for one in crowd:
        one.connect(str(server.path))
    wait_until(lambda: "can't accept a connection" in server.log, "a line in the log")
    for one in crowd:
        one.close()
    began_s = time.process_time()

    kong = Kong(server.path)

    assert kong.event(kong.start("scripted"), "access").end == "ret"
    assert server.log.count("can't accept") < 20
    assert time.process_time() - began_s < 5
    kong.close()
