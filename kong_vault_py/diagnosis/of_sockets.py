"""Looks at a unix socket: is it there, may its clients use it, does somebody listen."""

from __future__ import annotations

import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from kong_vault_py.diagnosis.finding import Finding, fail, fine, warn

__all__ = ["of_socket"]


def of_socket(topic: str, path: Path, *, timeout_s: float, start: str) -> Iterator[Finding]:
    """Look at one socket.

    Args:
        topic: whose it is.
        path: where it should be.
        timeout_s: for the connection.
        start: what to do where nobody listens.
    """
    try:
        found = path.stat()
    except FileNotFoundError:
        yield fail(topic, f"no socket {path}", start)
        return
    except OSError as error:
        yield fail(topic, f"can't look at {path}: {error.strerror}", "run the doctor as the user who runs Kong")
        return
    mode = stat.S_IMODE(found.st_mode)
    if not stat.S_ISSOCK(found.st_mode):
        yield fail(topic, f"{path} is a file, not a socket", "remove it, then start the server again")
        return
    if mode & 0o007:
        yield warn(topic, f"{path} has mode {mode:04o}: every user may talk to it", "use --socket-mode 0600 or 0660")
    try:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(timeout_s)
            client.connect(str(path))
    except PermissionError:
        yield fail(
            topic,
            f"{path} has mode {mode:04o} and belongs to {found.st_uid}:{found.st_gid}: this user may not connect",
            "run both as one user, or share a group: --socket-mode 0660 --socket-group GROUP",
        )
    except ConnectionRefusedError:
        yield fail(topic, f"{path} is there, but nobody listens: left behind by a server that was killed", start)
    except OSError as error:
        yield fail(topic, f"{path} doesn't take a connection: {error.strerror or error}", start)
    else:
        yield fine(topic, f"{path} takes connections, mode {mode:04o}")
