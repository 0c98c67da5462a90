"""The manager's process for tests of its page, with users of every role, and what browsers need to sign in."""

from __future__ import annotations

import contextlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from kong_vault_py.config_store.key_file import create_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from tests.servers.polling import wait_until
from tests.servers.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Page

PASSWORD = "correct horse battery staple"
#: User name -> role in the group ``prod``; ``root`` is a superadmin.
USERS = {"vera": "viewer", "edith": "editor", "adam": "admin"}


class PageServer:
    """A running manager.

    Attributes:
        url: its base URL.
        api: an API client of the superadmin ``root``.
    """

    def __init__(self, folder: Path, url: str, api: httpx.Client) -> None:
        self.folder = folder
        self.url = url
        self.api = api
        self._clients = contextlib.ExitStack()

    def vault(self, prefix: str, name: str = "env", **fields: Any) -> str:
        """Make or replace a vault in ``prod`` and return its id."""
        made = self.api.put(f"/groups/prod/vaults/{prefix}", json={"name": name, **fields})
        assert made.status_code == 200, made.text
        return str(made.json()["id"])

    def store(self, name: str, **values: str) -> str:
        """Make a Config Store in ``prod`` with these values and return its id."""
        path = "/v2/control-planes/prod/config-stores"
        made = self.api.post(path, json={"name": name})
        assert made.status_code == 201, made.text
        store_id = str(made.json()["id"])
        for key, value in values.items():
            assert self.api.put(f"{path}/{store_id}/secrets/{key}", json={"value": value}).status_code == 200
        return store_id

    def node(self, name: str) -> httpx.Client:
        """A client of a new node of ``prod``."""
        made = self.api.post("/groups/prod/node-tokens", json={"node": name}).json()
        return self._clients.enter_context(
            httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {made['token']}"})
        )

    def report(self, name: str, **report: Any) -> None:
        """Send a node's report to ``prod``."""
        answer = self.node(name).post("/dataplane/v1/report", json=report)
        assert answer.status_code == 204, answer.text

    @contextlib.contextmanager
    def stranger(self) -> Iterator[Visitor]:
        """A client that isn't signed in and follows no redirects."""
        with httpx.Client(base_url=self.url, timeout=20) as client:
            yield Visitor(client)

    @contextlib.contextmanager
    def visitor(self, username: str) -> Iterator[Visitor]:
        """A client that signed in with the page's form."""
        with self.stranger() as made:
            assert made.sign_in(username).headers["location"] == "/ui"
            yield made

    def close(self) -> None:
        """Close all nodes' clients."""
        self._clients.close()

    def log(self) -> str:
        """What the process logged."""
        return (self.folder / "manager.log").read_text()


class Visitor:
    """A browser without a screen: gets pages, and sends their forms' CSRF token along."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.csrf_token = ""

    def sign_in(self, username: str, password: str = PASSWORD) -> httpx.Response:
        """Send the form."""
        answer = self.send("/ui/sign-in", screen="/ui/sign-in", username=username, password=password)
        self.csrf_token = ""
        return answer

    def get(self, path: str) -> httpx.Response:
        """Get a screen."""
        return self.client.get(path)

    def send(self, path: str, screen: str = "/ui/tokens", **fields: str) -> httpx.Response:
        """Send a form, with the CSRF token of a screen."""
        if not self.csrf_token:
            found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(screen).text)
            assert found, self.get(screen).text
            self.csrf_token = found[1]
        return self.client.post(path, data={"csrf_token": self.csrf_token, **fields})


@contextlib.contextmanager
def page_server(folder: Path, **settings: object) -> Iterator[PageServer]:
    """Start a manager with a group ``prod`` and one user of each role, and stop it at the end."""
    port = free_port()
    create_key_file(folder / "master.key", new_key_text())
    lines = {"listen": f"127.0.0.1:{port}", "folder": folder, "master_key": f"file:{folder}/master.key", **settings}
    conf = folder / "manager.conf"
    conf.touch(mode=0o600)
    conf.write_text("".join(f"vault_py_manager_{name} = {value}\n" for name, value in lines.items()))
    command = [sys.executable, "-m", "kong_vault_py.cli", "manager", "serve", "--settings", str(conf)]
    with (folder / "manager.log").open("wb") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, cwd=folder)
    url = f"http://127.0.0.1:{port}"
    try:
        with httpx.Client(base_url=url, timeout=20) as api:

            def answers() -> bool:
                assert process.poll() is None, (folder / "manager.log").read_text()
                with contextlib.suppress(httpx.TransportError):
                    return api.get("/health").status_code == 200
                return False

            wait_until(answers, "start of the manager")
            server = PageServer(folder, url, api)
            _populate(server)
            try:
                yield server
            finally:
                server.close()
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(15)
        finally:
            process.kill()
            process.wait()


def _populate(server: PageServer) -> None:
    api = server.api
    with httpx.Client(base_url=server.url, timeout=20) as browser:
        first = Visitor(browser)
        token = (server.folder / "bootstrap-token").read_text().strip()
        screen = "/ui/first-administrator"
        made = first.send(screen, screen=screen, token=token, username="root", password=PASSWORD)
        assert made.status_code == 303, made.text
        login = browser.post("/auth/login", json={"username": "root", "password": PASSWORD}).json()
        headers = {"X-CSRF-Token": login["csrf_token"]}
        made = browser.post("/auth/tokens", json={"name": "test"}, headers=headers)
        api.headers["Authorization"] = f"Bearer {made.json()['token']}"
    for group in ("prod", "other"):
        assert api.post("/groups", json={"name": group}).status_code == 201
    for username, role in USERS.items():
        assert api.post("/users", json={"username": username, "password": PASSWORD}).status_code == 201
        assert api.put(f"/groups/prod/roles/{username}", json={"role": role}).status_code == 200


def sign_in(page: Page, username: str, password: str = PASSWORD) -> None:
    """Sign in with a real browser."""
    page.goto("/ui/sign-in")
    page.get_by_label("User name").fill(username)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
