"""The variables of a command: inherited ones, those that files name, and whose references are replaced."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kong_vault_py.bulk import Fetches
from kong_vault_py.errors import ConfigError, VaultError
from kong_vault_py.rendering.document import decoded
from kong_vault_py.rendering.env_text import variables
from kong_vault_py.rendering.formats import format_of
from kong_vault_py.rendering.places import SyntaxProblemError
from kong_vault_py.rendering.references import Filled, Prefixes, split
from kong_vault_py.settings import parse_conf

__all__ = ["Environment", "base_variables", "read_env_file", "read_mapping", "without_settings"]

#: What --pristine keeps: who and where the user is, and how to talk to the terminal.
PRISTINE = frozenset(("HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"))
_OURS = "KONG_VAULT_"
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")


def base_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what is left of the caller's environment with ``--pristine``."""
    return {name: value for name, value in environ.items() if name in PRISTINE or name.startswith("LC_")}


def without_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Return an environment without the settings of vaults, which may hold credentials."""
    return {name: value for name, value in environ.items() if not name.startswith(_OURS)}


def read_env_file(path: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Read a file of ``NAME=value``; a name alone stands for the caller's own variable, if it is set.

    Raises:
        ConfigError: the file can't be read, or a line of it.
    """
    found = {}
    try:
        for variable in variables(_text(path)):
            if variable.place is not None:
                found[variable.name] = variable.place.value
            elif variable.name in environ:
                found[variable.name] = environ[variable.name]
    except SyntaxProblemError as error:
        raise ConfigError(f"{path}:{error.line}: {error.problem}") from None
    return found


def read_mapping(path: Path) -> dict[str, str]:
    """Read variables from a mapping in YAML or JSON, or from kong.conf (as ``KONG_*``, which Kong takes for the same).

    Raises:
        ConfigError: the file can't be read, or holds something else.
    """
    form, text = format_of(path.name), _text(path)
    if form == "conf":
        return {f"KONG_{key.upper()}": value for key, value in parse_conf(text, str(path)).items()}
    if form not in ("json", "yaml"):
        raise ConfigError(f"{path}: --from takes YAML, JSON or kong.conf, by the file's name; NAME=value is --env-file")
    document = _loaded(form, text, path)
    if not isinstance(document, dict):
        raise ConfigError(f"{path}: expected a mapping of variables to values")
    return dict(_scalars(document, path))


def _text(path: Path) -> str:
    try:
        return decoded(path.read_bytes(), str(path))
    except OSError as error:
        raise ConfigError(f"{path}: can't read it: {error.strerror}") from error


def _loaded(form: str, text: str, path: Path) -> object:
    if form == "json":
        try:
            return json.loads(text)
        except (json.JSONDecodeError, RecursionError) as error:
            raise ConfigError(f"{path}:{getattr(error, 'lineno', 1)}: not valid JSON") from None
    import yaml

    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        raise ConfigError(f"{path}{f':{mark.line + 1}' if mark else ''}: not valid YAML") from None


def _scalars(document: Mapping[object, object], path: Path) -> Iterator[tuple[str, str]]:
    for name, value in document.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(f"{path}: {name!r} is no name of a variable")
        if isinstance(value, bool):
            yield name, str(value).lower()
        elif isinstance(value, (str, int, float)):
            yield name, str(value)
        elif value is not None:  # null: not set
            raise ConfigError(f"{path}: {name}: the value is no text or number (a reference needs quotes in YAML)")


@dataclass(frozen=True)
class Environment:
    """A command's variables with their references still in them.

    Attributes:
        plain: variables without references.
        cut: name -> text, reference, text, ...
    """

    plain: Mapping[str, str] = field(repr=False)
    cut: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, variables: Mapping[str, str], prefixes: Prefixes) -> Environment:
        """Find the references."""
        cut = {name: parts for name, value in variables.items() if len(parts := split(value, prefixes)) > 1}
        return cls({name: value for name, value in variables.items() if name not in cut}, cut)

    @property
    def references(self) -> tuple[str, ...]:
        """All references, each once."""
        return tuple(dict.fromkeys(part for parts in self.cut.values() for part in parts[1::2]))

    def problems(self, failures: Mapping[str, VaultError]) -> Iterator[str]:
        """Yield one line per variable and failed reference in it."""
        for name, parts in self.cut.items():
            for reference in dict.fromkeys(parts[1::2]):
                error = failures.get(reference)
                if error is not None:
                    yield f"{name}: {' '.join(str(error).split())}"

    def filled(self, done: Fetches) -> dict[str, str]:
        """Return the variables with their secrets; those whose secret is absent are left out.

        Raises:
            ConfigError: a value can't be an environment variable.
        """
        values, full = done.values, dict(self.plain)
        for name, parts in self.cut.items():
            if all(reference in values for reference in parts[1::2]):
                full[name] = Filled(parts, values).text
                if "\0" in full[name]:
                    raise ConfigError(f"{name}: its secret has a NUL, which no environment variable can hold")
        return full
