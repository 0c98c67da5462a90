"""Whether a vault entity will do, with Kong's error texts, and which part of its config is to be sealed.

The entity's fields follow ``kong/db/schema/entities/vaults.lua`` and ``typedefs.lua``; the config's are the
strategy's own options.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.problems import SchemaViolationError
from kong_vault_py.options import Option, build_config, options_of
from kong_vault_py.reference import is_reference
from kong_vault_py.schema.field import Field
from kong_vault_py.schema.validation import validate_field
from kong_vault_py.secret import MASK, Secret
from kong_vault_py.strategies.registry import load_strategy, strategy_names

__all__ = ["UUID", "CheckedVault", "Kept", "check_vault", "prefix_problem"]

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PREFIX_PATTERN = "^[a-z][a-z%d-]-[a-z%d]+$"
_KNOWN = {"id", "prefix", "name", "description", "config", "tags", "created_at", "updated_at"}
_MAX_PREFIX_CHARS = 255
_MAX_TAGS = 1000
_MAX_TAG_CHARS = 255
_MAX_VALUE_CHARS = 65_536
_TAG = re.compile(r"[ !-+\-.0-~\u0080-\U0010ffff]+")


class Kept(NamedTuple):
    """What is stored of the entity that the new one replaces: for credentials that come back masked."""

    name: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]


class CheckedVault(NamedTuple):
    """An entity that will do. ``config`` has every option but credentials in plain text, which are ``secrets``."""

    prefix: str
    name: str
    description: str | None
    tags: list[str] | None
    config: dict[str, Any]
    secrets: dict[str, str]


@functools.cache
def _strategies() -> tuple[str, ...]:
    """Return all strategies' names; once, since looking for third parties' reads the metadata of every package."""
    return tuple(strategy_names())


def prefix_problem(prefix: object) -> str | None:
    """Return why a prefix won't do, ``None`` where it will."""
    field = Field(type="string", required=True, match=_PREFIX_PATTERN, not_one_of=_strategies())
    if isinstance(prefix, str) and len(prefix) > _MAX_PREFIX_CHARS:
        return f"length must be at most {_MAX_PREFIX_CHARS}"
    problem = validate_field(field, prefix)
    return None if problem is None else str(problem)


def check_vault(given: Mapping[str, Any], kept: Kept | None = None) -> CheckedVault:
    """Check a whole entity.

    Args:
        given: the entity's fields.
        kept: the stored entity, whose credentials stand in for masked ones.

    Raises:
        SchemaViolationError: names all fields that won't do.
    """
    problems: dict[str, Any] = {name: "unknown field" for name in given if name not in _KNOWN}
    problem = prefix_problem(given.get("prefix"))
    if problem:
        problems["prefix"] = problem
    problems.update(_plain_problems(given))
    tags = _tags(given.get("tags"), problems)
    config, secrets = _config(given, kept, problems)
    if problems:
        raise SchemaViolationError(problems)
    return CheckedVault(given["prefix"], given["name"], given.get("description"), tags, config, secrets)


def _plain_problems(given: Mapping[str, Any]) -> dict[str, str]:
    fields = {
        "id": Field(type="string", uuid=True),
        "description": Field(type="string", len_max=2000),
        "created_at": Field(type="integer"),
        "updated_at": Field(type="integer"),
    }
    found = {name: validate_field(field, given.get(name)) for name, field in fields.items()}
    return {name: str(problem) for name, problem in found.items() if problem is not None}


def _tags(tags: object, problems: dict[str, Any]) -> list[str] | None:
    if tags is None:
        return None
    if not isinstance(tags, list):
        problems["tags"] = "expected a set"
        return None
    if len(tags) > _MAX_TAGS:
        problems["tags"] = f"length must be at most {_MAX_TAGS}"
        return None
    wrong: dict[int, str] = {}
    for index, tag in enumerate(tags, 1):
        if not isinstance(tag, str):
            wrong[index] = "expected a string"
        elif len(tag) > _MAX_TAG_CHARS:
            wrong[index] = f"length must be at most {_MAX_TAG_CHARS}"
        elif not _TAG.fullmatch(tag):
            wrong[index] = f"invalid tag '{tag}': expected text without control characters, `,` and `/`"
    if wrong:
        problems["tags"] = wrong
        return None
    return list(dict.fromkeys(tags))


def _config(
    given: Mapping[str, Any], kept: Kept | None, problems: dict[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the config's plain options and its credentials; adds to ``problems``."""
    name, raw = given.get("name"), given.get("config")
    if not isinstance(name, str):
        problems["name"] = "required field missing" if name is None else "expected a string"
        return {}, {}
    if raw is not None and not isinstance(raw, Mapping):
        problems["config"] = "expected a record"
        return {}, {}
    try:
        config_class = load_strategy(name).config_class
    except ConfigError:
        problems["name"] = f"vault '{name}' is not installed"
        return {}, {}
    options = {known.name: known for known in options_of(config_class)}
    values, wrong = _values(raw or {}, options)
    config, secrets = _separated(values, options, wrong, kept if kept and kept.name == name else None)
    if wrong:
        problems["config"] = wrong
        return {}, {}
    together = _together_problem(config_class, config, secrets)
    if together:
        problems["@entity"] = [together]
    return config, secrets


def _values(raw: Mapping[str, Any], options: Mapping[str, Option]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the values by the options' own names, and what is wrong with each."""
    aliases = {alias: known.name for known in options.values() for alias in known.aliases}
    values: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for written, value in raw.items():
        name = written if written in options else aliases.get(written, "")
        if not name:
            wrong[written] = "unknown field"
        elif value is not None or name not in values:
            values[name] = value
    for name, known in options.items():
        problem = _value_problem(known, values.get(name))
        if problem:
            wrong[name] = problem
    return values, wrong


def _value_problem(known: Option, value: object) -> str | None:
    if value is None:
        return "required field missing" if known.required else None
    if isinstance(value, str) and len(value) > _MAX_VALUE_CHARS:
        return f"length must be at most {_MAX_VALUE_CHARS}"
    if known.kind == "string" and (is_reference(value) or (known.secret and value == MASK)):
        return None
    problem = validate_field(known.kong_field(), value)
    # Kong's text may repeat the value.
    return None if problem is None else "invalid value" if known.secret and isinstance(value, str) else str(problem)


def _separated(
    values: Mapping[str, Any], options: Mapping[str, Option], wrong: dict[str, str], kept: Kept | None
) -> tuple[dict[str, Any], dict[str, str]]:
    config: dict[str, Any] = {}
    secrets: dict[str, str] = {}
    masked = []
    for name, known in options.items():
        value = values.get(name)
        if not known.secret or value is None or is_reference(value):
            config[name] = known.default if value is None and not known.secret else value
        elif value == MASK:
            masked.append(name)
        else:
            secrets[name] = value
    for name in masked:
        if kept is not None and is_reference(kept.config.get(name)):
            config[name] = kept.config[name]
        elif kept is None or name not in kept.secrets:
            wrong[name] = "this is the mask of a credential, and none is stored"
        else:
            # Otherwise whoever may edit a vault could have its credential sent to a server of theirs.
            moved = _moved(options, kept.config, config)
            if moved:
                wrong[name] = f"give it again: '{moved}' changes where it goes"
            secrets[name] = kept.secrets[name]
    return config, secrets


def _moved(options: Mapping[str, Option], old: Mapping[str, Any], new: Mapping[str, Any]) -> str | None:
    """Return the first changed option of those that say where a vault is and who we are to it."""
    for name, known in options.items():
        if not (known.override or known.secret) and old.get(name, known.default) != new.get(name):
            return name
    return None


def _together_problem(config_class: type[object], config: Mapping[str, Any], secrets: Mapping[str, str]) -> str | None:
    """Return what is wrong with options that are right one by one; not asked where references stand for some."""
    options = {known.name: known for known in options_of(config_class)}
    if any(is_reference(value) and not options[name].secret for name, value in config.items()):
        return None
    hidden = {name: Secret(value) for name, value in secrets.items()}
    plain = {name: Secret(value) if options[name].secret and value else value for name, value in config.items()}
    try:
        build_config(config_class, {**plain, **hidden}, where="config")
    except ConfigError as error:
        return str(error).removeprefix("config: ")
    return None
