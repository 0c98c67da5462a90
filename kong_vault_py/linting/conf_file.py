"""kong.conf, files of environment variables, and single ``KONG_*`` variables in other files."""

from __future__ import annotations

import re

from kong_vault_py.linting.catalogue import known_strategies
from kong_vault_py.linting.finding import Edit, Findings
from kong_vault_py.linting.place import Option, Place, Reading, Resolves, Value, VaultDeclaration
from kong_vault_py.linting.secretive import is_secret_name
from kong_vault_py.linting.source import Source
from kong_vault_py.reference import is_reference

__all__ = ["add_setting", "read_conf", "read_env", "setting_of"]

_LINE = re.compile(r"[^\r\n]+")
# Kong: kong/conf_loader/init.lua, strip_comments.
_COMMENT = re.compile(r"(?<!\\)#")
_CUT = re.compile(r"(\{vault://[^\s{}#\\]*)#([^\s{}#]*\}\s*)$")
_OURS = re.compile(r"^[ \t]*vault_py_\w+[ \t]*=", re.MULTILINE)
_VARIABLE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)=(.*)$")
_ENV_PREFIX = "KONG_"
_PATH = re.compile(r"[./~][^\s]*|[^\s:]+\.(pem|crt|key|cert|json)")
_ELSEWHERE = Place("a variable", Resolves.UNKNOWN, prose=True)


def setting_of(variable: str) -> str | None:
    """Return the setting that an environment variable sets, ``None`` if it is not Kong's."""
    return variable[len(_ENV_PREFIX) :].lower() if variable.startswith(_ENV_PREFIX) and len(variable) > 5 else None


def read_conf(source: Source, reading: Reading, findings: Findings) -> None:
    """Read a kong.conf, or a settings file of ours, which has ``vault_py_*`` in it."""
    ours = bool(_OURS.search(source.text))
    seen: set[str] = set()
    for found in _LINE.finditer(source.text, source.start):
        raw, start = found[0], found.start()
        if raw.lstrip().startswith("#") or not raw.strip():
            continue
        name, equals, rest = raw.partition("=")
        if not equals or not name.strip():
            findings.add("KV001", source, (start, found.end()), "not of the form 'key = value'")
            continue
        setting = name.strip()
        at = start + len(name) + 1 + len(rest) - len(rest.lstrip())
        if setting in seen:
            findings.add("KV002", source, (start, start + len(name.rstrip())), f"'{_short(setting)}' is set twice")
        seen.add(setting)
        if _warn_of_cut(source, rest, start + len(name) + 1, findings):
            continue
        text = _COMMENT.split(rest, 1)[0].strip().replace("\\#", "#")
        add_setting(source, reading, setting, text, (at, at + len(text)), ours=ours)


def _warn_of_cut(source: Source, raw: str, at: int, findings: Findings) -> bool:
    cut = _CUT.search(raw)
    if cut:
        hash_at = at + cut.end(1)
        span = (at + cut.start(), at + len(raw.rstrip()))
        message = "the # begins a comment in kong.conf: version and brace of the reference are cut off"
        remedy = "Write \\# for a literal number sign."
        findings.add("KV018", source, span, message, remedy=remedy, edit=Edit(hash_at, hash_at, "\\"))
    return cut is not None


def read_env(source: Source, reading: Reading, findings: Findings) -> None:
    """Read a file of environment variables, as docker, compose and systemd take them."""
    seen: set[str] = set()
    for found in _LINE.finditer(source.text, source.start):
        line = found[0]
        if line.lstrip().startswith(("#", ";")) or not line.strip():
            continue
        parsed = _VARIABLE.match(line.lstrip())
        if not parsed:
            findings.add("KV001", source, found.span(), "not of the form NAME=value")
            continue
        indent = len(line) - len(line.lstrip())
        text, at = parsed[2].strip(), found.start() + indent + parsed.start(2)
        if parsed[1] in seen:
            findings.add("KV002", source, (found.start(), at), f"'{_short(parsed[1])}' is set twice")
        seen.add(parsed[1])
        if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
            text, at = text[1:-1], at + 1
        setting = setting_of(parsed[1])
        if setting is None:
            reading.values.append(Value(source, text, at, at + len(text), "=", _ELSEWHERE))
        else:
            add_setting(source, reading, setting, text, (at, at + len(text)))


def add_setting(
    source: Source, reading: Reading, setting: str, text: str, span: tuple[int, int], *, ours: bool = False
) -> None:
    """Take one setting in: of Kong, or of our resolver (``ours``), which knows vault entities there."""
    if setting == "vaults":
        reading.load(text)
    strategy = _strategy_of(setting)
    if strategy is not None:
        _declare(source, reading, strategy, setting, text, span)
        if not is_reference(text):
            return
    reading.values.append(Value(source, text, *span, "=", _place(setting, text, ours=ours)))


def _declare(source: Source, reading: Reading, strategy: str, setting: str, text: str, span: tuple[int, int]) -> None:
    declared = next(
        (one for one in reading.vaults if one.source is source and one.prefix is None and one.strategy == strategy),
        None,
    )
    if declared is None:
        declared = VaultDeclaration(source, span, strategy, None, span)
        reading.vaults.append(declared)
    name = setting[len(f"vault_{strategy}_") :]
    declared.options.append(Option(name, text, "str", span))


def _strategy_of(setting: str) -> str | None:
    """Return whose option a setting is, the longest name first: azure_certs before azure."""
    names = sorted(known_strategies(), key=len, reverse=True)
    return next((name for name in names if setting.startswith(f"vault_{name}_".replace("-", "_"))), None)


def _place(setting: str, text: str, *, ours: bool) -> Place:
    secret = is_secret_name(setting) and not _PATH.fullmatch(text)
    resolves = Resolves.OURS if ours else Resolves.KONG
    return Place(f"setting {_short(setting)}", resolves, secret=secret, by_name_only=not ours)


def _short(name: str) -> str:
    return name if len(name) <= 60 else name[:57] + "..."
