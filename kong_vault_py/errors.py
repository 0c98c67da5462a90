"""Every error that kong-vault-py raises, in one tree.

::

    VaultError
    ├── InvalidReferenceError        the text is no reference, or a malformed one; never cached
    ├── ConfigError                  settings, a vault entity or an override is wrong; never cached
    │   ├── UnknownStrategyError
    │   ├── UnknownPrefixError
    │   └── MissingDependencyError
    ├── SecretNotFoundError          the vault answered: there is no such secret; cached for neg_ttl
    │   └── KeyNotFoundError         the secret exists, the key in it does not
    └── StrategyError                the vault could not be asked; the old value lives on for resurrect_ttl
        ├── AuthenticationError
        ├── PermissionDeniedError
        ├── InvalidResponseError
        └── UnavailableError
            └── StrategyTimeoutError

The class decides the cache policy (see ``cache.py``). A message is one line: what failed, where, what to do.
It never holds a secret, and it is the same text a user reads on the terminal and in Kong's log.
"""

from __future__ import annotations

__all__ = [
    "AuthenticationError",
    "ConfigError",
    "InvalidReferenceError",
    "InvalidResponseError",
    "KeyNotFoundError",
    "MissingDependencyError",
    "PermissionDeniedError",
    "SecretNotFoundError",
    "StrategyError",
    "StrategyTimeoutError",
    "UnavailableError",
    "UnknownPrefixError",
    "UnknownStrategyError",
    "VaultError",
]


class VaultError(Exception):
    """The root of the tree: catch it to catch everything that this package raises."""


class InvalidReferenceError(VaultError, ValueError):
    """A text is not a ``{vault://...}`` reference, or one that Kong would reject too."""


class ConfigError(VaultError, ValueError):
    """A setting, a vault entity, a strategy's option or a query override is wrong."""


class UnknownStrategyError(ConfigError):
    """No strategy of that name is built in or registered by an entry point."""


class UnknownPrefixError(ConfigError):
    """A reference names neither a vault entity's prefix nor a strategy."""


class MissingDependencyError(ConfigError):
    """A strategy's SDK is not installed; the message holds the pip command."""


class SecretNotFoundError(VaultError, LookupError):
    """The vault was asked and has no such secret (or no such version of it)."""


class KeyNotFoundError(SecretNotFoundError):
    """The secret exists, but its JSON object lacks the key, or the key holds no string."""


class StrategyError(VaultError):
    """The vault could not be asked, or refused to answer."""


class AuthenticationError(StrategyError):
    """The vault does not accept who we are: a wrong or expired token, role id, key."""


class PermissionDeniedError(StrategyError):
    """The vault knows us and refuses this secret."""


class InvalidResponseError(StrategyError):
    """The vault answered something that is not what its API promises."""


class UnavailableError(StrategyError):
    """The vault does not answer now: unreachable, sealed, overloaded."""


class StrategyTimeoutError(UnavailableError):
    """The vault did not answer before the fetch's deadline."""
