"""The env vault: secrets in this process's environment variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import ClassVar

from kong_vault_py.errors import SecretNotFoundError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy

__all__ = ["EnvConfig", "EnvStrategy", "variable_name"]

_UPPER_ASCII = {code: code - 32 for code in range(ord("a"), ord("z") + 1)}
_PREVIOUS_VERSION = 2


@dataclass(frozen=True)
class EnvConfig(StrategyConfig):
    """Options of the env vault."""

    prefix: str | None = option(
        None,
        override=True,
        match="^[%a_-][%a%d_-]*$",
        help="Put before the resource to make the variable's name, so that only such variables can be read.",
    )


class EnvStrategy(Strategy[EnvConfig]):
    """Reads environment variables, live: Kong takes a snapshot of its own at start."""

    name: ClassVar[str] = "env"
    config_class: ClassVar[type[StrategyConfig]] = EnvConfig

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:  # noqa: ARG002  # nothing to wait for
        """Return the variable's value. Needs no time, so ``timeout_s`` is of no consequence.

        Raises:
            SecretNotFoundError: the variable is not set.
        """
        variable = variable_name(self.config.prefix, resource, version)
        try:
            value = os.environb.get(variable.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError:
            value = None
        if value is None:
            raise SecretNotFoundError(
                f"environment variable {variable!r} is not set in this process (a server that Kong starts has an "
                "empty environment)"
            )
        return Fetched(value.decode("utf-8", "surrogateescape"))

    def check(self, *, timeout_s: float) -> Health:  # noqa: ARG002  # as above
        """Return OK: an environment is always there."""
        return Health(HealthStatus.OK)


def variable_name(prefix: str | None, resource: str, version: float | None) -> str:
    """Return the name of the variable that holds a resource, as ``kong/vaults/env/init.lua`` (``get``) builds it.

    Version 2 is the variable with ``_PREVIOUS``; every other version is the variable itself.
    """
    name = ((prefix or "") + resource).replace("-", "_").translate(_UPPER_ASCII)
    return f"{name}_PREVIOUS" if version == _PREVIOUS_VERSION else name
