"""A vault for the agent's process: a folder, which counts what it is asked. Dot files make it misbehave."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kong_vault_py.errors import PermissionDeniedError, SecretNotFoundError, UnavailableError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy


@dataclass(frozen=True)
class ShelfConfig(StrategyConfig):
    folder: str = option("", help="Where it is.")
    token: Any = option(None, secret=True, help="Who we are to it.")
    prefix: str = option("", override=True, help="Put before the resource.")


class ShelfStrategy(Strategy[ShelfConfig]):
    name = "shelf"
    config_class = ShelfConfig

    def fetch(self, resource, version, *, timeout_s):
        folder, name = Path(self.config.folder), self.config.prefix + resource
        with (folder / ".calls").open("a") as calls:
            calls.write(f"{name}\n")
        if (folder / ".slow").exists():
            time.sleep(float((folder / ".slow").read_text()))
        if (folder / ".down").exists():
            raise UnavailableError("the shelf is closed")
        if (folder / ".bug").exists():
            raise RuntimeError((folder / ".bug").read_text())
        if name == "denied":
            raise PermissionDeniedError("the shelf keeps 'denied' to itself")
        if "/" in name or not (folder / name).exists():
            raise SecretNotFoundError(f"nothing called {name!r} on the shelf")
        return Fetched((folder / name).read_bytes())

    def check(self, *, timeout_s):
        return Health(HealthStatus.OK)
