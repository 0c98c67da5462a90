"""Looks at the settings file, its mode, its keys, and what of the environment a plugin server will never see."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from kong_vault_py.diagnosis.finding import Finding, fail, fine, warn
from kong_vault_py.diagnosis.unread_keys import configured, unread_keys
from kong_vault_py.errors import ConfigError, MissingDependencyError, VaultError
from kong_vault_py.settings import Settings, parse_conf
from kong_vault_py.strategies.registry import load_strategy, strategy_names

__all__ = ["of_settings"]

_TOPIC = "settings"
_ENVIRONMENT = "environment"


def of_settings(path: str | None, environ: Mapping[str, str]) -> Iterator[Finding]:
    """Look at the settings as a process with this environment would read them."""
    named = path or environ.get("KONG_VAULT_PY_SETTINGS")
    try:
        settings = Settings.load(path, environ)
    except ConfigError as error:
        yield fail(_TOPIC, str(error), "mend the line that it names; docs/settings.md lists the settings")
        return
    in_file: Mapping[str, str] = {}
    if named:
        file = Path(named)
        in_file = parse_conf(file.read_text(encoding="utf-8"), named)
        yield _of_file(file, len(in_file))
    else:
        yield warn(
            _TOPIC,
            "no settings file: neither --settings nor KONG_VAULT_PY_SETTINGS",
            "write one for a plugin server that Kong starts, which has no environment: kong-vault init settings",
        )
    yield from _of_keys(settings.values)
    yield from _of_environment(environ, in_file)


def _of_file(file: Path, keys: int) -> Finding:
    found = file.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        return warn(_TOPIC, f"{file} has mode {mode:04o}: others may read its credentials", f"chmod 600 {file}")
    if found.st_uid not in (os.geteuid(), 0):
        return warn(_TOPIC, f"{file} belongs to user {found.st_uid}", "let the user who runs the plugin server own it")
    return fine(_TOPIC, f"{file}: {keys} settings, mode {mode:04o}")


def _of_keys(values: Mapping[str, str]) -> Iterator[Finding]:
    """Tell strategies that can't be loaded, and keys that nobody reads."""
    for name in configured(values, strategy_names()):
        try:
            load_strategy(name)
        except MissingDependencyError as error:
            yield fail(_TOPIC, f"strategy '{name}' is configured, but can't be loaded: {error}", "run that pip command")
        except VaultError as error:
            yield fail(_TOPIC, str(error), "mend or remove that package")
    for key, hint in unread_keys(values):
        yield warn(_TOPIC, f"nothing reads '{key}'", hint)


def _of_environment(environ: Mapping[str, str], in_file: Mapping[str, str]) -> Iterator[Finding]:
    """Tell what works in this shell, and not in a server that Kong starts with an empty environment."""
    ours = [key for key in environ if key.startswith("KONG_VAULT_") and key != "KONG_VAULT_PY_SETTINGS"]
    missing = sorted(key for key in ours if key[len("KONG_") :].lower() not in in_file)
    if missing:
        yield warn(
            _ENVIRONMENT,
            f"set in this shell only: {', '.join(missing)}",
            "Kong starts plugin servers with an empty environment: put them into the settings file, or run the server "
            "outside Kong",
        )
    ambient = sorted(
        key
        for key in environ
        if key in ("VAULT_TOKEN", "VAULT_ADDR", "GOOGLE_APPLICATION_CREDENTIALS", "GCP_SERVICE_ACCOUNT")
        or key.startswith(("AWS_", "AZURE_"))
    )
    if ambient:
        yield warn(
            _ENVIRONMENT,
            f"credentials of this shell: {', '.join(ambient)}",
            "a plugin server that Kong starts won't have them; an agent or a server under systemd can",
        )
    if not missing and not ambient:
        yield fine(_ENVIRONMENT, "nothing here that a server started by Kong would lack")
