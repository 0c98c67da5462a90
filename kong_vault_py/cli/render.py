"""``kong-vault render``: a file with its references replaced by their secrets."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kong_vault_py.cli.progress import Progress
from kong_vault_py.cli.resolving import resolver, settings_option
from kong_vault_py.errors import ConfigError
from kong_vault_py.rendering.formats import FORMATS, format_named, format_of

if TYPE_CHECKING:
    from kong_vault_py.rendering.document import Document

__all__ = ["command"]

_STANDARD_OUTPUT = Path("-")


def _file_mode(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    """Read permission bits in octal."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise click.BadParameter(f"{text!r} is no file mode such as 0600")
    return mode


@click.command("render")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Where the result goes; - is standard output [default: -].",
)
@click.option("--check", is_flag=True, help="Write nothing; exit 1 if a reference fails or OUTPUT is out of date.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="The file's format [default: by its name].")
@click.option("--only-prefix", multiple=True, metavar="PREFIX", help="Replace this vault's references only.")
@click.option("--exclude-prefix", multiple=True, metavar="PREFIX", help="Leave this vault's references to Kong.")
@click.option("--mode", callback=_file_mode, default="0600", show_default=True, help="The written file's mode.")
@click.option("--force", is_flag=True, help="Print secrets even to a terminal.")
@settings_option
def command(
    file: Path,
    output: Path | None,
    check: bool,
    form: str | None,
    only_prefix: tuple[str, ...],
    exclude_prefix: tuple[str, ...],
    mode: int,
    force: bool,
    settings_path: str | None,
) -> None:
    """Write FILE with every {vault://...} in it replaced by its secret.

    FILE is kong.yml, a decK file, kong.conf, .env, or any YAML, JSON or text. Comments, order and layout stay, and
    values are quoted as the format needs. OUTPUT is replaced in one step, with mode 0600; if references fail, all of
    them are named and OUTPUT stays as it is.

    \b
    Examples:
      kong-vault render kong.yml -o /run/kong/kong.yml
      kong-vault render kong.yml -o - | deck gateway sync -
      kong-vault render kong.yml -o /run/kong/kong.yml --check
      kong-vault render kong.conf -o /run/kong/kong.conf --exclude-prefix env

    \b
    Exit codes: 0 done; 1 a reference failed, OUTPUT differs (--check) or can't be written; 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    if not check and output in (None, _STANDARD_OUTPUT) and sys.stdout.isatty() and not force:
        raise click.UsageError("secrets are not printed to a terminal: give -o FILE, or --force")
    if str(file) == "-" and form is None:
        raise click.UsageError("standard input has no name to tell its format by: give --format")
    from kong_vault_py.rendering.references import Prefixes

    prefixes = Prefixes(frozenset(only_prefix), frozenset(exclude_prefix))
    try:
        document = _read(file, form, prefixes)
        if output is not None and output != _STANDARD_OUTPUT:
            _refuse_same_file(file, output)
        rendered = _rendered(document, settings_path)
        if check:
            _compare(output, rendered)
        else:
            _write(output, rendered, mode)
    except ConfigError as error:
        raise SystemExit(f"kong-vault render: {error}") from None


def _read(file: Path, form: str | None, prefixes: object) -> Document:
    from kong_vault_py.rendering.document import Document, decoded

    name = "standard input" if str(file) == "-" else str(file)
    try:
        raw = sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{name}: can't read it: {error.strerror}") from error
    return Document(decoded(raw, name), format_named(form or format_of(file.name)), name, prefixes)  # type: ignore[arg-type]


def _refuse_same_file(file: Path, output: Path) -> None:
    if str(file) != "-" and output.exists() and file.samefile(output):
        raise ConfigError(f"{output}: is FILE itself, whose references would be lost: give another -o")


def _rendered(document: Document, settings_path: str | None) -> bytes:
    """Resolve the document's references and fill them in; failures end the command, one line for each."""
    from kong_vault_py.rendering.document import UnrenderableError

    with resolver("render", settings_path) as vault:
        with Progress("fetching secrets") as progress:
            done = vault.get_all(document.references, progress=progress)
        if done.failures:
            raise SystemExit(_lines(document.told(done.failures)))
        try:
            return document.filled(done.values).encode("utf-8", "surrogateescape")
        except UnrenderableError as error:
            raise SystemExit(_lines(error.problems)) from None


def _lines(problems: list[str]) -> str:
    return "\n".join(f"kong-vault render: {problem}" for problem in problems)


def _compare(output: Path | None, rendered: bytes) -> None:
    """End with exit code 1 unless the output is what would be written now."""
    if output is None or output == _STANDARD_OUTPUT:
        return
    from kong_vault_py.rendering.output import read_output

    there = read_output(output)
    if there is None:
        raise ConfigError(f"{output}: does not exist")
    if there != rendered:
        raise ConfigError(f"{output}: out of date: it differs from what would be written now")


def _write(output: Path | None, rendered: bytes, mode: int) -> None:
    if output is not None and output != _STANDARD_OUTPUT:
        from kong_vault_py.rendering.output import write_output

        write_output(output, rendered, mode)
        return
    try:
        sys.stdout.buffer.write(rendered)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader has enough; without this Python complains once more at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(1) from None
