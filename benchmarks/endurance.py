"""What large bodies and a million events do to our server: bytes per second, and memory afterwards."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import msgpack

from benchmarks.measuring import median, table
from benchmarks.peers import build_drivers, peers
from benchmarks.pluginserver import running, write_plugins

BODY_BYTES = 20 * 1000 * 1000
BODIES = 9
EVENTS = int(os.environ.get("BENCH_EVENTS", "1000000"))
_BODY_PLUGIN = """
class Plugin:
    def __init__(self, config):
        pass
    def access(self, kong):
        kong.service.request.set_raw_body(kong.request.get_raw_body())
"""


def main() -> None:
    """Print both tables."""
    compiler = shutil.which("cc")
    if compiler is None:
        return
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as name:
        folder = Path(name)
        build_drivers(compiler, folder)
        plugins = write_plugins(folder)
        (plugins / "body.py").write_text(_BODY_PLUGIN)
        ours = next(peer for peer in peers(folder, plugins) if peer.name == "ours")
        with running(ours.command, ours.socket) as pid:
            _bodies(ours.socket, pid)
        with running(ours.command, ours.socket) as pid:
            _events(folder, ours.socket, pid)


class _Wire:
    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(path))
        self._msgid = 0

    def ask(self, method: str, argument: Any) -> Any:
        self.send(self.pack(method, argument))
        return self.read(0)

    def pack(self, method: str, argument: Any) -> bytes:
        self._msgid += 1
        frame: bytes = msgpack.packb([0, self._msgid, f"plugin.{method}", [argument]])
        return frame

    def send(self, frame: bytes) -> None:
        self._socket.sendall(frame)

    def read(self, size: int) -> Any:
        """Return the result of a reply of at least ``size`` bytes."""
        data = bytearray()
        while True:
            data += self._socket.recv(1 << 20)
            if len(data) >= size:
                unpacker = msgpack.Unpacker(max_buffer_size=1 << 30)
                unpacker.feed(data)
                for message in unpacker:
                    if message[0] == 1:
                        assert message[2] is None, message[2]
                        return message[3]


def _bodies(path: Path, pid: int) -> None:
    wire = _Wire(path)
    instance = wire.ask("StartInstance", {"Name": "body", "Config": "{}"})["Id"]
    body = os.urandom(BODY_BYTES)
    before = _resident_mib(pid)
    library, through = [], []
    for _ in range(BODIES):
        event = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})["EventId"]
        frame = wire.pack("Step", {"EventId": event, "Data": body})
        began = time.perf_counter()
        wire.send(frame)
        data = wire._socket.recv(1 << 20)
        received = len(data)
        while received < BODY_BYTES:
            received += len(wire._socket.recv(1 << 20))
        through.append(2 * BODY_BYTES / (time.perf_counter() - began) / 1e9)
        assert wire.ask("Step", {"EventId": event})["Data"] == "ret"
        began = time.perf_counter()
        unpacker = msgpack.Unpacker(max_buffer_size=1 << 28)
        for at in range(0, len(frame), 1 << 16):
            unpacker.feed(frame[at : at + (1 << 16)])
        decoded = unpacker.unpack()
        msgpack.packb([1, 1, None, {"EventId": 1, "Data": {"Method": "m", "Args": [decoded[3][0]["Data"]]}}])
        library.append(2 * BODY_BYTES / (time.perf_counter() - began) / 1e9)
        del decoded, unpacker
    table(
        f"Bodies of {BODY_BYTES // 10**6} MB: in as a Step, out as a PDK call's argument",
        ("", "GB/s, median", "most"),
        [
            ("through the server, two socket copies each way", f"{median(through):.2f}", f"{max(through):.2f}"),
            (
                "msgpack alone: fed in reads of 64 KiB, unpacked, packed",
                f"{median(library):.2f}",
                f"{max(library):.2f}",
            ),
            ("resident memory before and after, MiB", f"{before:.1f}", f"{_resident_mib(pid):.1f}"),
        ],
    )


def _events(folder: Path, path: Path, pid: int) -> None:
    def run(seconds: float) -> float:
        command = [str(folder / "driver"), "-s", str(path), "-n", "p1", "-c", "32", "-d", str(seconds), "-w", "0.1"]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return float(json.loads(done.stdout.splitlines()[-1])["reqs"])

    warm = min(run(2) for _ in range(3))
    before, descriptors = _resident_mib(pid), len(list(Path(f"/proc/{pid}/fd").iterdir()))
    done = 0.0
    while done < EVENTS:
        done += run(max(1.0, min(20.0, 2 * (EVENTS - done) / warm)))
    threads = len(list(Path(f"/proc/{pid}/task").iterdir()))
    left = len(list(Path(f"/proc/{pid}/fd").iterdir())) - descriptors
    table(
        f"After {done:,.0f} events of one PDK call",
        ("resident memory grew by, MiB", "descriptors more", "threads"),
        [(f"{_resident_mib(pid) - before:.2f}", str(left), str(threads))],
    )


def _resident_mib(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    main()
