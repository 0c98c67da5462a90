"""Where a rendered file goes: complete, in one step, and for its owner's eyes only."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

from kong_vault_py.errors import ConfigError

__all__ = ["read_output", "write_output"]


def read_output(path: Path) -> bytes | None:
    """Return what is at ``path`` now, ``None`` where nothing is.

    Raises:
        ConfigError: it can't be read.
    """
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(f"{path}: can't read it: {error.strerror}") from error


def write_output(path: Path, content: bytes, mode: int = 0o600) -> None:
    """Replace a file in one step; until then, and if that fails, the old one stays.

    The new file is ours with the given mode, whatever the old one was. A symbolic link stays, and what it points to is
    replaced. A pipe or a device is written to.

    Raises:
        ConfigError: it can't be written there.
    """
    try:
        _refuse_strangers_link(path)
        if path.exists() and not path.is_file():
            _write_into(path, content)
        else:
            _replace(Path(os.path.realpath(path)) if path.is_symlink() else path, content, mode)
    except OSError as error:
        raise ConfigError(f"{path}: can't write it: {error.strerror or error}") from error


def _refuse_strangers_link(path: Path) -> None:
    """Follow no link that somebody else put into a folder where everybody may (as Linux protects symlinks)."""
    if not path.is_symlink():
        return
    link, folder = path.lstat(), path.parent.stat()
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and link.st_uid not in (os.geteuid(), folder.st_uid):
        raise ConfigError(f"{path}: a symbolic link of somebody else's, in a folder that all may write to")


def _write_into(target: Path, content: bytes) -> None:
    if target.is_dir():
        raise IsADirectoryError(21, "it is a directory")
    with target.open("wb", buffering=0) as file:
        _write_all(file.fileno(), content)


def _replace(target: Path, content: bytes, mode: int) -> None:
    new = target.with_name(f".{target.name[:200]}.{secrets.token_hex(4)}")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        try:
            _write_all(descriptor, content)
            os.fchmod(descriptor, mode)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        new.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the renaming outlive a crash, where the file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
