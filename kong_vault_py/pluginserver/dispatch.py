"""Kong's methods, by an explicit table: everything else is answered with an error, and only once."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kong_pdk.exception import PluginServerException

from kong_vault_py.pluginserver.dump import describe
from kong_vault_py.pluginserver.instances import as_id
from kong_vault_py.pluginserver.protocol import MAX_MSGID, error_frame, pack, result_frame
from kong_vault_py.pluginserver.shortcuts import Shortcuts

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.instances import Instances
    from kong_vault_py.pluginserver.plugins import Catalog
    from kong_vault_py.pluginserver.runner import Phase
    from kong_vault_py.pluginserver.sharing import Sharing

__all__ = ["Dispatcher"]

log = logging.getLogger(__name__)

#: Kong names the type of a PDK result in the method; in Python one serves all.
_STEPS = ("Step", "StepMultiMap", "StepCredential", "StepConsumer", "StepRoute", "StepService", "StepMemoryStats")


_Methods = dict[str, Callable[["Connection", int, Any], None]]


class Dispatcher:
    """Takes decoded frames and sees to it that each request is answered, now or by its event."""

    def __init__(self, catalog: Catalog, instances: Instances, events: Events) -> None:
        self._catalog = catalog
        self._instances = instances
        self._phases = instances.phases
        self._events = events
        self._shortcuts = Shortcuts(self.find_phase, events)
        instances.changed = self._shortcuts.forget
        #: See :meth:`Shortcuts.take`.
        self.take = self._shortcuts.take
        #: With the other workers, if there are any.
        self.sharing: Sharing | None = None
        self._methods: _Methods = {
            "plugin.HandleEvent": self._handle_event,
            "plugin.StepError": events.step_error,
            "plugin.StartInstance": instances.start,
            "plugin.CloseInstance": self._close_instance,
            "plugin.GetPluginInfo": self._get_plugin_info,
            "plugin.GetStatus": self._get_status,
            **{f"plugin.{step}": events.step for step in _STEPS},
        }

    def dispatch(self, connection: Connection, frame: Any, methods: _Methods | None = None) -> None:
        """Handle one frame of a connection, by Kong's methods or by those given."""
        try:
            kind, msgid, method, arguments = frame
        except (TypeError, ValueError):
            return connection.close("a frame that is no request of four elements")
        if kind != 0 or type(msgid) is not int or not 0 <= msgid <= MAX_MSGID:
            return connection.close("a frame that is no request [0, id, method, arguments]")
        try:
            handler = (methods or self._methods)[method]
        except (KeyError, TypeError):
            log.warning("unknown method %.60r", method)
            connection.write(error_frame(msgid, f"unknown method {str(method)[:60]!r}"))
            return None
        try:
            handler(connection, msgid, arguments[0] if arguments else None)
        except PluginServerException as error:
            connection.write(error_frame(msgid, str(error)))
        except Exception as error:  # the argument's shape; phases never raise up to here
            log.warning("%s: malformed argument: %s %.200s", method, type(error).__name__, error)
            connection.write(error_frame(msgid, f"{method}: malformed argument"))
        return None

    def _handle_event(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        phase = self.find_phase(argument)
        if phase is not None:
            self._events.handle(connection, msgid, phase)
        elif (number := as_id(argument["InstanceId"])) in self._phases:
            raise PluginServerException(f"the plugin has no phase {str(argument['EventName'])[:40]!r}")
        elif self.sharing is None:
            raise self._instances.unknown(number)
        else:
            self.sharing.find_instance(number, lambda: self._handle_found(connection, msgid, argument))

    def _handle_found(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        """Run an event of an instance that was looked for at the other workers."""
        phase = self.find_phase(argument)
        if phase is None:
            connection.write(error_frame(msgid, str(self._instances.unknown(argument["InstanceId"]))))
        else:
            self._events.handle(connection, msgid, phase)

    def find_phase(self, argument: dict[str, Any]) -> Phase | None:
        """Return the phase that a HandleEvent's argument names, ``None`` if there is no such one here."""
        return self._phases.get(as_id(argument["InstanceId"]), {}).get(argument["EventName"])

    def _close_instance(self, connection: Connection, msgid: int, instance_id: Any) -> None:
        number = as_id(instance_id)

        def answer(told: Any) -> None:
            unknown = str(self._instances.unknown(number))
            connection.write(error_frame(msgid, unknown) if told is None else result_frame(msgid, pack(told)))

        told = self._instances.close(number)
        if self.sharing is None:
            answer(told)
        else:
            self.sharing.close_instance(number, told, answer)

    def _get_plugin_info(self, connection: Connection, msgid: int, name: Any) -> None:
        plugin = self._catalog.plugins.get(name)
        if plugin is None:
            raise PluginServerException(self._catalog.broken.get(name) or f"no plugin {str(name)[:100]!r}")
        connection.write(result_frame(msgid, pack(describe(plugin))))

    def _get_status(self, connection: Connection, msgid: int, _argument: Any) -> None:
        """Answer without the instances' configs: they hold secrets."""
        # Several workers: this one's. The status socket tells of all.
        status = {"Pid": os.getpid(), "Plugins": self._instances.status(), "Events": self._events.in_flight}
        connection.write(result_frame(msgid, pack(status)))
