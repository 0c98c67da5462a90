"""The entities of a gateway: services, routes, plugin entities, consumers, with the fields that Kong shows of them."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

__all__ = ["WORKSPACE_ID", "Consumer", "PluginEntity", "Route", "Service", "stable_id"]


def stable_id(*parts: str) -> str:
    """Return the same UUID for the same parts, as a declarative Kong does."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join(("kong-vault-py", *parts))))


#: The id of the default workspace.
WORKSPACE_ID = stable_id("workspaces", "default")


@dataclass(eq=False)
class PluginEntity:
    """One plugin with one config, on a route or global.

    Attributes:
        name: the plugin's name, as its server dumps it.
        config: its config, as a user would give it to Kong: defaults and references are the gateway's work.
        id: the entity's UUID.
    """

    name: str
    config: Mapping[str, Any] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(eq=False)
class Consumer:
    """A consumer that ``kong.client.load_consumer`` can find."""

    username: str
    custom_id: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    def as_table(self) -> dict[str, Any]:
        """Return the entity as the PDK gives it to plugins."""
        table: dict[str, Any] = {"id": self.id, "username": self.username}
        return table | ({"custom_id": self.custom_id} if self.custom_id else {})


@dataclass(eq=False)
class Service:
    """An upstream: where a route sends its requests."""

    name: str
    url: str
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """The service's UUID."""
        return stable_id("services", self.name)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return urlsplit(self.url).scheme

    @property
    def host(self) -> str:
        """The host, without port."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """The port; the scheme's own by default."""
        return urlsplit(self.url).port or (443 if self.scheme == "https" else 80)

    @property
    def path(self) -> str:
        """The path that goes before the request's, "" for none."""
        return urlsplit(self.url).path.rstrip("/")

    def as_table(self) -> dict[str, Any]:
        """Return the entity as ``kong.router.get_service`` gives it."""
        table: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "protocol": self.scheme,
            "host": self.host,
            "port": self.port,
            "retries": 5,
            "connect_timeout": 60000,
            "read_timeout": 60000,
            "write_timeout": 60000,
            "enabled": True,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "ws_id": WORKSPACE_ID,
        }
        return table | ({"path": self.path} if self.path else {})


@dataclass(eq=False)
class Route:
    """A path prefix, the service behind it and the plugins on it.

    Attributes:
        path: requests whose path starts with it take this route; the longest match wins.
        service: where they go; ``None`` answers 503.
        plugins: the plugin entities of this route.
        name: the route's name.
        strip_path: whether the prefix is cut off before the request goes on.
    """

    path: str
    service: Service | None
    plugins: list[PluginEntity]
    name: str
    strip_path: bool = True
    created_at: int = field(default_factory=lambda: int(time.time()))

    @property
    def id(self) -> str:
        """The route's UUID."""
        return stable_id("routes", self.name)

    def as_table(self) -> dict[str, Any]:
        """Return the entity as ``kong.router.get_route`` gives it."""
        table: dict[str, Any] = {
            "id": self.id,
            "name": self.name,
            "paths": [self.path],
            "protocols": ["http", "https"],
            "strip_path": self.strip_path,
            "preserve_host": False,
            "path_handling": "v0",
            "regex_priority": 0,
            "https_redirect_status_code": 426,
            "request_buffering": True,
            "response_buffering": True,
            "created_at": self.created_at,
            "updated_at": self.created_at,
            "ws_id": WORKSPACE_ID,
        }
        return table | ({"service": {"id": self.service.id}} if self.service else {})
