"""A process that is stopped and continued has its system calls interrupted: the strategy goes on waiting."""

import json
import signal
import subprocess
import threading
from pathlib import Path

from tests.lua.doors import HERE, LUA_PATH, call
from tests.lua.fake_agent import says
from tests.servers.polling import wait_until


def state_of(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_an_interrupted_wait_goes_on(nginx_and_luajit, fake_agent):
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        assert go_on.wait(30)
        return says("s3cret")(request)

    agent = fake_agent(slow)
    with subprocess.Popen(
        ["luajit", str(HERE / "command_line.lua")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={"LUA_PATH": LUA_PATH},
        text=True,
    ) as process:
        process.stdin.write(json.dumps([call("hcv", "x", **agent.options)]))
        process.stdin.close()
        assert asked.wait(30)
        for _ in range(3):
            wait_until(lambda: state_of(process.pid) == "S", "luajit to wait")
            process.send_signal(signal.SIGSTOP)
            wait_until(lambda: state_of(process.pid) == "T", "luajit to stop")
            process.send_signal(signal.SIGCONT)
        go_on.set()
        found = json.loads(process.stdout.read())

    assert found == [{"value": b"s3cret".hex(), "err": None, "ttl": 0}]
