"""``kong-vault lint``: references and secrets in the files that configure a Kong, judged before Kong reads them."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from kong_vault_py.linting.finding import Finding
    from kong_vault_py.linting.lint import LintOptions
    from kong_vault_py.linting.rules import Rule
    from kong_vault_py.linting.source import Source

__all__ = ["command"]

_MAX_BYTES = 64 * 1024 * 1024
_FORMATS = ("text", "json", "sarif", "github")


class _UnreadableError(Exception):
    """A file can't be read; the text says which and why."""


@click.command("lint")
@click.argument("files", nargs=-1, metavar="FILE...")
@click.option("--kong", "version", metavar="VERSION", help="The Kong that reads the files, such as 3.9 [default: any].")
@click.option("--edition", type=click.Choice(["oss", "enterprise"]), help="Its edition [default: any].")
@click.option("--prefix", "prefixes", multiple=True, metavar="NAME", help="A vault entity that is not in the files.")
@click.option("--ignore", "ignored", multiple=True, metavar="RULE", help="A rule to leave out, such as KV021.")
@click.option("--strict", is_flag=True, help="Fail on warnings too.")
@click.option("--format", "output", type=click.Choice(_FORMATS), default="text", show_default=True)
@click.option(
    "--type", "written", type=click.Choice(["yaml", "conf", "env"]), help="What the files are [default: told by name]."
)
@click.option("--fix", is_flag=True, help="Mend what can be mended safely, in place.")
@click.option("--explain", metavar="RULE", help="Tell what a rule is about, and exit.")
def command(
    files: tuple[str, ...],
    version: str | None,
    edition: str | None,
    prefixes: tuple[str, ...],
    ignored: tuple[str, ...],
    strict: bool,
    output: str,
    written: str | None,
    fix: bool,
    explain: str | None,
) -> None:
    """Look for plaintext secrets and broken references in FILE...

    Reads kong.yml, decK state, Kubernetes manifests, compose files (YAML or JSON), kong.conf and files of environment
    variables; - is standard input. All files together are one configuration: a vault entity in one serves the others.
    A comment `# kong-vault: ignore KV021` silences a rule on its line, or alone on a line, on the next one.

    Exits with 0 if all is well, 1 on findings of severity error, 2 on misuse or a file that can't be read.

    \b
    Examples:
      kong-vault lint kong.yml kong.conf
      kong-vault lint --kong 3.9 --edition oss --prefix team-red deck/*.yaml
      kong-vault lint --format sarif kong.yml > lint.sarif
      kong-vault lint --fix kong.yml
    """  # noqa: D301 - click wants the backspace itself
    if explain:
        _explain(explain)
        return
    if not files:
        raise click.UsageError("no FILE given")
    if fix and "-" in files:
        raise click.UsageError("--fix needs files: standard input can't be changed")
    options = _options(version, edition, prefixes, ignored, written)
    names = list(dict.fromkeys(files))
    sources, unreadable = _read_all(names)
    try:
        findings = _mended(sources, options) if fix else _linted(sources, options)
    except OSError as error:
        click.echo(
            f"kong-vault lint: can't write {click.format_filename(error.filename or '')}: {error.strerror}", err=True
        )
        raise SystemExit(2) from None
    _print(findings, output, len(sources))
    for problem in unreadable:
        click.echo(f"kong-vault lint: {problem}", err=True)
    worst = max((found.rule.severity.word for found in findings), key=_rank, default="note")
    raise SystemExit(2 if unreadable else int(_rank(worst) >= _rank("warning" if strict else "error")))


def _rank(word: str) -> int:
    return ("note", "warning", "error").index(word)


def _options(
    version: str | None,
    edition: str | None,
    prefixes: Sequence[str],
    ignored: Sequence[str],
    written: str | None,
) -> LintOptions:
    from kong_vault_py.linting.lint import LintOptions
    from kong_vault_py.linting.target import Target, kong_version

    try:
        kong = kong_version(version) if version else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--kong") from None
    rules = [_rule(rule).id for rule in ignored]
    return LintOptions(
        Target(kong, edition),  # type: ignore[arg-type]  # click has checked the choices
        prefixes,
        rules,
        written,  # type: ignore[arg-type]
    )


def _rule(name: str) -> Rule:
    from kong_vault_py.linting.rules import RULES

    found = RULES.get(name.upper())
    if found is None:
        raise click.BadParameter(f"there is no rule {name!r}; see docs/cli/lint.md")
    return found


def _explain(name: str) -> None:
    rule = _rule(name)
    click.echo(f"{rule.id} {rule.name} ({rule.severity.word})\n\n{rule.why}\n{rule.remedy}")


def _read_all(names: Sequence[str]) -> tuple[list[Source], list[str]]:
    from kong_vault_py.linting.source import Source

    sources, unreadable = [], []
    for name in names:
        try:
            sources.append(Source(name, _read(name)))
        except _UnreadableError as error:
            unreadable.append(str(error))
    return sources, unreadable


def _read(name: str) -> str:
    try:
        if name == "-":
            raw = sys.stdin.buffer.read(_MAX_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                raw = file.read(_MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no valid path"
        raise _UnreadableError(f"{click.format_filename(name)}: can't read it: {reason}") from None
    if len(raw) > _MAX_BYTES:
        raise _UnreadableError(f"{click.format_filename(name)}: larger than {_MAX_BYTES // 1024 // 1024} MiB")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        raise _UnreadableError(f"{click.format_filename(name)}: not UTF-8 text") from None


def _linted(sources: Sequence[Source], options: LintOptions) -> list[Finding]:
    from kong_vault_py.linting.lint import lint

    return lint(sources, options)


def _mended(sources: list[Source], options: LintOptions) -> list[Finding]:
    """Fix, write, and lint what is there now; a fix may bring to light what was hidden behind it."""
    from kong_vault_py.linting.fix import fixed
    from kong_vault_py.linting.source import Source

    findings = _linted(sources, options)
    for number, source in enumerate(sources):
        text = fixed(source.text, [found for found in findings if found.source is source])
        if text != source.text:
            sources[number] = Source(source.name, text)
            _replace(Path(source.name), text)
            click.echo(f"kong-vault lint: fixed {click.format_filename(source.name)}", err=True)
    return _linted(sources, options)


def _replace(path: Path, text: str) -> None:
    """Put a new text in a file's place at once, with its mode and owner; nobody sees half of it."""
    import tempfile

    real = path.resolve()
    before = real.stat()
    handle, temporary = tempfile.mkstemp(dir=real.parent, prefix=f".{real.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), before.st_mode & 0o7777)
            if os.geteuid() == 0:
                os.fchown(file.fileno(), before.st_uid, before.st_gid)
            file.write(text.encode("utf-8"))
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(real)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _print(findings: Sequence[Finding], output: str, files: int) -> None:
    from kong_vault_py import __version__
    from kong_vault_py.linting import report
    from kong_vault_py.linting.sarif import as_sarif

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    if output == "json":
        click.echo(report.as_json(findings, files))
    elif output == "sarif":
        click.echo(as_sarif(findings, __version__))
    else:
        colour = output == "text" and sys.stdout.isatty() and "NO_COLOR" not in os.environ
        lines = report.as_github(findings) if output == "github" else report.as_text(findings, colour=colour)
        for line in lines:
            click.echo(line, color=colour)
        if findings and output == "text":
            click.echo(report.summary(findings, files), err=True)
