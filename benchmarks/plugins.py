"""What our plugins add to a request: on our server and on the stock one, interleaved, the vault's cache warm.

``driver.c`` plays Kong's side and gives the PDK answers of one request; the latency is a whole phase with all of its
PDK calls, without Kong's own part.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgpack

from benchmarks.measuring import median, ratio, table
from benchmarks.pluginserver import DRIVER, running

PLUGINS = Path(__file__).parents[1] / "plugins"
ROUNDS = 3
SECONDS = 1.0
CONNECTIONS = 8

_CONSUMER = {"id": "ce67c25e-2168-4a09-81e5-e06187a2384f", "username": "alex"}
_HEADERS = {
    **{name: ["some value of a header"] for name in ("host", "user-agent", "accept", "accept-encoding", "x-tenant")},
    "access_token": ["foo"],
    "secret_token": ["sesame"],
    "content-length": ["4"],
}
_ANSWERS: dict[str, Any] = {
    "request.get_headers": _HEADERS,
    "request.get_method": "POST",
    "request.get_raw_query": "page=2",
    "request.get_raw_body": b"body",
    "nginx.get_var": "/orders",
    "client.load_consumer": _CONSUMER,
    "client.get_forwarded_ip": "10.0.0.1",
}
_SECRETS = {
    "foo": json.dumps({"access_token": "foo", "secret_token": "sesame", "consumer": {"id": _CONSUMER["id"]}}),
    "token": "sesame",
    "aws": json.dumps({"id": "AKID", "key": "sesame"}),
}
_AWS = {
    "access_key_id": "{vault://fs/aws/id}",
    "secret_access_key": "{vault://fs/aws/key}",
    "region": "eu-central-1",
    "service": "execute-api",
}
_LIMITS = {"limit": [10**9, 10**9], "window_size": [60, 3600], "identifier": "ip", "namespace": "bench"}
_REDIS_PORT = 16_379
_IDP_PORT = 16_380
_CLIENT = {"client_id": "gateway", "client_secret": "{vault://fs/token}"}
# Name in the table -> plugin, config, PDK calls of a request that goes on.
CASES: dict[str, tuple[str, dict[str, Any], int]] = {
    "vault-auth": ("vault-auth", {"vault": "fs"}, 7),
    "vault-context, one value": (
        "vault-context",
        {"values": [{"value": "{vault://fs/token}", "context": "token"}]},
        1,
    ),
    "vault-hmac-signer, hmac": (
        "vault-hmac-signer",
        {"scheme": "hmac", "hmac": {"username": "alice", "secret": "{vault://fs/token}"}},
        6,
    ),
    "vault-hmac-signer, aws-sigv4": ("vault-hmac-signer", {"scheme": "aws-sigv4", "host": "a.example", "aws": _AWS}, 6),
    "vault-request-transformer, one header": (
        "vault-request-transformer",
        {"add": {"headers": ["x-token:{vault://fs/token}"]}},
        2,
    ),
    "vault-upstream-oauth, memory": (
        "vault-upstream-oauth",
        {"oauth": {"token_endpoint": f"http://127.0.0.1:{_IDP_PORT}/token", **_CLIENT}},
        1,
    ),
    "vault-rate-limiting, local": ("vault-rate-limiting", _LIMITS, 2),
    "vault-rate-limiting, redis": (
        "vault-rate-limiting",
        {**_LIMITS, "strategy": "redis", "redis": {"port": _REDIS_PORT, "password": "{vault://fs/token}"}},
        2,
    ),
}


def main() -> None:
    """Print the table."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("\nNo C compiler: the plugins' benchmark needs one for its driver.")
        return
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as name:
        folder = Path(name)
        subprocess.run([compiler, "-O2", "-w", "-o", str(folder / "driver"), str(DRIVER)], check=True)
        (folder / "secrets").mkdir()
        for secret, text in _SECRETS.items():
            (folder / "secrets" / secret).write_text(text)
        with _redis(folder), _identity_provider():
            rows = _rows(folder)
        table(
            f"Our plugins, {CONNECTIONS} connections",
            (
                "",
                "PDK calls",
                "stock req/s",
                "ours req/s",
                "ratio (spread)",
                "stock p50 us",
                "ours p50 us",
                "stock p99 us",
                "ours p99 us",
            ),
            rows,
        )


@contextlib.contextmanager
def _redis(folder: Path) -> Iterator[None]:
    """Run a Redis for the cases that need one; without the program they are left out."""
    program = shutil.which("redis-server")
    if program is None:
        print("\nNo redis-server: rate limiting with Redis is not measured.")
        del CASES["vault-rate-limiting, redis"]
        yield
        return
    config = f'port {_REDIS_PORT}\nbind 127.0.0.1\nsave ""\nrequirepass {_SECRETS["token"]}\ndir "{folder}"\n'
    with subprocess.Popen([program, "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True) as server:
        assert server.stdin is not None
        server.stdin.write(config)
        server.stdin.close()
        try:
            yield
        finally:
            server.terminate()


@contextlib.contextmanager
def _identity_provider() -> Iterator[None]:
    """Run an identity provider: the token is asked for once per server, then it is in memory."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            body = json.dumps({"access_token": "a-token", "token_type": "Bearer", "expires_in": 3600}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", _IDP_PORT), Answer) as server:
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield
        finally:
            server.shutdown()
            serving.join()


def _rows(folder: Path) -> list[tuple[Any, ...]]:
    socket = folder / "s.sock"
    stock = str(Path(sys.executable).parent / "kong-python-pluginserver")
    servers = {
        "stock": [stock, "-g", "--no-lua-style", "-d", str(PLUGINS), "-p", str(folder), "--socket-name", socket.name],
        "ours": [
            sys.executable,
            "-m",
            "kong_vault_py.cli",
            "pluginserver",
            "-d",
            str(PLUGINS),
            "--socket",
            str(socket),
        ],
    }
    os.environ["KONG_VAULT_FS_PREFIX"] = str(folder / "secrets")
    results: dict[tuple[str, str], list[Mapping[str, float]]] = {}
    for _ in range(ROUNDS):
        for server, command in servers.items():
            with running(command, socket):
                for case in CASES:
                    results.setdefault((server, case), []).append(_drive(folder / "driver", socket, case))
    rows = []
    for case, (_, _, calls) in CASES.items():
        theirs, ours = results["stock", case], results["ours", case]
        rows.append(
            (
                case,
                str(calls),
                *(f"{median([r['rps'] for r in found]):,.0f}" for found in (theirs, ours)),
                ratio([r["rps"] for r in ours], [r["rps"] for r in theirs]),
                *(f"{median([r[q] for r in found]):.0f}" for q in ("p50", "p99") for found in (theirs, ours)),
            )
        )
    return rows


def _drive(driver: Path, socket: Path, case: str) -> Mapping[str, float]:
    plugin, config, calls = CASES[case]
    answers = [f"-akong.{name}={msgpack.packb(answer, use_bin_type=True).hex()}" for name, answer in _ANSWERS.items()]
    command = [str(driver), "-s", str(socket), "-n", plugin, "-C", json.dumps(config), "-c", str(CONNECTIONS)]
    pinned = ["taskset", "-c", "1"] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else []
    timing = ["-d", str(SECONDS), "-w", "0.3"]
    done = subprocess.run([*pinned, *command, *timing, *answers], check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    measured = result["rpc_s"] / result["rps"] - 1
    if result["errors"] or abs(measured - calls) > 0.1:
        raise RuntimeError(f"{case}: {result['errors']} errors, and {measured:.1f} PDK calls in place of {calls}")
    return result


if __name__ == "__main__":
    main()
