"""Settings that nobody reads: in a secrets file a typing error is a vault that doesn't work."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping

from kong_vault_py.errors import VaultError
from kong_vault_py.options import options_of
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy, strategy_names

__all__ = ["configured", "unread_keys"]

_OURS = "vault_py_"
_MANAGERS = "vault_py_manager_"


def configured(values: Mapping[str, str], names: Iterable[str]) -> list[str]:
    """Return the strategies, out of ``names``, that settings configure."""
    return [name for name in names if any(key.startswith(_prefix(name)) for key in values)]


def unread_keys(values: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Find keys of settings that nobody reads, each with what it should perhaps be.

    Args:
        values: settings by their names in kong.conf.
    """
    ours = {key for key in values if key.startswith("vault_")}
    known = _known(ours, BUILT_IN, values) if ours else set()
    if ours <= known:
        return
    names = strategy_names()  # looks through all installed packages, so only where it matters
    known |= _known(ours - known, names, values)
    for key in sorted(ours - known):
        near = difflib.get_close_matches(key, known, n=1, cutoff=0.85)
        yield key, f"did you mean {near[0]}?" if near else f"strategies are {', '.join(names)}; see docs/settings.md"


def _known(keys: set[str], names: Iterable[str], values: Mapping[str, str]) -> set[str]:
    """Return what may be set; all keys of a strategy that can't be loaded are taken for right."""
    known = {f"{_OURS}{found.name}" for found in options_of(RuntimeSettings)}
    if any(key.startswith(_MANAGERS) for key in keys):
        from kong_vault_py.manager.settings import ManagerSettings

        known |= {f"{_MANAGERS}{found.name}" for found in options_of(ManagerSettings)}
    for name in configured(values, names):
        prefix = _prefix(name)
        try:
            options = list(options_of(load_strategy(name).config_class))
        except VaultError:
            known |= {key for key in keys if key.startswith(prefix)}
        else:
            known |= {f"{prefix}{spelling}".lower() for found in options for spelling in (found.name, *found.aliases)}
    return known


def _prefix(name: str) -> str:
    return f"vault_{name}_".replace("-", "_")
