"""Looks at kong.conf: plugin servers as Kong would start and query them, and the Lua strategies."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from kong_vault_py.diagnosis.finding import Finding, fail, fine, warn
from kong_vault_py.diagnosis.of_sockets import of_socket
from kong_vault_py.errors import ConfigError
from kong_vault_py.settings import parse_conf
from kong_vault_py.strategies.registry import BUILT_IN

__all__ = ["of_kong_conf"]

_TOPIC = "kong.conf"


def of_kong_conf(path: Path, environ: Mapping[str, str], *, timeout_s: float) -> Iterator[Finding]:
    """Look at all that a kong.conf, and ``KONG_*`` over it, say of plugin servers and vaults."""
    try:
        conf = parse_conf(path.read_text(encoding="utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        yield fail(_TOPIC, f"can't read {path}: {getattr(error, 'strerror', None) or 'not UTF-8 text'}", "name another")
        return
    except ConfigError as error:
        yield fail(_TOPIC, str(error), "mend that line")
        return
    conf |= {key[len("KONG_") :].lower(): value for key, value in environ.items() if key.startswith("KONG_")}
    names = [name.strip() for name in conf.get("pluginserver_names", "").split(",") if name.strip()]
    if not names:
        yield warn(_TOPIC, f"{path} has no pluginserver_names", "kong-vault init kong-conf prints what it needs")
    for name in names:
        yield from _of_server(name, conf, timeout_s)
    started: dict[str, list[str]] = {}
    for name in names:
        if _of(conf, name, "start_cmd"):
            started.setdefault(_of(conf, name, "socket") or name, []).append(name)
    for socket, twice in started.items():
        if len(twice) > 1:
            yield fail(_TOPIC, f"{', '.join(twice)} each start a server on {socket}", "keep start_cmd on one of them")
    yield from _of_lua(conf, environ)


def _of(conf: Mapping[str, str], name: str, what: str) -> str | None:
    return conf.get(f"pluginserver_{name.replace('-', '_')}_{what}")


def _of_server(name: str, conf: Mapping[str, str], timeout_s: float) -> Iterator[Finding]:
    topic = f"plugin server {name}"
    start, query, socket = (_of(conf, name, what) for what in ("start_cmd", "query_cmd", "socket"))
    if start:
        yield from _of_start(topic, start)
    if query is None:
        yield fail(topic, "has no query_cmd: Kong can't learn its plugins", "kong-vault pluginserver --dump NAME")
    else:
        yield from _of_query(topic, query, conf, timeout_s)
    if socket is None:
        yield warn(topic, "has no socket: Kong looks in its prefix", f"set pluginserver_{name}_socket")
    else:
        remedy = "start Kong, which starts it" if start else "start the server: nobody else does without a start_cmd"
        yield from of_socket(topic, Path(socket), timeout_s=timeout_s, start=remedy)


def _of_start(topic: str, command: str) -> Iterator[Finding]:
    words = _words(command)
    program = words[0] if words else ""
    if not program.startswith("/"):
        yield fail(topic, f"start_cmd begins with '{program}'", "Kong gives no PATH: name the program by its full path")
    elif not os.access(program, os.X_OK):
        yield fail(topic, f"start_cmd's {program} can't be run by this user", "look at the path and its mode")
    else:
        yield fine(topic, f"start_cmd's {program} can be run")
    if "kong-vault" in program and "--settings" not in words:
        yield warn(
            topic,
            "start_cmd names no --settings",
            "the server has no environment either: without a settings file it knows no vault but env and fs",
        )


def _of_query(topic: str, command: str, conf: Mapping[str, str], timeout_s: float) -> Iterator[Finding]:
    words = _words(command)
    if not words or shutil.which(words[0]) is None:
        yield fail(topic, f"query_cmd's '{words[0] if words else ''}' isn't there", "name it by its full path")
        return
    try:
        # The operator's own command, which Kong runs in the same way at each start.
        done = subprocess.run(words, capture_output=True, timeout=timeout_s, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        yield fail(topic, f"query_cmd took more than {timeout_s:g} s", "Kong waits for it at its start: make it quick")
        return
    except OSError as error:
        yield fail(topic, f"query_cmd can't be run: {error.strerror}", "look at the path and its mode")
        return
    if done.returncode:
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:]
        yield fail(topic, f"query_cmd ended with {done.returncode}: {' '.join(last)}", "run it by hand")
        return
    yield from _of_dump(topic, done.stdout, conf)


def _of_dump(topic: str, printed: bytes, conf: Mapping[str, str]) -> Iterator[Finding]:
    try:
        dump = json.loads(printed)
        plugins = [found["Name"] for found in (dump["Plugins"] if isinstance(dump, dict) else dump)]
    except (ValueError, KeyError, TypeError):
        yield fail(topic, "query_cmd prints more or other than a plugin dump", "it must print its JSON alone")
        return
    yield fine(topic, f"query_cmd describes {', '.join(plugins) or 'no plugin'}")
    if len(plugins) > 1:
        yield warn(
            topic,
            f"Kong 3.9 and newer read the first plugin of a dump alone: {plugins[0]}",
            "give each plugin a server name of its own, with --dump NAME; they may share one socket",
        )
    enabled = {word.strip() for word in conf.get("plugins", "bundled").split(",")}
    for plugin in plugins[:1]:
        if plugin not in enabled:
            yield fail(topic, f"'{plugin}' is not enabled", f"plugins = bundled,{plugin}")


def _of_lua(conf: Mapping[str, str], environ: Mapping[str, str]) -> Iterator[Finding]:
    vaults = {word.strip() for word in conf.get("vaults", "bundled").split(",")}
    ours = sorted(vaults & (BUILT_IN.keys() - {"env"}))
    if not ours:
        return
    path = conf.get("lua_package_path", "")
    folders = [Path(entry.split("?")[0]) for entry in path.split(";") if "?" in entry]
    for name in ours:
        topic = f"Lua strategy {name}"
        if any((folder / "kong" / "vaults" / name / "init.lua").exists() for folder in folders):
            yield fine(topic, "on lua_package_path")
        else:
            yield fail(topic, "not on lua_package_path", "lua_package_path = $(kong-vault lua-path)")
    if "LUA_PATH" not in environ and "KONG_LUA_PATH_OVERRIDE" not in environ:
        yield warn(
            "Lua strategies",
            "neither LUA_PATH nor KONG_LUA_PATH_OVERRIDE is set",
            "references in kong.conf itself are resolved by `kong start`, which looks there alone",
        )


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError:
        return command.split()
