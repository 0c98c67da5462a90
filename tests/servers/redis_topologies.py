"""Real Redis in the plural: a master with a replica that a Sentinel watches, and a Cluster of three nodes."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from tests.servers.certificates import Certificates
from tests.servers.polling import wait_until
from tests.servers.ports import free_port
from tests.servers.redis_server import RedisServer

MASTER = "cache"

_SLOTS = 16384


class SentinelRedis:
    """A master, its replica and one Sentinel; a context manager.

    Args:
        folder: their working folder.
        password: of both Redis servers.
        sentinel_password: of the Sentinel.
        tls: all three speak TLS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        password: str = "sesame-one",
        sentinel_password: str = "sentry-one",
        tls: Certificates | None = None,
    ) -> None:
        replication = [f"masterauth {password}", "repl-diskless-sync-delay 0", *_replication_tls(tls)]
        first = RedisServer(folder, password=password, tls=tls, lines=replication)
        follows = [*replication, f"replicaof {first.host} {first.port}"]
        self.servers = [first, RedisServer(folder, password=password, tls=tls, lines=follows)]
        watch = [
            f"sentinel monitor {MASTER} {first.host} {first.port} 1",
            f"sentinel auth-pass {MASTER} {password}",
            f"sentinel down-after-milliseconds {MASTER} 300",
            f"sentinel failover-timeout {MASTER} 2000",
            *_replication_tls(tls),
        ]
        self.sentinel = RedisServer(
            folder, password=sentinel_password, tls=tls, lines=watch, program_arguments=["--sentinel"]
        )

    def __enter__(self) -> SentinelRedis:
        self._stack = contextlib.ExitStack()
        for server in self.servers:
            self._stack.enter_context(server)
        wait_until(self._replicates, "the replica's link")
        self._stack.enter_context(self.sentinel)
        wait_until(lambda: len(self._ask("SENTINEL", "REPLICAS", MASTER)) == 1, "the Sentinel's list of replicas")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def master(self) -> RedisServer:
        """The server that the Sentinel names."""
        _, port = self._ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return next(server for server in self.servers if server.port == int(port))

    def fail_over(self) -> None:
        """Stop the master and return when the Sentinel has made the replica the master."""
        before = self.master
        before.stop()
        wait_until(lambda: self.master is not before, "the failover")

    def switch_over(self) -> None:
        """Let master and replica change places while both run, at once."""
        before = self.master
        after = next(server for server in self.servers if server is not before)
        self._ask("SENTINEL REMOVE", MASTER)
        with before.client() as old, after.client() as new:
            new.execute_command("REPLICAOF NO ONE")
            old.execute_command("REPLICAOF", after.host, str(after.port))
        self._ask("SENTINEL MONITOR", MASTER, after.host, str(after.port), "1")
        self._ask("SENTINEL SET", MASTER, "auth-pass", after.password or "")

    def change_sentinel_password(self, password: str) -> None:
        """Give the Sentinel's default user another password and close all connections."""
        self._ask("ACL", "SETUSER", "default", "resetpass", f">{password}")
        self.sentinel.password = password
        self.sentinel.disconnect_clients()

    def _replicates(self) -> bool:
        with self.servers[1].client() as client:
            return bool(client.info("replication")["master_link_status"] == "up")

    def _ask(self, *command: str) -> Any:
        with self.sentinel.client() as client:
            return client.execute_command(*command)


class RedisCluster:
    """Three masters that share all slots; a context manager.

    Args:
        folder: their working folder.
        password: of all.
        tls: all speak TLS.
    """

    def __init__(self, folder: Path, *, password: str = "sesame-one", tls: Certificates | None = None) -> None:
        self._bus_ports = [free_port() for _ in range(3)]
        self.nodes = [
            RedisServer(
                folder,
                password=password,
                tls=tls,
                lines=[
                    "cluster-enabled yes",
                    f"cluster-config-file nodes-{bus}.conf",
                    f"cluster-port {bus}",
                    "cluster-node-timeout 2000",
                    *(["tls-cluster yes"] if tls else []),
                ],
            )
            for bus in self._bus_ports
        ]

    def __enter__(self) -> RedisCluster:
        self._stack = contextlib.ExitStack()
        for node in self.nodes:
            self._stack.enter_context(node)
        borders = [0, _SLOTS // 3, 2 * _SLOTS // 3, _SLOTS]
        for index, node in enumerate(self.nodes):
            self._ask(node, "CLUSTER", "ADDSLOTSRANGE", str(borders[index]), str(borders[index + 1] - 1))
            if index:
                self._ask(self.nodes[0], "CLUSTER", "MEET", node.host, str(node.port), str(self._bus_ports[index]))
        wait_until(lambda: all(map(self._is_whole, self.nodes)), "the Cluster's agreement")
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def change_password(self, password: str) -> None:
        """Give all nodes another password and close all connections."""
        for node in self.nodes:
            node.change_password(password)
            node.disconnect_clients()

    def move_slot_of(self, key: str) -> RedisServer:
        """Give a key's slot, emptied, to another node, and return that node."""
        slot, owner, taker = self._slot_and_nodes(key)
        new_owner = self._ask(taker, "CLUSTER", "MYID")
        for node in (taker, owner, *self.nodes):
            self._ask(node, "CLUSTER", "SETSLOT", slot, "NODE", new_owner)
        return taker

    def bounce_slot_of(self, key: str) -> int:
        """Make two nodes send a key's commands to each other, and return how often they have sent any away so far."""
        slot, owner, other = self._slot_and_nodes(key)
        ids = {node: self._ask(node, "CLUSTER", "MYID") for node in (owner, other)}
        self._ask(owner, "CLUSTER", "SETSLOT", slot, "NODE", ids[other])
        return self.redirections()

    def redirections(self) -> int:
        """Return how many commands the nodes have sent elsewhere."""
        total = 0
        for node in self.nodes:
            with node.client() as client:
                total += int(client.info("errorstats").get("errorstat_MOVED", {"count": 0})["count"])
        return total

    def _slot_and_nodes(self, key: str) -> tuple[str, RedisServer, RedisServer]:
        """Return a key's slot, the node that has it, and another; the first is emptied."""
        slot = int(self._ask(self.nodes[0], "CLUSTER", "KEYSLOT", key))
        index = slot * len(self.nodes) // _SLOTS
        owner, other = self.nodes[index], self.nodes[index - 1]
        with owner.client() as client:
            client.flushall()
        return str(slot), owner, other

    def _is_whole(self, node: RedisServer) -> bool:
        with node.client() as client:
            info = client.execute_command("CLUSTER INFO")
        return info["cluster_state"] == "ok" and info["cluster_known_nodes"] == "3"

    @staticmethod
    def _ask(node: RedisServer, *command: str) -> Any:
        with node.client() as client:
            return client.execute_command(*command)


def _replication_tls(tls: Certificates | None) -> list[str]:
    return ["tls-replication yes"] if tls else []
