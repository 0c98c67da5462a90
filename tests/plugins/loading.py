"""Loading a gateway plugin as the stock server does."""

from __future__ import annotations

import warnings
from pathlib import Path
from types import ModuleType

with warnings.catch_warnings():
    # kong_pdk calls locale.getdefaultlocale, which Python 3.11 deprecates.
    warnings.simplefilter("ignore", DeprecationWarning)
    from kong_pdk.module import Module

__all__ = ["FOLDER", "Module", "load"]

FOLDER = Path(__file__).parents[2] / "plugins"


def load(name: str) -> ModuleType:
    module: ModuleType = Module(name, path=str(FOLDER / f"{name}.py")).mod
    return module
