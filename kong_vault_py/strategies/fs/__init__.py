"""The fs vault: one file per secret below one directory."""

from __future__ import annotations

from kong_vault_py.strategies.fs.strategy import FsConfig, FsStrategy

__all__ = ["FsConfig", "FsStrategy"]
