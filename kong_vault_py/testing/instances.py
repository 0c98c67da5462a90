"""The plugin instances that a worker knows to run in the server (``plugin_servers/plugin.lua``)."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.log import KongLog
from kong_vault_py.testing.rpc import PluginRpc

__all__ = ["Instances"]

_CLAIM_WAIT_S = 10.0


@dataclass
class _Instance:
    plugin: str
    rpc: PluginRpc
    seq: int
    id: Any = None
    ready: bool = False


class Instances:
    """Instances by plugin entity; the first request of an entity starts one, the others wait for it."""

    def __init__(self, log: KongLog) -> None:
        self._log = log
        self._running: dict[str, _Instance] = {}
        self._pids: dict[PluginRpc, int] = {}
        self._changed = threading.Condition()

    def get_id(self, plugin: str, rpc: PluginRpc, config: Mapping[str, Any]) -> tuple[Any, str | None]:
        """Return the id of the entity's instance, started now if need be; or ``None`` and an error to log.

        Raises:
            LuaError: the server refused to start the instance.
        """
        key, seq = str(config["__plugin_id"]), int(config["__seq__"])
        with self._changed:
            started = self._changed.wait_for(lambda: self._is_free(key), timeout=_CLAIM_WAIT_S)
            if not started:
                self._running.pop(key, None)
                return None, f"Could not claim instance_id for {plugin} (key: {key})"
            known = self._running.get(key)
            if known is not None and known.seq == seq:
                return known.id, None
            claimed = _Instance(plugin, rpc, seq)
            self._running[key] = claimed
        self._start(key, claimed, config)
        if known is not None:
            rpc.close_instance(known.id)
        return claimed.id, None

    def _is_free(self, key: str) -> bool:
        instance = self._running.get(key)
        return instance is None or instance.ready

    def _start(self, key: str, claimed: _Instance, config: Mapping[str, Any]) -> None:
        try:
            status, error = claimed.rpc.start_instance(config)
            if not isinstance(status, Mapping):
                self._log.write("err", f"starting instance: {error}", claimed.plugin)
                raise LuaError(error if status is None else f"StartInstance answered {status!r}")
        except BaseException:
            with self._changed:
                if self._running.get(key) is claimed:
                    del self._running[key]
                self._changed.notify_all()
            raise
        with self._changed:
            claimed.id = status.get("Id")
            claimed.ready = True
            self._changed.notify_all()

    def reset(self, plugin: str) -> None:
        """Forget every instance of a plugin: the server does not know them any more."""
        with self._changed:
            self._running = {key: one for key, one in self._running.items() if one.plugin != plugin}
            self._changed.notify_all()

    def server_pid(self, rpc: PluginRpc, pid: int) -> None:
        """Take note of a server's pid; when it differs from the last one, this server's instances are gone."""
        with self._changed:
            previous = self._pids.get(rpc)
            self._pids[rpc] = pid
            if previous is not None and previous != pid:
                self._running = {key: one for key, one in self._running.items() if one.rpc is not rpc}
                self._changed.notify_all()
