"""Finding and loading the gateway's plugins: kong_pdk's class contract, one ``*.py`` file each."""

from __future__ import annotations

import contextlib
import os
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import mask

__all__ = ["Catalog", "Plugin", "find_plugins", "load_all", "load_plugin", "only_stderr"]


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin file.

    Attributes:
        name: the file's name without ``.py``, Kong's name of the plugin.
        path: the file.
        module: kong_pdk's view of it (``kong_pdk.module.Module``).
        lua_style: the file's own ``lua_style``, ``None`` where it leaves that to the server.
    """

    name: str
    path: Path
    module: Any
    lua_style: bool | None = None


@dataclass
class Catalog:
    """What a server offers.

    Attributes:
        plugins: name -> the loaded plugin.
        broken: name -> one line saying why it can't be loaded, and what to do.
    """

    plugins: dict[str, Plugin] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def only_stderr() -> Iterator[None]:
    """Send standard output to standard error, whoever writes it: Kong reads a dump's standard output as JSON."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        os.dup2(2, 1)
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def find_plugins(directories: Iterable[Path]) -> dict[str, Path]:
    """Return the plugins' names and absolute files, sorted; of two files with one name the first directory's counts.

    Raises:
        ConfigError: a directory can't be read.
    """
    found: dict[str, Path] = {}
    for directory in directories:
        try:
            files = sorted(directory.absolute().iterdir())
        except OSError as error:
            raise ConfigError(f"plugins directory {directory}: can't read it: {error.strerror}") from error
        for file in files:
            if file.suffix == ".py" and not file.name.startswith(("_", ".")) and file.is_file():
                found.setdefault(file.stem, file)
    return found


def load_plugin(name: str, path: Path) -> Plugin:
    """Import one plugin file.

    Args:
        name: Kong's name of the plugin.
        path: its file, absolute.

    Raises:
        ConfigError: it can't be imported, or is no plugin; names the file, the error and the remedy.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # kong_pdk.const asks for the default locale
        from kong_pdk.module import Module
    try:
        with only_stderr():
            # Under a name of its own: a plugin file redis.py must not become what everyone's `import redis` gets.
            module = Module(f"kong_plugin_{name}", path=str(path))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit too
        raise ConfigError(f"plugin file {path} can't be loaded: {_reason(error, path)}") from error
    module.name = name
    _check(module, path)
    return Plugin(name, path, module, getattr(module.mod, "lua_style", None))


def load_all(directories: Iterable[Path]) -> Catalog:
    """Import every plugin file; one that can't be imported doesn't disturb the others.

    Raises:
        ConfigError: a directory can't be read.
    """
    catalog = Catalog()
    for name, path in find_plugins(directories).items():
        try:
            catalog.plugins[name] = load_plugin(name, path)
        except ConfigError as error:
            catalog.broken[name] = str(error)
    return catalog


def _check(module: Any, path: Path) -> None:
    if not module.phases:
        problem = "its class Plugin has none of the phases certificate, rewrite, access, response, log, preread"
    elif not isinstance(module.schema, (list, tuple)):
        problem = f"Schema is a {type(module.schema).__name__}, it must be a list of fields"
    elif isinstance(module.priority, bool) or not isinstance(module.priority, (int, float)):
        problem = f"priority is a {type(module.priority).__name__}, it must be a number"
    else:
        return
    raise ConfigError(f"plugin file {path} can't be used: {problem}")


def _reason(error: BaseException, path: Path) -> str:
    text = " ".join(mask(f"{type(error).__name__}: {error}").split())
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"{text}: install it where the plugin server's Python finds it (pip install {error.name.split('.')[0]})"
    if isinstance(error, AttributeError) and "'Plugin'" in str(error):
        return "it has no class Plugin: add one, or begin the file's name with '_' if it is no plugin"
    line = _line_in(error, path)
    return f"{text}{f', line {line}' if line else ''}: correct the file, or begin its name with '_' to leave it out"


def _line_in(error: BaseException, path: Path) -> int | None:
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == str(path) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return line
