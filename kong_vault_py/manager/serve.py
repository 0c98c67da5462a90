"""The manager as a process: listens, logs without secrets, and ends when it is told to."""

from __future__ import annotations

import asyncio
import gc
import logging
import socket
import sys
from types import FrameType

import uvicorn

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.app import create_app
from kong_vault_py.manager.page import page_routers
from kong_vault_py.manager.service import Manager
from kong_vault_py.secret import MaskingFilter

__all__ = ["listen", "serve"]

log = logging.getLogger(__name__)

_GRACE_S = 5
_FAREWELL_S = 0.2
_BACKLOG = 512


class _Server(uvicorn.Server):
    """uvicorn, but a signal sends waiting nodes home at once, and nobody is waited for who has nothing to wait for."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        app = self.config.app
        app.state.watch.stop()  # type: ignore[union-attr]  # create_app's
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Answer what is asked, then end."""
        hurrying = asyncio.ensure_future(self._hurry())
        try:
            await super().shutdown(sockets)
        finally:
            hurrying.cancel()

    async def _hurry(self) -> None:
        """Drop closed TLS connections: an idle client is in no hurry to say its part of the farewell."""
        while True:
            await asyncio.sleep(_FAREWELL_S)
            for connection in list(self.server_state.connections):
                transport = connection.transport
                if transport.is_closing() and not transport.get_write_buffer_size():
                    transport.abort()


def serve(manager: Manager, log_level: str = "info") -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigError: the address or the certificate can't be used.
    """
    _set_up_logging(log_level)
    settings = manager.settings
    with listen(*settings.address) as listener:
        path = manager.bootstrap.prepare()
        if path is not None:
            log.warning("no users yet: the one-time token for the first administrator is in %s", path)
        config = uvicorn.Config(
            create_app(manager, page_routers()),
            ssl_certfile=settings.tls_cert,
            ssl_keyfile=settings.tls_key,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_graceful_shutdown=_GRACE_S,
        )
        try:
            config.load()
        except OSError as error:
            raise ConfigError(f"manager: can't use tls_cert and tls_key: {error.strerror or error}") from error
        host, port = listener.getsockname()[:2]
        log.info("manager listens on %s://%s:%d", "https" if settings.tls else "http", host, port)
        # What is there now stays: collections needn't look at it again, which took a tenth of a second each.
        gc.collect()
        gc.freeze()
        _Server(config).run(sockets=[listener])


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket.

    Raises:
        ConfigError: the address can't be had.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        # With its protocol said: asyncio turns Nagle's algorithm off for such sockets only, 40 ms per answer.
        made = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    except OSError as error:
        raise ConfigError(f"manager: can't listen on {host}:{port}: {error.strerror or error}") from error
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(address)
        made.listen(_BACKLOG)
    except OSError as error:
        made.close()
        raise ConfigError(f"manager: can't listen on {host}:{port}: {error.strerror or error}") from error
    return made


def _set_up_logging(level: str) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
