"""Finding and loading the gateway's plugins: kong_pdk's class contract, one ``*.py`` file each."""

from __future__ import annotations

import contextlib
import os
import sys
import types
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin import PLUGIN_MODULE
from kong_vault_py.secret import mask

__all__ = ["Catalog", "Plugin", "find_plugins", "load_all", "load_plugin", "only_stderr"]


_OPEN, _CLOSED = "open", "closed"
_MOST_THREADS = 1000
#: Who imports something of these gets rotated values without our doing.
_RESOLVERS = ("kong_vault_py.plugin", "kong_vault_py.vault")


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin file.

    Attributes:
        name: the file's name without ``.py``, Kong's name of the plugin.
        path: the file.
        module: kong_pdk's view of it (``kong_pdk.module.Module``).
        lua_style: the file's own ``lua_style``, ``None`` where it leaves that to the server.
        fails_open: it says ``on_error = "open"``: its failures let requests go on without it.
        threads: in how many real threads its phases run; 0: in none.
        follows_vault: it uses our resolver itself, which brings it rotated values.
    """

    name: str
    path: Path
    module: Any
    lua_style: bool | None = None
    fails_open: bool = False
    threads: int = 0
    follows_vault: bool = False


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
            module = Module(PLUGIN_MODULE + name, path=str(path))
            module.name = name
            _check(module, path)
            return Plugin(
                name,
                path,
                module,
                lua_style=_said(module, "lua_style", None),
                fails_open=_said(module, "on_error", _CLOSED) == _OPEN,
                threads=_said(module, "threads", 0),
                follows_vault=any(map(_is_of_our_resolver, vars(module.mod).values())),
            )
    except ConfigError:
        raise
    except BaseException as error:  # SystemExit and KeyboardInterrupt too: what a plugin raises is the plugin's
        raise ConfigError(f"plugin file {path} can't be loaded: {_reason(error, path)}") from error


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


def _said(module: Any, name: str, default: Any) -> Any:
    """Return what a plugin says of itself, in its class or beside it."""
    return getattr(module.cls, name, getattr(module.mod, name, default))


def _is_of_our_resolver(value: object) -> bool:
    home = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
    return isinstance(home, str) and home.startswith(_RESOLVERS)


def _check(module: Any, path: Path) -> None:
    threads, on_error = _said(module, "threads", 0), _said(module, "on_error", _CLOSED)
    if not module.phases:
        problem = "its class Plugin has none of the phases certificate, rewrite, access, response, log, preread"
    elif not isinstance(module.schema, (list, tuple)):
        problem = f"Schema is a {type(module.schema).__name__}, it must be a list of fields"
    elif isinstance(module.priority, bool) or not isinstance(module.priority, (int, float)):
        problem = f"priority is a {type(module.priority).__name__}, it must be a number"
    elif on_error not in (_OPEN, _CLOSED):
        problem = f"on_error is {str(on_error)[:40]!r}, it must be 'open' or 'closed'"
    elif type(threads) is not int or not 0 <= threads <= _MOST_THREADS:
        problem = f"threads is {str(threads)[:40]!r}, it must be a whole number up to {_MOST_THREADS}"
    else:
        module.schema = list(module.schema)
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
