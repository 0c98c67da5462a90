"""One event: HandleEvent, the PDK calls that the plugin makes, the Steps with their results, until ``ret``.

Follows ``bridge_loop``, ``get_step_method`` and ``handle_event`` of ``plugin_servers/rpc/mp_rpc.lua``. Kong 3.9.3 and
3.10 both drop a PDK function's second result before it could become a ``StepError``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.instances import Instances
from kong_vault_py.testing.log import KongLog
from kong_vault_py.testing.pdk import NOT_SIMULATED, PDK
from kong_vault_py.testing.recording import PdkCall
from kong_vault_py.testing.rpc import PluginRpc
from kong_vault_py.testing.wire import from_wire, lua_arguments, to_wire

__all__ = ["Bridge"]

_STEP_METHODS = {
    "kong.client.get_credential": "plugin.StepCredential",
    "kong.client.authenticate": "plugin.StepCredential",
    "kong.client.load_consumer": "plugin.StepConsumer",
    "kong.client.get_consumer": "plugin.StepConsumer",
    "kong.node.get_memory_stats": "plugin.StepMemoryStats",
    "kong.router.get_route": "plugin.StepRoute",
    "kong.router.get_service": "plugin.StepService",
    "kong.request.get_query": "plugin.StepMultiMap",
    "kong.request.get_headers": "plugin.StepMultiMap",
    "kong.response.get_headers": "plugin.StepMultiMap",
    "kong.service.response.get_headers": "plugin.StepMultiMap",
}
_MULTI_MAP = "plugin.StepMultiMap"

# Kong would go on for ever with a server that starts instances and then does not know them.
_MAX_RESTARTS = 10


class Bridge:
    """Brings the events of one plugin to its server.

    Args:
        plugin: the plugin's name.
        rpc: its client.
        instances: the worker's instances.
        log: Kong's error log.
        calls: every PDK call is appended here.
    """

    def __init__(self, plugin: str, rpc: PluginRpc, instances: Instances, log: KongLog, calls: list[PdkCall]) -> None:
        self._plugin = plugin
        self._rpc = rpc
        self._instances = instances
        self._log = log
        self._calls = calls

    def handle_event(self, config: Mapping[str, Any], context: RequestContext) -> None:
        """Run the plugin's handler of the request's current phase.

        An error text from the server is logged and the request goes on, as in Kong (fail-open).

        Raises:
            ResponseExit: the plugin ended the request.
            LuaError: the request gets a 500.
        """
        for _ in range(_MAX_RESTARTS):
            instance_id, error = self._instances.get_id(self._plugin, self._rpc, config)
            if error is None:
                error = self._run(instance_id, context)
            if error is None or error is False:
                return
            if not isinstance(error, str):
                raise LuaError(f"attempt to call method 'lower' on the error {error!r}")
            if "no plugin instance" not in error.lower():
                self._log.write("err", error, self._plugin)
                return
            self._instances.reset(self._plugin)
            self._log.write("warn", error, self._plugin)
        raise LuaError(f"{self._plugin}: no plugin instance, {_MAX_RESTARTS} times in a row (Kong would never stop)")

    def _run(self, instance_id: Any, context: RequestContext) -> Any:
        """Return the error with which the event ended, ``None`` without one."""
        event = {"InstanceId": instance_id, "EventName": context.phase}
        step, error = self._rpc.call("plugin.HandleEvent", event)
        event_id = step.get("EventId") if isinstance(step, Mapping) else None
        while step is not None and step is not False:
            data = step.get("Data") if isinstance(step, Mapping) else None
            if data in ("ret", b"ret"):
                return None
            method = from_wire(data.get("Method")) if isinstance(data, Mapping) else None
            if not isinstance(data, Mapping) or not isinstance(method, str):
                raise LuaError(f"the plugin server answered {step!r}: no call and no 'ret' in its Data")
            result = self._call(method, data.get("Args"), context)
            message = {"EventId": event_id} if result is None else {"EventId": event_id, "Data": result}
            step, error = self._rpc.call(_STEP_METHODS.get(method, "plugin.Step"), message)
        return error

    def _call(self, method: str, raw_arguments: Any, context: RequestContext) -> Any:
        """Call a PDK function and return its result in the shape of the wire, ``None`` for no data."""
        arguments = lua_arguments(raw_arguments)
        self._calls.append(PdkCall(self._plugin, context.phase, method, tuple(arguments)))
        function = PDK.get(method)
        if function is None:
            if method.startswith(NOT_SIMULATED):
                raise LuaError(f"{method} is not simulated by kong_vault_py.testing (docs/testing-plugins.md)")
            self._log.write("err", f"could not find pdk method: {method}", self._plugin)
            return None
        result = function(method, context, arguments)
        return _multi_map(result) if _STEP_METHODS.get(method) == _MULTI_MAP else to_wire(result)


def _multi_map(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers or query arguments as name and list of values; a bare name has none (``fix_mmap``)."""
    return {name: _values(value) for name, value in table.items()}


def _values(value: Any) -> list[Any]:
    if value is True:
        return []
    # A bare name beside others, ?a=1&a, keeps its true: Kong mends only single values.
    return value if isinstance(value, list) else [value]
