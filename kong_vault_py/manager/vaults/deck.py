"""decK files: a group's vaults out and in. Credentials leave as references only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import yaml
from sqlalchemy import select

from kong_vault_py.manager.clean_text import is_clean
from kong_vault_py.manager.database.models import Vault
from kong_vault_py.manager.problems import SchemaViolationError
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.vaults.service import Vaults
from kong_vault_py.secret import MASK

__all__ = ["DeckFiles", "Exported"]

_FORMAT = "3.0"
_MAX_DEPTH = 50
# Ten thousand vaults of some options each.
_MAX_EVENTS = 300_000
_FIELDS = ("name", "prefix", "description", "config", "tags")


class Exported(NamedTuple):
    """A decK file's text, and ``<prefix>.<option>`` of each credential that is not in it."""

    text: str
    left_out: list[str]


class DeckFiles:
    """Export and import.

    Args:
        records: the manager's data.
        vaults: makes what is imported.
    """

    def __init__(self, records: Records, vaults: Vaults) -> None:
        self._records = records
        self._vaults = vaults

    def export(self, group_id: str) -> Exported:
        """Return all vaults of a group as a decK file."""
        left_out: list[str] = []
        entities = []
        with self._records.database.read() as session:
            query = select(Vault).where(Vault.group_id == group_id).order_by(Vault.prefix)
            for vault in session.scalars(query):
                config = {name: value for name, value in vault.config.items() if value not in (None, MASK)}
                left_out += [f"{vault.prefix}.{name}" for name, value in vault.config.items() if value == MASK]
                shown = {"name": vault.name, "prefix": vault.prefix, "config": config}
                if vault.description:
                    shown["description"] = vault.description
                if vault.tags:
                    shown["tags"] = vault.tags
                entities.append(shown)
        document = {"_format_version": _FORMAT, "vaults": entities}
        return Exported(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), left_out)

    def load(self, actor: str, group_id: str, text: str) -> dict[str, int]:
        """Make or replace a group's vaults of a decK file, all or none; others of the group stay.

        Raises:
            SchemaViolationError: the text is no decK file, or one of its vaults won't do.
        """
        return self._vaults.put_many(actor, group_id, _read(text))


# Ten times as fast, where PyYAML was built with it.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _read(text: str) -> list[Mapping[str, Any]]:
    try:
        _check_events(text)
        document = yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError):
        raise SchemaViolationError({"@entity": ["not valid YAML, or one with aliases, or too much of it"]}) from None
    vaults = document.get("vaults") if isinstance(document, Mapping) else ()
    if vaults is None:
        return []
    if not isinstance(vaults, list) or not all(isinstance(entity, Mapping) for entity in vaults):
        raise SchemaViolationError({"vaults": "expected an array of vaults"})
    if not is_clean(vaults):
        raise SchemaViolationError({"@entity": ["text with NUL or half characters, or too deep"]})
    return vaults


def _check_events(text: str) -> None:
    """Refuse what costs more than its length: aliases, which may stand for gigabytes, depth, and many small things."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, _Loader)):
        if count > _MAX_EVENTS:
            raise yaml.YAMLError("too much")
        if isinstance(event, yaml.AliasEvent):
            raise yaml.YAMLError("aliases are not supported here")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MAX_DEPTH:
                raise yaml.YAMLError("too deep")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
