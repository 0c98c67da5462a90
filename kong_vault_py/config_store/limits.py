"""What a Config Store takes: Konnect's limits, for the local file and for the manager alike."""

from __future__ import annotations

from kong_vault_py.errors import ConfigError

__all__ = ["MAX_KEY_CHARS", "MAX_VALUE_CHARS", "check_key", "check_value"]

#: Konnect's own limits.
MAX_KEY_CHARS = 512
MAX_VALUE_CHARS = 5_120


def check_key(key: str) -> None:
    """Refuse what can't be the name of a secret.

    Slashes may be in it, but no part that a path on the way could resolve ("..").

    Raises:
        ConfigError: it is empty, too long, not printable, or holds such a part.
    """
    if not 1 <= len(key) <= MAX_KEY_CHARS:
        raise ConfigError(f"a secret's key has 1 to {MAX_KEY_CHARS} characters, this one {len(key)}")
    if not key.isprintable():
        raise ConfigError(f"{key!r} can't be a secret's key: it is not printable")
    if {"", ".", ".."} & set(key.split("/")):
        raise ConfigError(f"{key!r} can't be a secret's key: an empty part, '.' or '..' between its slashes")


def check_value(value: str, max_chars: int = MAX_VALUE_CHARS) -> None:
    """Refuse a value that is too long, or no text.

    Raises:
        ConfigError: so it is.
    """
    if len(value) > max_chars:
        raise ConfigError(f"a value has {max_chars} characters at most, this one {len(value)}")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        # No cause: it would hold the value.
        raise ConfigError(
            "a value is UTF-8 text, this one is not; store it in base64, with base64_decode for the vault"
        ) from None
