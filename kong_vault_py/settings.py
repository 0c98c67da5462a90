"""Where the operator's words come from: a settings file in kong.conf's format, and ``KONG_*`` in the environment.

``vault_<name>_<option>`` configures a strategy by name, exactly as kong.conf does; ``vault_py_<setting>`` are ours.
The environment variable of a key is ``KONG_`` and the key in capitals; it wins over the file, as in Kong.
"""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import build_config, option, options_of
from kong_vault_py.secret import Secret

__all__ = ["RuntimeSettings", "Settings", "parse_conf"]

log = logging.getLogger(__name__)

_ENV_PREFIX = "KONG_"
_OUR_PREFIX = "vault_py_"
_SPACE = " \t\n\v\f\r"
_COMMENT = re.compile(r"\s*(?<!\\)#.*$", re.ASCII | re.DOTALL)
_IGNORED = re.compile(r"\s*(?:[#;]|$)", re.ASCII)
_CONTINUED = re.compile(r"\\\s*$", re.ASCII)
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z]")


@dataclass(frozen=True)
class RuntimeSettings:
    """The settings of this package itself: ``vault_py_<name>`` in the file, ``KONG_VAULT_PY_<NAME>`` outside."""

    settings: str | None = option(None, help="Path of the settings file (environment only).")
    entities: str | None = option(
        None, help="Path of a declarative file (kong.yml, decK) whose vaults: are used; re-read when it changes."
    )
    allowed_overrides: str = option(
        "",
        help="Options that a reference's query may set beyond the safe ones: comma-separated <strategy>.<option>.",
    )
    cache_max_entries: int = option(
        10_000, kind="integer", between=(1, 10_000_000), help="References kept in memory per process, at most."
    )
    rotation_workers: int = option(
        4, kind="integer", between=(1, 64), help="Background fetches that may run at once per process."
    )
    rotation_jitter: float = option(
        0.1, kind="number", between=(0, 0.5), help="Share of ttl by which refreshes are spread, earlier only."
    )
    reload_interval_s: float = option(
        1.0, kind="number", between=(0.05, 3600), help="Seconds between looks at the settings and entities files."
    )
    agent: str | None = option(
        None,
        help="Socket of an agent that every secret is taken from, instead of from the vaults; see the agent's page.",
    )
    agent_timeout_s: float = option(
        10.0, kind="number", between=(0.001, 60), help="Deadline in seconds for an answer of that agent."
    )
    agent_socket: str = option("/run/kong-vault/agent.sock", help="Where the agent serves.")
    agent_socket_mode: str = option("0600", match="^0?[0-7][0-7][0-7]$", help="The socket file's mode.")
    agent_socket_group: str | None = option(None, help="The socket file's group, by name or number.")
    agent_listen: str | None = option(
        None, help="Loopback address and port on which the agent serves too, as in 127.0.0.1:8811; needs a token file."
    )
    agent_token_file: str | None = option(
        None, help="File, mode 0600, with the token that requests over TCP carry in X-Kong-Vault-Token."
    )
    agent_accept_config: str | None = option(
        None,
        one_of=("any", "own", "none"),
        help="Which vaults of their own requests may bring: any, those with credentials of their own, or none; "
        "unset: own on the socket, none over TCP.",
    )
    agent_warmup: str = option("", help="References that the agent fetches before it is ready, comma-separated.")
    manager_url: str | None = option(
        None, help="URL of the manager that this node takes its vault entities from, and reports to."
    )
    manager_ca_cert: str | None = option(
        None, help="File (PEM) of the manager's certificate authority; unset: those that the system trusts."
    )
    manager_plain_http: bool = option(
        False, kind="boolean", help="Allow plain HTTP to and of a manager beyond the loopback (behind a TLS proxy)."
    )
    node_token: Secret | None = option(
        None, secret=True, help="This node's token at the manager, or a reference to a vault of these settings."
    )
    node_token_file: str | None = option(
        None, help="File, mode 0600, with the token instead; read again when it changes."
    )
    node_name: str | None = option(
        None, help="This node's name in its reports; unset: the host's. Policies go by the token's name."
    )
    state_file: str | None = option(
        None, help="File in which the last entities are kept, encrypted, for a start without the manager."
    )
    state_key: str | None = option(
        None,
        help="Master key of that file: `file:<path>`, `env:<variable>` or a reference to a vault of these settings.",
    )
    report_interval_s: float = option(
        10.0, kind="number", between=(0.05, 3600), help="Seconds between this node's reports to the manager."
    )
    audit_hits_interval_s: float = option(
        60.0,
        kind="number",
        between=(0, 86400),
        help="Seconds for which cache hits are counted together into one audit entry per reference; 0: never told.",
    )
    audit_buffer: int = option(
        10_000,
        kind="integer",
        between=(100, 1_000_000),
        help="Audit entries kept while the manager is away; the oldest go first, and are counted.",
    )
    pluginserver_workers: int = option(
        1, kind="integer", between=(1, 64), help="Processes of the plugin server, which share its socket."
    )
    pluginserver_agent: bool = option(
        False, kind="boolean", help="The plugin server serves as the node's agent too, from the same cache."
    )
    pluginserver_status_socket: str | None = option(
        None, help="Socket, mode 0600, on which the plugin server tells its status and metrics."
    )
    pluginserver_fail_open: str = option(
        "", help="Plugins whose failures let the request go on without them, comma-separated; else it is ended."
    )
    pluginserver_max_events: int = option(
        10_000,
        kind="integer",
        between=(1, 1_000_000),
        help="Events that a plugin server process has in flight at most; one more is answered with 503 at once.",
    )
    pluginserver_max_instances: int = option(
        10_000,
        kind="integer",
        between=(1, 1_000_000),
        help="Plugin instances per process, at most; those not used for longest go, and Kong starts them again.",
    )
    pluginserver_refresh_refs: bool = option(
        True,
        kind="boolean",
        help="Make instances again when a value changes that Kong resolved for them, in plugins that don't use bind.",
    )


@dataclass(frozen=True)
class Settings:
    """Settings as written, before anyone asked for an option.

    Attributes:
        values: kong.conf key -> text, file and environment together.
        runtime: this package's own settings.
        path: the settings file, if there is one.
    """

    values: Mapping[str, str]
    runtime: RuntimeSettings
    path: Path | None = None

    @classmethod
    def load(cls, path: str | os.PathLike[str] | None = None, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings file (``path`` or ``KONG_VAULT_PY_SETTINGS``) and the environment.

        Raises:
            ConfigError: the file can't be read, a line isn't ``key = value``, or one of our settings is wrong.
        """
        environ = os.environ if environ is None else environ
        named = path or environ.get(f"{_ENV_PREFIX}VAULT_PY_SETTINGS")
        file = Path(named) if named else None
        values = parse_conf(_read(file), str(file)) if file else {}
        values.update(
            (key[len(_ENV_PREFIX) :].lower(), value)
            for key, value in environ.items()
            if key.startswith(f"{_ENV_PREFIX}VAULT_")
        )
        return cls(values, _runtime(values, str(file or "environment")), file)


def parse_conf(text: str, where: str) -> dict[str, str]:
    r"""Parse kong.conf's format: ``key = value``.

    ``#`` starts a comment unless written ``\#``; ``;`` starts one at the beginning of a line; ``\`` at a line's end
    continues it. As Kong reads it (``load_config`` of ``kong/conf_loader/init.lua``, on Penlight's ``config.read``),
    but that values stay text, and that what Kong would drop in silence is an error.

    Raises:
        ConfigError: a line is neither empty, a comment nor ``key = value``; says which.
    """
    values = {}
    for number, line in _joined(text, where):
        key, equals, value = line.partition("=")
        if not equals or not key.strip(_SPACE) or line.startswith("["):
            raise ConfigError(f"{where}, line {number}: not of the form 'key = value'")
        name = _NOT_IN_NAMES.sub("_", key.strip(_SPACE))
        values[name] = _COMMENT.sub("", value.strip(_SPACE)).replace("\\#", "#")
    return values


def _joined(text: str, where: str) -> Iterator[tuple[int, str]]:
    """Yield lines with those that continue them, and the number of the first; comments amid them are passed over."""
    begun, parts = 0, []
    for number, line in enumerate(text.split("\n"), 1):
        if _IGNORED.match(line):
            continue
        begun = begun or number
        continued = _CONTINUED.search(line)
        parts.append(line[: continued.start()] if continued else line)
        if not continued:
            yield begun, "".join(parts)
            begun, parts = 0, []
    if parts:
        raise ConfigError(f"{where}, line {begun}: ends with a backslash, and no line follows that continues it")


def _read(path: Path) -> str:
    try:
        with path.open(encoding="utf-8") as file:
            mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise ConfigError(f"settings file {path}: can't read it: {reason}") from error
    if mode & 0o077:
        log.warning("settings file %s has mode %04o, others may read its credentials: chmod 600 it", path, mode)
    return text


def _runtime(values: Mapping[str, str], where: str) -> RuntimeSettings:
    known = {f"{_OUR_PREFIX}{setting.name}" for setting in options_of(RuntimeSettings)}
    ours = {key: value for key, value in values.items() if key in known}
    return build_config(RuntimeSettings, {key[len(_OUR_PREFIX) :]: value for key, value in ours.items()}, where=where)
