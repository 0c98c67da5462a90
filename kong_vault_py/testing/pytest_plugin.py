"""pytest fixtures for plugin authors: a plugin server, the gateway in front of it, an echo upstream behind it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from kong_vault_py.testing.gateway import Gateway
    from kong_vault_py.testing.plugin_server import PluginServerProcess
    from kong_vault_py.testing.upstream import EchoUpstream

__all__ = ["StartGateway", "kong_gateway", "kong_upstream"]


class StartGateway:
    """What the fixture ``kong_gateway`` gives: call it to start a plugin server with a gateway in front.

    Attributes:
        upstream: the upstream of all gateways that it starts; its ``requests`` are what got through.
        servers: the plugin servers it has started, to be killed or looked into.
    """

    def __init__(self, upstream: EchoUpstream, folder: Path, stack: contextlib.ExitStack) -> None:
        self.upstream = upstream
        self.servers: list[PluginServerProcess] = []
        self._folder = folder
        self._stack = stack

    def __call__(
        self,
        plugins_directory: str | Path,
        *,
        env: Mapping[str, str] | None = None,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        dump_command: Sequence[str] | None = None,
        **options: Any,
    ) -> Gateway:
        """Start a server for a folder of plugins, and return a running gateway.

        Args:
            plugins_directory: the folder with the plugin files.
            env: the server's environment; empty by default, as Kong starts plugin servers.
            arguments: more arguments for our server: ``--settings``, ``--event-timeout``, ...
            command: another server's command; ``{socket}`` in it stands for the socket's path, ``{folder}`` and
                ``{name}`` for its folder and file name.
            dump_command: the command that prints that server's dump.
            options: of :class:`kong_vault_py.testing.Gateway`.
        """
        from kong_vault_py.testing.gateway import Gateway
        from kong_vault_py.testing.plugin_server import PluginServerProcess

        socket_path = self._folder / f"{len(self.servers)}.sock"
        places = {"socket": str(socket_path), "folder": str(self._folder), "name": socket_path.name}
        filled = [part.format_map(places) for part in command] if command else None
        server = PluginServerProcess(
            plugins_directory, socket_path, arguments=arguments, command=filled, dump_command=dump_command, env=env
        )
        self.servers.append(self._stack.enter_context(server))
        options.setdefault("upstream", self.upstream.url)
        return self._stack.enter_context(Gateway(socket_path, server.dump(), **options))


@pytest.fixture
def kong_upstream() -> Iterator[EchoUpstream]:
    """An upstream that answers with the request as JSON and remembers all requests."""
    from kong_vault_py.testing.upstream import EchoUpstream

    with EchoUpstream() as upstream:
        yield upstream


@pytest.fixture
def kong_gateway(kong_upstream: EchoUpstream) -> Iterator[StartGateway]:
    """Start plugin servers with gateways in front, by a call with a folder of plugins; all stop after the test."""
    # A folder of its own: pytest's tmp_path can be longer than the path of a unix socket may be.
    with tempfile.TemporaryDirectory(prefix="kong") as folder, contextlib.ExitStack() as stack:
        yield StartGateway(kong_upstream, Path(folder), stack)
