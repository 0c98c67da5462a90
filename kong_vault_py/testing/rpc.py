"""One plugin's RPC client in one Kong worker (``plugin_servers/rpc/mp_rpc.lua``, ``Rpc:call``)."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import msgpack

from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.log import KongLog
from kong_vault_py.testing.pool import Connection, ConnectionPool
from kong_vault_py.testing.recording import RpcRecord
from kong_vault_py.testing.wire import from_wire, pack, unpacker

__all__ = ["PluginRpc", "Reply"]

_REQUEST, _RESPONSE, _NOTIFICATION = 0, 1, 2
_CHUNK_BYTES = 4096


class Reply(NamedTuple):
    """What an RPC brought, its result as it was on the wire; a missing result without an error is silence."""

    result: Any
    error: Any = None


class PluginRpc:
    """Calls methods of a plugin server. Every plugin counts its own message ids, as in Kong.

    Args:
        plugin: the plugin's name, for the log.
        pool: the connections of the plugin's socket.
        log: where Kong's error log lines go.
        records: every RPC is appended here.
        on_pid: called with the server's pid of each ``serverPid`` notification.
    """

    def __init__(
        self,
        plugin: str,
        pool: ConnectionPool,
        log: KongLog,
        records: list[RpcRecord],
        on_pid: Callable[[PluginRpc, int], None],
    ) -> None:
        self._plugin = plugin
        self._pool = pool
        self._log = log
        self._records = records
        self._on_pid = on_pid
        self._ids = itertools.count(1)

    def call(self, method: str, argument: object) -> Reply:
        """Send one request and read until its reply.

        Raises:
            LuaError: the reply is none of ours; the connection is dropped, and the request gets a 500.
        """
        msgid = next(self._ids)
        try:
            connection = self._pool.take()
        except OSError as error:
            self._log.write("err", f"trying to connect: {error.strerror or error}", self._plugin)
            return self._record(0, msgid, method, argument, Reply(None, error.strerror or str(error)))
        try:
            connection.socket.sendall(pack([_REQUEST, msgid, method, [argument]]))
            reply = self._read(connection, msgid)
        except TimeoutError:
            # As in Kong: the reply may still come, to whoever takes this connection next.
            self._pool.give_back(connection)
            return self._record(connection.number, msgid, method, argument, Reply(None, "no data"))
        except OSError as error:
            connection.close()
            failed = Reply(None, error.strerror or str(error))
            return self._record(connection.number, msgid, method, argument, failed)
        except BaseException:
            connection.close()
            raise
        if reply is None:
            connection.close()
            return self._record(connection.number, msgid, method, argument, Reply(None, "no data"))
        self._pool.give_back(connection)
        return self._record(connection.number, msgid, method, argument, reply)

    def _read(self, connection: Connection, msgid: int) -> Reply | None:
        """Read messages until the reply; ``None`` at the end of the stream."""
        decoder = unpacker()
        while True:
            try:
                message = decoder.unpack()
            except msgpack.OutOfData:
                chunk = connection.socket.recv(_CHUNK_BYTES)
                if not chunk:
                    return None
                decoder.feed(chunk)
                continue
            except (msgpack.UnpackException, ValueError) as error:
                raise LuaError(f"garbage from the plugin server: {error}") from error
            if not isinstance(message, list):
                raise LuaError(f"the plugin server sent a {type(message).__name__} where a message was due")
            if message[:1] != [_NOTIFICATION]:
                return self._reply(message, msgid)
            self._notified(*[*message[1:], None, None][:2])

    def _reply(self, message: list[Any], msgid: int) -> Reply:
        kind, answered, error, result = [*message, None, None, None, None][:4]
        if kind != _RESPONSE:
            raise LuaError("RPC response expected from Go plugin server")
        if answered != msgid:
            raise LuaError("unexpected RPC response ID from Go plugin server")
        if error is not None:
            return Reply(None, from_wire(error))
        return Reply(result)

    def _notified(self, label: object, argument: object) -> None:
        if label != "serverPid":
            return
        try:
            pid = int(str(argument))
        except ValueError:
            return
        self._on_pid(self, pid)

    def _record(self, connection: int, msgid: int, method: str, argument: object, reply: Reply) -> Reply:
        self._records.append(RpcRecord(connection, msgid, method, argument, reply.error, reply.result))
        return reply

    def start_instance(self, config: Mapping[str, Any]) -> Reply:
        """Start an instance; its config travels as JSON text, slashes escaped as Kong's encoder does."""
        text = json.dumps(config, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/")
        return self.call("plugin.StartInstance", {"Name": self._plugin, "Config": text})

    def close_instance(self, instance_id: object) -> None:
        """Close an instance; Kong does not look at the answer."""
        self.call("plugin.CloseInstance", instance_id)
