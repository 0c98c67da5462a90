"""What a plugin author imports: three lines make a plugin's config follow its vault.

::

    from kong_vault_py.plugin import bind, pdk

    class Plugin:
        def __init__(self, config):
            self.config = bind(config)                      # scanned once, nothing fetched

        def access(self, kong):
            token = self.config.current()["token"]          # a Secret, always the current one
            pdk(kong).service.request.set_header("authorization", token.reveal())

It works in our plugin server, which brings the process's vault along, and in the stock kong-python-pluginserver, where
the vault takes its settings from the environment at the first use.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from types import FrameType

    from kong_vault_py.vault import Vault

__all__ = ["PLUGIN_MODULE", "BoundConfig", "bind", "install_vault", "pdk", "vault"]

R = TypeVar("R")

#: Our server imports a plugin's file under this and the plugin's name.
PLUGIN_MODULE = "kong_plugin_"
_vault: Vault | None = None
_lock = threading.Lock()


def vault() -> Vault:
    """Return the process's vault; made from the environment where no server installed one.

    Raises:
        ConfigError: the settings are wrong.
    """
    global _vault
    if _vault is None:
        with _lock:
            if _vault is None:
                from kong_vault_py.vault import Vault

                _vault = Vault()
    return _vault


def install_vault(made: Vault | None) -> None:
    """Make ``made`` the process's vault; ``None`` takes the present one out, without closing it."""
    global _vault
    with _lock:
        _vault = made


class BoundConfig:
    """A plugin instance's config, bound to the process's vault."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        from kong_vault_py.plan import Plan

        self._plan = Plan.of(config, _calling_plugin())

    @property
    def references(self) -> tuple[str, ...]:
        """The references in the config, each once."""
        return self._plan.references

    def current(self) -> dict[str, Any]:
        """Return the config with a :class:`~kong_vault_py.Secret` in each place that holds references.

        It is the same object while no value changed: what is built from it can be kept by its identity.

        Raises:
            VaultError: a reference can't be resolved. Let it out of the phase and the request ends with 503.
        """
        plan = self._plan
        return vault().update(plan) if plan.slots else plan.resolved  # type: ignore[no-any-return]

    def try_(
        self,
        callback: Callable[[dict[str, Any]], R],
        *,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> R:
        """Call ``callback(config)``; if it raises ``retry_on``, refresh the references and call it once more.

        Raises:
            VaultError: a reference can't be resolved.
            Exception: what the last call raised.
        """
        return vault().try_(callback, self._plan, retry_on=retry_on)


def bind(config: Mapping[str, Any]) -> BoundConfig:
    """Scan a plugin's config for references, once. Nothing is fetched before the first use."""
    return BoundConfig(config)


def pdk(kong: Any) -> Any:
    """Return a PDK whose calls return plain data in any server.

    Our server's is returned as it is. The stock server's default style gives ``(data, error)`` pairs; they are
    unwrapped, and an error raises.
    """
    return kong if getattr(type(kong), "__kong_vault_py__", False) else _PlainPdk(kong)


def _calling_plugin() -> str | None:
    """Return the plugin on whose behalf this is called, for the audit and the manager's policies."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__")
        if isinstance(module, str) and module.startswith(PLUGIN_MODULE):
            return module[len(PLUGIN_MODULE) :]
        frame = frame.f_back
    return None


class _PlainPdk:
    """The stock server's PDK, or a part of its tree, with pairs unwrapped."""

    __slots__ = ("_node",)

    def __init__(self, node: Any) -> None:
        self._node = node

    def __getattr__(self, name: str) -> _PlainPdk:
        return _PlainPdk(getattr(self._node, name))

    def __call__(self, *arguments: Any) -> Any:
        answer = self._node(*arguments)
        if not (isinstance(answer, tuple) and len(answer) == 2):
            return answer
        data, error = answer
        if error is not None:
            raise RuntimeError(f"the PDK answers: {error}")
        return data
