"""Secrets in files, the process's vault over them, and the whole path of a request."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.plugin import install_vault
from kong_vault_py.testing import Consumer
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.plugins.lab import Lab


class SecretFolder:
    """A folder that the fs vault reads: ``folder.write("redis", "...")`` is ``{vault://fs/redis}``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir()

    def write(self, name: str, text: str) -> None:
        draft = self.path / f".{name}.draft"
        draft.write_text(text)
        draft.replace(self.path / name)

    def remove(self, name: str) -> None:
        (self.path / name).unlink()


@pytest.fixture
def secrets(tmp_path: Path) -> SecretFolder:
    return SecretFolder(tmp_path / "secrets")


@pytest.fixture
def installed_vault(secrets: SecretFolder) -> Iterator[Vault]:
    """The process's vault, without background refreshes: only ``try_`` brings a new value."""
    settings = Settings.load(environ={"KONG_VAULT_FS_PREFIX": str(secrets.path)})
    vault = Vault(settings, background=False)
    install_vault(vault)
    yield vault
    install_vault(None)
    vault.close()


@pytest.fixture
def lab(secrets: SecretFolder) -> Iterator[Callable[..., Lab]]:
    """Starts client, gateway, plugin server and upstream: ``lab(answer=...)``. References name the fs vault."""
    with contextlib.ExitStack() as stack:

        def start(
            answer: Callable[[UpstreamRequest], Answer] | None = None,
            *,
            stock: bool = False,
            consumers: Iterable[Consumer] = (),
        ) -> Lab:
            # pytest's own folders have paths too long for a unix socket.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kvp-")))
            env = {"KONG_VAULT_FS_PREFIX": str(secrets.path)}
            return stack.enter_context(Lab(folder, env, answer, stock=stock, consumers=consumers))

        yield start
