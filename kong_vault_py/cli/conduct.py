"""How every command ends where something is wrong: one line for a misuse, 130 for Ctrl-C, silence for a closed pipe."""

from __future__ import annotations

import contextlib
import io
import os
import re
import sys
from typing import Any, NoReturn

import click

__all__ = ["ConductedGroup"]

_PROGRAM = "kong-vault"
_MISUSE = 2
_INTERRUPTED = 130
#: What stands too many on a command line may be a secret, put where it doesn't belong.
_EXTRA_ARGUMENTS = re.compile(r"^(Got unexpected extra arguments?) \(.*\)$")


class ConductedGroup(click.Group):
    """A group of commands with one way to end for all of them."""

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run the command line and exit."""
        extra |= {"prog_name": _PROGRAM, "standalone_mode": False}
        if isinstance(sys.stdout, io.TextIOWrapper):  # values are written as bytes; this is for what surrounds them
            sys.stdout.reconfigure(errors="backslashreplace")
        try:
            code = super().main(*args, **extra)
        except click.UsageError as error:
            _tell_misuse(error)
            code = _MISUSE
        except click.ClickException as error:
            click.echo(f"{_PROGRAM}: {_one_line(error.format_message())}", err=True)
            code = error.exit_code
        except click.Abort:
            code = _INTERRUPTED
        except OSError as error:
            _tell_failed_output(error)
            code = 1
        sys.exit(code if isinstance(code, int) else 0)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand, in colour only where that is wanted."""
        if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
            ctx.color = False
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if error.ctx is None:  # found by the command itself, whose context is gone
                error.ctx = click.Context(self, parent=ctx, info_name=ctx.invoked_subcommand)
            raise
        except KeyboardInterrupt:
            _leave_at_once()


def _tell_misuse(error: click.UsageError) -> None:
    path = error.ctx.command_path if error.ctx else _PROGRAM
    if type(error).__name__ == "NoArgsIsHelpError":  # a group alone: what is there to choose from
        error.show()
        return
    message = _one_line(error.format_message())
    found = _EXTRA_ARGUMENTS.match(message)
    click.echo(f"{path}: {found[1] if found else message.rstrip('.')} (see {path} --help)", err=True)


def _tell_failed_output(error: OSError) -> None:
    """Tell what no command expects to fail: writing its output, to a full disk for example."""
    click.echo(f"{_PROGRAM}: {_one_line(str(error.strerror or error))}", err=True)
    with contextlib.suppress(OSError, ValueError):
        # What is still to be written would be tried once more at the exit, and be told once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _leave_at_once() -> NoReturn:
    """Leave without waiting for threads that wait for a vault; whatever had to be cleaned up has been by now."""
    if sys.stderr.isatty():
        click.echo(err=True)  # below the ^C
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            continue
    os._exit(_INTERRUPTED)
