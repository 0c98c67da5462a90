"""Starting a program: in our place, or as a child, found in the PATH that it gets itself."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

__all__ = ["StartError", "become", "exit_code", "spawn"]

#: Python ignores these, and what is ignored stays so in a program that is started.
_IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126
_BY_SIGNAL = 128


class StartError(Exception):
    """A program can't be started.

    Attributes:
        exit_code: 127 where there is no such program, 126 where it can't be run, as shells say it.
    """

    def __init__(self, program: str, error: OSError) -> None:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        self.exit_code = _NOT_FOUND if missing else _NOT_EXECUTABLE
        super().__init__(f"{program}: {'not found' if missing else f'can not be run: {error.strerror}'}")


def become(arguments: Sequence[str], environment: Mapping[str, str]) -> NoReturn:
    """Replace this process by a program: its signals, exit code and terminal are then its own.

    Raises:
        StartError: it can't be started.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    for number in _IGNORED_BY_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvpe(arguments[0], list(arguments), environment)  # noqa: S606  # no shell is what we want
    except OSError as error:
        raise StartError(arguments[0], error) from None


def spawn(
    arguments: Sequence[str],
    environment: Mapping[str, str],
    *,
    signal_mask: Iterable[int],
    file_actions: Sequence[tuple[Any, ...]] = (),
) -> int:
    """Start a program as a child in our own process group, so that a terminal treats both as one.

    Returns:
        Its process id.

    Raises:
        StartError: it can't be started.
    """
    program = arguments[0]
    folders = [""] if os.sep in program else os.get_exec_path(environment)
    failure: OSError = FileNotFoundError()
    for folder in folders:
        try:
            return os.posix_spawn(
                os.path.join(folder, program) if folder else program,  # noqa: PTH118  # "./x" must stay "./x"
                list(arguments),
                environment,
                file_actions=list(file_actions),
                setsigmask=list(signal_mask),
                setsigdef=list(_IGNORED_BY_PYTHON),
            )
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            failure = error
            if not isinstance(error, PermissionError):
                break
    raise StartError(program, failure)


def exit_code(status: int) -> int:
    """Return the exit code for a child's wait status: its own, or 128 and the number of the signal that killed it."""
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else _BY_SIGNAL - code
