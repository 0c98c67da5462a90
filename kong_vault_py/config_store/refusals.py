"""Why a sealed value can't be opened."""

from __future__ import annotations

from kong_vault_py.errors import ConfigError

__all__ = ["BrokenSealError", "WrongMasterKeyError"]


class WrongMasterKeyError(ConfigError):
    """A value was sealed with a master key that isn't at hand, or can't be opened with the one that it names."""


class BrokenSealError(WrongMasterKeyError):
    """The master key is the right one, but what it sealed was altered, cut short, or moved from another name."""
