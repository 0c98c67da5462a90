"""The test gateway: routes, plugins and a listening port in front of a plugin server's socket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kong_vault_py.testing.activity import Activity
from kong_vault_py.testing.bridge import Bridge
from kong_vault_py.testing.configuration import Configuration, LoadedPlugin
from kong_vault_py.testing.context import NodeState, RequestContext
from kong_vault_py.testing.entities import Consumer, PluginEntity, Route, Service
from kong_vault_py.testing.http_server import HttpServer
from kong_vault_py.testing.instances import Instances
from kong_vault_py.testing.log import KongLog, LogLine
from kong_vault_py.testing.pipeline import Pipeline
from kong_vault_py.testing.pool import ConnectionPool
from kong_vault_py.testing.recording import PdkCall, RpcRecord
from kong_vault_py.testing.rpc import PluginRpc

__all__ = ["Gateway"]

#: A dump as a plugin server prints it: a list of plugins, or an object with ``Plugins``.
Dump = Sequence[Mapping[str, Any]] | Mapping[str, Any]


class Gateway:
    """One Kong worker with one listening port, in this process.

    Use it as a context manager, or call :meth:`start` and :meth:`stop`. Plugins and routes may be added and changed
    while it runs.

    Args:
        socket_path: the plugin server's unix socket; it need not exist yet.
        dump: what the server's dump command printed, parsed.
        upstream: the URL of the upstream of routes that name none.
        vault: what Kong's own vaults would resolve: reference to value, or a function that returns a value or
            ``None``. Change the mapping to rotate a secret.
        port: the port to listen on, 0 for any free one.
        rpc_timeout_s: how long an RPC may take before Kong gives up on it, in seconds.
        rotate_connections: send every RPC of an event over another connection than the one before.
        kong_version: the version in ``Via`` and ``Server``.
        trusted_ips: addresses and networks whose ``X-Forwarded-*`` headers are believed.
        consumers: what ``kong.client.load_consumer`` finds.
        upstreams: what ``kong.service.set_upstream`` finds: name to URL.
    """

    def __init__(
        self,
        socket_path: str | Path,
        dump: Dump,
        *,
        upstream: str | None = None,
        vault: Mapping[str, str] | Callable[[str], str | None] | None = None,
        port: int = 0,
        rpc_timeout_s: float = 60.0,
        rotate_connections: bool = False,
        kong_version: str = "3.9.3",
        trusted_ips: Iterable[str] = (),
        consumers: Iterable[Consumer] = (),
        upstreams: Mapping[str, str] | None = None,
    ) -> None:
        self.calls: list[PdkCall] = []
        self.rpcs: list[RpcRecord] = []
        self._log = KongLog()
        resolve = vault if callable(vault) else (vault or {}).get
        self._node = NodeState(self._log, resolve, kong_version, tuple(trusted_ips), list(consumers), upstreams or {})
        self._upstream = upstream
        self._rpc_timeout_s = rpc_timeout_s
        self._rotate_connections = rotate_connections
        self._instances = Instances(self._log)
        self._pools: list[ConnectionPool] = []
        self._configuration = Configuration(resolve)
        self._pipeline = Pipeline(self._configuration)
        self._activity = Activity()
        self.add_server(socket_path, dump)
        self._http = HttpServer(self._node, self._run, port)

    def add_server(self, socket_path: str | Path, dump: Dump) -> None:
        """Add the plugins of another plugin server."""
        pool = ConnectionPool(socket_path, timeout_s=self._rpc_timeout_s, rotate=self._rotate_connections)
        self._pools.append(pool)
        for info in dump["Plugins"] if isinstance(dump, Mapping) else dump:
            name = str(info["Name"])
            rpc = PluginRpc(name, pool, self._log, self.rpcs, self._instances.server_pid)
            bridge = Bridge(name, rpc, self._instances, self._log, self.calls)
            self._configuration.load(LoadedPlugin.from_dump(info, bridge))

    def add_route(
        self,
        path: str,
        plugins: Iterable[PluginEntity] = (),
        *,
        upstream: str | None = None,
        name: str | None = None,
        strip_path: bool = True,
    ) -> Route:
        """Add a route for every path that begins with ``path``.

        As in Kong, the rewrite phase of a route's plugins does not run; that of global plugins does.

        Raises:
            ConfigError: a plugin is unknown, or its schema refuses its config.
        """
        name = name or path.strip("/").replace("/", "-") or "root"
        url = upstream or self._upstream
        route = Route(path, Service(name, url) if url else None, list(plugins), name, strip_path)
        self._configuration.add_route(route)
        return route

    def add_plugin(self, name: str, config: Mapping[str, Any] | None = None) -> PluginEntity:
        """Add a global plugin entity: it runs for every request, in all of its phases.

        Raises:
            ConfigError: the plugin is unknown, or its schema refuses the config.
        """
        entity = PluginEntity(name, config or {})
        self._configuration.add_plugin(entity)
        return entity

    def remove_plugin(self, entity: PluginEntity) -> None:
        """Remove a plugin entity from its route, or from the global ones."""
        self._configuration.remove_plugin(entity)

    def update_config(self, entity: PluginEntity, config: Mapping[str, Any]) -> None:
        """Replace an entity's config, as a reload does: every entity's next request starts a new instance.

        Raises:
            ConfigError: the plugin's schema refuses the config; the old one stays.
        """
        self._configuration.update_config(entity, config)

    def start(self) -> None:
        """Start to listen."""
        self._http.start()

    def stop(self) -> None:
        """Stop listening and close the connections to plugin servers."""
        self._http.stop()
        for pool in self._pools:
            pool.close()

    def __enter__(self) -> Gateway:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the proxy port, without a slash at its end."""
        return f"http://127.0.0.1:{self._http.port}"

    @property
    def logs(self) -> list[LogLine]:
        """The lines of Kong's error log so far, plugins' own included, whatever their level."""
        return self._log.lines()

    def clear(self) -> None:
        """Forget logs, calls and RPCs so far."""
        self._log.clear()
        self.calls.clear()
        self.rpcs.clear()

    def drain(self, timeout_s: float = 10.0) -> None:
        """Wait until no request runs and every log phase is over.

        Raises:
            TimeoutError: something still runs after ``timeout_s`` seconds.
        """
        self._activity.wait_for_end(timeout_s)

    def _run(self, context: RequestContext) -> Callable[[], None]:
        self._activity.request_began()
        try:
            due = self._pipeline.run(context)
        except BaseException:
            self._activity.request_ended()
            raise
        return lambda: self._activity.request_ended(self._pipeline.log(due, context))
