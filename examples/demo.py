"""``make demo``: a Redis password that is a vault reference, rotated while requests flow.

Everything is real but the gateway: redis-server, a Vault server in dev mode, the plugin server with its plugins,
and the test gateway that plays Kong's side of the protocol. Where no Vault can be had, the same story runs on files
(strategy fs).
"""

from __future__ import annotations

import collections
import contextlib
import http.client
import secrets
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from examples.demo_secrets import FileSecrets, SecretStore, VaultSecrets
from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity, PluginServerProcess
from tests.servers.build_vault import NoVaultError, ensure_program
from tests.servers.redis_server import RedisServer
from tests.servers.vault_server import DevVault

PLUGINS = Path(__file__).parents[1] / "plugins"
CLIENTS = 8
ROTATIONS = 3
FLOW_S = 1.5


def say(text: str = "") -> None:
    """Print at once, so that the story is told as it happens."""
    print(text, flush=True)


@contextlib.contextmanager
def secret_store(folder: Path) -> Iterator[SecretStore]:
    """Yield the vault of the story: a real Vault where one can be had, files else."""
    try:
        program = ensure_program()
    except NoVaultError as error:
        say(f"  no Vault server here ({error}): the same story on files, strategy fs")
        yield FileSecrets(folder)
        return
    with DevVault(program, folder) as vault:
        yield VaultSecrets(vault, folder)


class Flow:
    """Clients that send requests until told to stop, and what they got."""

    def __init__(self, url: str) -> None:
        self.statuses: collections.Counter[str] = collections.Counter()
        self.slowest_s = 0.0
        self._url = urlsplit(url)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Flow:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection(self._url.hostname or "", self._url.port or 80, timeout=30)
        turn = 0
        while not self._stop.is_set():
            turn += 1
            # Some paths repeat and are hits; some are new and are written to Redis.
            self._count(*request(connection, f"/items/{number}-{turn if turn % 4 == 0 else 0}"))
        connection.close()

    def _count(self, status: int, cache_status: str, took_s: float) -> None:
        with self._lock:
            self.statuses[cache_status if status == 200 else f"failed with {status}"] += 1
            self.slowest_s = max(self.slowest_s, took_s)


def request(connection: http.client.HTTPConnection, path: str) -> tuple[int, str, float]:
    """Send one request; return its status, its cache status and how long it took in seconds."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    return answer.status, answer.getheader("X-Cache-Status", "no cache status"), time.perf_counter() - began


def main() -> int:
    """Tell the story; return 0 if no request failed and no secret showed."""
    began = time.monotonic()
    passwords = [secrets.token_urlsafe(18)]
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kong-vault-demo-")))
        say("1. Starting a Vault, a Redis with a password, an upstream, the plugin server and a gateway ...")
        redis = stack.enter_context(RedisServer(folder, password=passwords[0]))
        store = stack.enter_context(secret_store(folder))
        store.put(passwords[0])
        server = stack.enter_context(plugin_server(folder, store))
        upstream = stack.enter_context(EchoUpstream())
        gateway = stack.enter_context(Gateway(server.socket_path, server.dump(), upstream=upstream.url))
        gateway.add_route("/", [PluginEntity("vault-proxy-cache", cache_config(redis, store))])
        say(f"   The plugin's config holds no password, but   password: {store.reference}\n")

        show_miss_and_hit(gateway.url)
        flow = rotate_under_load(gateway.url, redis, store, passwords)
        failed = report(flow, store)
        leaked = any(password in server.output() + repr(gateway.logs) for password in passwords)
    if leaked:
        say("A password showed in a log: that is a bug, please report it.")
    point_at_kong(store)
    say(f"Done in {time.monotonic() - began:.0f} s.")
    return 1 if failed or leaked else 0


def plugin_server(folder: Path, store: SecretStore) -> PluginServerProcess:
    """The plugin server as Kong starts it: an empty environment, credentials by a settings file."""
    settings = folder / "kong-vault.conf"
    settings.touch(mode=0o600)
    settings.write_text(store.settings())
    return PluginServerProcess(
        PLUGINS, folder / "python.socket", env={"KONG_VAULT_PY_SETTINGS": str(settings)}, start_timeout_s=30
    )


def cache_config(redis: RedisServer, store: SecretStore) -> dict[str, object]:
    """The plugin's config, as it would stand in kong.yml."""
    return {
        "strategy": "redis",
        "cache_ttl": 30,
        "content_type": ["application/json"],
        "redis": {"host": redis.host, "port": redis.port, "password": store.reference},
    }


def show_miss_and_hit(url: str) -> None:
    """Send one request twice."""
    say("2. The same request twice:")
    target = urlsplit(url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=30)
    for _ in range(2):
        status, cache_status, took_s = request(connection, "/items/first")
        say(f"   GET /items/first -> {status}, X-Cache-Status: {cache_status} ({took_s * 1000:.1f} ms)")
    connection.close()
    say()


def rotate_under_load(url: str, redis: RedisServer, store: SecretStore, passwords: list[str]) -> Flow:
    """Rotate the password in the vault and in Redis, and cut every connection, while requests flow."""
    say(f"3. {CLIENTS} clients send requests; meanwhile the password rotates {ROTATIONS} times:")
    with Flow(url) as flow:
        for number in range(1, ROTATIONS + 1):
            time.sleep(FLOW_S)
            passwords.append(secrets.token_urlsafe(18))
            store.put(passwords[-1])
            redis.change_password(passwords[-1])
            redis.disconnect_clients()
            say(f"   rotation {number}: new in the vault and in Redis, all connections cut")
        time.sleep(FLOW_S)
    return flow


def report(flow: Flow, store: SecretStore) -> int:
    """Print what happened; return the number of failed requests."""
    failed = sum(count for status, count in flow.statuses.items() if status.startswith("failed"))
    total = sum(flow.statuses.values())
    say(f"\n4. {total} requests, {failed} failed; the slowest took {flow.slowest_s * 1000:.0f} ms")
    for status, count in flow.statuses.most_common():
        say(f"   {status:>7}: {count}")
    say(f"   {store.calls()}\n")
    return failed


def point_at_kong(store: SecretStore) -> None:
    """Say how the same goes with a real Kong."""
    say("With a real Kong (3.4 or newer, OSS or Enterprise): kong.conf.example has all of it, in short")
    say("   plugins = bundled,vault-proxy-cache")
    say("   pluginserver_names = vault-proxy-cache")
    say("   pluginserver_vault_proxy_cache_query_cmd = kong-vault pluginserver -d plugins --dump vault-proxy-cache")
    say("   pluginserver_vault_proxy_cache_start_cmd = kong-vault pluginserver -d plugins --socket ... --settings ...")
    say(f'and in the plugin\'s config   password: "{store.reference}"')
    say("With Docker: docker compose up --build\n")


if __name__ == "__main__":
    sys.exit(main())
