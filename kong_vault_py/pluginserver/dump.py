"""Telling Kong what plugins there are: the JSON that its query command expects.

Kong 3.9 and later read the first plugin of the array only (``kong/runloop/plugin_servers/process.lua``).
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.pluginserver.plugins import Plugin

__all__ = ["describe", "to_json", "write_dumps"]

_FILE_MODE = 0o644
_DIRECTORY_MODE = 0o755


def describe(plugin: Plugin) -> dict[str, Any]:
    """Return one plugin as Kong's query wants it."""
    module = plugin.module
    return {
        "Name": plugin.name,
        "Phases": module.phases,
        "Priority": module.priority,
        "Version": module.version,
        "Schema": {
            "name": plugin.name,
            "fields": [{"config": {"type": "record", "fields": list(module.schema)}}],
        },
    }


def to_json(plugins: Iterable[Plugin]) -> str:
    """Return the query's answer.

    Raises:
        ConfigError: a plugin's Schema or version holds something that JSON can't.
    """
    described = []
    for plugin in plugins:
        try:
            described.append(json.dumps(describe(plugin), allow_nan=False))
        except (TypeError, ValueError) as error:
            raise ConfigError(f"plugin file {plugin.path}: its Schema or version is not JSON: {error}") from error
    return f"[{', '.join(described)}]"


def write_dumps(directory: Path, plugins: Iterable[Plugin]) -> None:
    """Write ``NAME.json`` for each plugin, readable for everyone: no Python is needed to ``cat`` it.

    Raises:
        ConfigError: the directory can't be written, or a plugin is not JSON.
    """
    try:
        if not directory.exists():
            directory.mkdir()
            directory.chmod(_DIRECTORY_MODE)
        for plugin in plugins:
            _write(directory / f"{plugin.name}.json", to_json([plugin]) + "\n")
    except OSError as error:
        raise ConfigError(f"dumps directory {directory}: can't write it: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    """Replace a file in one step: a gateway that starts now reads the old dump or the new one."""
    new = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        # Kong's umask is 0: until it is complete, the file is nobody else's to write.
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        new.chmod(_FILE_MODE)
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
