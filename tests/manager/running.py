"""A manager for tests: the real application on a real loopback port, in a thread of the test's process."""

from __future__ import annotations

import contextlib
import itertools
import ssl
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from argon2 import PasswordHasher

from kong_vault_py.config_store.key_file import create_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.manager.app import create_app
from kong_vault_py.manager.page import page_routers
from kong_vault_py.manager.serve import listen
from kong_vault_py.manager.service import Manager
from kong_vault_py.manager.settings import ManagerSettings
from kong_vault_py.secret import Secret
from tests.servers.polling import wait_until

#: argon2 at its cheapest: what it costs is tested nowhere.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
# One for all clients, which speak plain HTTP: httpx would read all authorities for each.
_NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"


#: For tests with the fixture ``api`` of which the database has no part.
ON_SQLITE = pytest.mark.parametrize("api", ["sqlite"], indirect=True)
#: The same for tests with a manager or a database of their own.
OWN_ON_SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


class Clock:
    """Unix seconds that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000

    def __call__(self) -> int:
        return self.seconds


def manager_settings(folder: Path, database: str | None = None, **more: Any) -> ManagerSettings:
    """Settings of a manager in a folder; makes a master key there if there is none."""
    key = folder / "master.key"
    if not key.exists():
        create_key_file(key, new_key_text())
    url = Secret(database) if database else None
    return ManagerSettings(folder=str(folder), master_key=f"file:{key}", database=url, **more)


def open_manager(folder: Path, database: str | None = None, now: Any = None, **more: Any) -> Manager:
    """A manager on a database of its own."""
    return Manager.open(manager_settings(folder, database, **more), hasher=CHEAP, now=now)


class Api:
    """The HTTP API of one running manager.

    Attributes:
        url: its base URL.
        root: a client with the API token of a superadmin.
    """

    def __init__(self, manager: Manager, url: str) -> None:
        self.manager = manager
        self.url = url
        self._clients = contextlib.ExitStack()
        self.root = self.client()

    def client(self, token: str | None = None, **options: Any) -> httpx.Client:
        """A client, with this bearer token."""
        made = self._clients.enter_context(httpx.Client(base_url=self.url, timeout=30, verify=_NO_TLS, **options))
        if token is not None:
            made.headers["Authorization"] = f"Bearer {token}"
        return made

    def sign_in_root(self) -> None:
        """Make the first administrator with the bootstrap token, and give ``root`` a token of theirs."""
        path = self.manager.bootstrap.prepare()
        assert path is not None
        token = path.read_text().strip()
        body = {"token": token, "username": "root", "password": PASSWORD}
        assert self.root.post("/auth/bootstrap", json=body).status_code == 201
        self.root.headers["Authorization"] = f"Bearer {self.token_of('root')}"

    def user(self, roles: Mapping[str, str] | None = None) -> httpx.Client:
        """A client of a new user with these roles by group name."""
        username = f"user-{next(_numbers)}"
        body = {"username": username, "password": PASSWORD}
        assert self.root.post("/users", json=body).status_code == 201
        for group, role in (roles or {}).items():
            assert self.root.put(f"/groups/{group}/roles/{username}", json={"role": role}).status_code == 200
        return self.client(self.token_of(username))

    def token_of(self, username: str) -> str:
        """A new API token of a user."""
        principal = self.manager.signing_in.login(username, PASSWORD, "here").principal
        return str(self.manager.api_tokens.create(principal, {"name": "test"})["token"])

    def group(self) -> str:
        """The name of a new group."""
        made = self.root.post("/groups", json={"name": f"group-{next(_numbers)}"})
        assert made.status_code == 201, made.text
        return str(made.json()["name"])

    def node(self, group: str, node: str = "gw-1") -> httpx.Client:
        """A client of a new node."""
        made = self.root.post(f"/groups/{group}/node-tokens", json={"node": node})
        assert made.status_code == 201, made.text
        return self.client(made.json()["token"])

    def close(self) -> None:
        """Close all clients."""
        self._clients.close()


@contextlib.contextmanager
def running(manager: Manager) -> Iterator[Api]:
    """Serve a manager until the block ends."""
    config = uvicorn.Config(
        create_app(manager, page_routers()), log_config=None, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with listen("127.0.0.1", 0) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        api = Api(manager, url)
        try:
            wait_until(lambda: server.started, "start of the manager")
            yield api
        finally:
            api.close()
            config.loaded_app  # noqa: B018  # the application outlives its last client
            server.should_exit = True
            thread.join(10)
