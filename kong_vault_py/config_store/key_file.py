"""The master keys' file: made with mode 0600, refused with any other that lets more people in."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from kong_vault_py.config_store.durable import create_file, locked, replace_file
from kong_vault_py.errors import ConfigError

__all__ = ["add_to_key_file", "create_key_file", "read_key_file"]

# A file of keys is tiny; a wrong path (a device, a disk image) must not fill the memory.
_MAX_BYTES = 64 * 1024
_LOCK_WAIT_S = 10.0


def read_key_file(path: str | os.PathLike[str]) -> str:
    """Return a key file's text.

    Raises:
        ConfigError: it can't be read, is no regular file of text, or group or others have any right on it.
    """
    try:
        # Non-blocking, since opening a FIFO would otherwise wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            content = file.read(_MAX_BYTES + 1) if stat.S_ISREG(found.st_mode) else None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"master key file {path}: can't read it: {reason}") from error
    if content is None or len(content) > _MAX_BYTES:
        raise ConfigError(f"master key file {path}: this is no key file")
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise ConfigError(f"master key file {path}: others may use it (mode {mode:04o}); chmod 600 it")
    # Any bytes: what is no key is refused when it is parsed.
    return content.decode("utf-8", "replace")


def create_key_file(path: str | os.PathLike[str], line: str) -> None:
    """Make a key file with one key.

    Raises:
        ConfigError: there is such a file already, or it can't be made.
    """
    try:
        create_file(Path(path), f"{line}\n".encode())
    except FileExistsError:
        raise ConfigError(f"master key file {path}: it exists already, and its key may be in use") from None
    except OSError as error:
        raise ConfigError(f"master key file {path}: can't make it: {error.strerror}") from error


def add_to_key_file(path: str | os.PathLike[str], line: str) -> None:
    """Put a new key before those that a file has: it seals from now on, they still open what they sealed.

    Raises:
        ConfigError: the file can't be read or written.
    """
    read_key_file(path)  # refuses before a lock is made beside something else
    try:
        with locked(Path(path), wait_s=_LOCK_WAIT_S) as target:
            replace_file(target, f"{line}\n{read_key_file(target)}".encode())
    except OSError as error:
        raise ConfigError(f"master key file {path}: can't write it: {error.strerror or error}") from error
