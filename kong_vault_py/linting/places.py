"""What a field of a plugin or an entity is to one Kong: who resolves a reference there, and if it holds a secret."""

from __future__ import annotations

from kong_vault_py.linting.catalogue import (
    COUNTERPARTS,
    Field,
    Level,
    entity_fields,
    is_bundled,
    is_enterprise,
    is_ours,
    plugin_levels,
)
from kong_vault_py.linting.place import Place, Resolves
from kong_vault_py.linting.secretive import is_secret_header, is_secret_name
from kong_vault_py.linting.target import Target

__all__ = ["Places", "counterpart"]

_CODE = frozenset({"pre-function", "post-function", "exit-transformer"})
_PROSE = frozenset({"description", "tags", "tags[]", "instance_name", "_comment", "_ignore"})
_PAIRS = ("headers[]", "querystring[]", "body[]")
_MAPS = frozenset({"headers", "querystring", "body", "query", "custom", "token_headers", "token_post_args"})
#: Credentials whose secret has a name that tells nothing.
_CREDENTIALS = {"keyauth_credentials": "key", "keyauth_enc_credentials": "key"}
_PARTIALS = {"redis-ee": "rate-limiting-advanced", "redis-ce": "rate-limiting"}
_RENDER = "Resolve it before Kong sees it: kong-vault render."


def counterpart(plugin: str) -> str | None:
    """Return our plugin that does what one of Kong's does, if there is one."""
    return COUNTERPARTS.get(plugin)


class Places:
    """The places of a Kong's fields, each made once.

    Args:
        target: which Kong.
    """

    def __init__(self, target: Target) -> None:
        self.target = target
        self._known: dict[tuple[str, str, str | None], Place] = {}

    def of_plugin(self, plugin: str, path: str) -> Place:
        """Return the place of a field of a plugin; ``path`` as in ``config.targets[].auth.header_value``."""
        key = ("plugin", plugin, path)
        if key not in self._known:
            self._known[key] = self._plugin_place(plugin, path)
        return self._known[key]

    def of_entity(self, collection: str, path: str, kind: str | None) -> Place:
        """Return the place of a field of an entity other than a vault; ``kind`` is its ``type``, if it has one."""
        key = (collection, path, kind if collection == "partials" else None)
        if key not in self._known:
            self._known[key] = self._entity_place(*key)
        return self._known[key]

    def _plugin_place(self, plugin: str, path: str) -> Place:
        label = f"{path} of plugin {plugin}"
        name, parent = _names(path)
        secret = is_secret_name(name) or (parent in _MAPS and is_secret_header(name))
        pairs = path.endswith(_PAIRS)
        if is_ours(plugin):
            return Place(label, Resolves.OURS, secret=secret, pairs=pairs)
        ends = _walk(plugin_levels(plugin), path)
        if ends is not None:
            secret = secret or (ends.encrypted and is_secret_name(name, encrypted=True))
        known = is_bundled(plugin) or is_enterprise(plugin)
        if not known or (self.target.edition == "oss" and is_enterprise(plugin)):
            return Place(label, Resolves.UNKNOWN, secret=secret, pairs=pairs)
        resolves, refusal = Resolves.NOBODY, "KV008"
        if ends is not None:
            missing = ends.missing_in(self.target)
            resolves, refusal = (Resolves.NOBODY, missing) if missing else (Resolves.KONG, "")
        ours = counterpart(plugin)
        return Place(
            label,
            resolves,
            refusal,
            remedy=f"Use our Python plugin {ours}, or kong-vault render." if ours else _RENDER,
            secret=secret,
            text=ends is not None and ends.kind == "string",
            prose=plugin in _CODE,
            pairs=pairs,
        )

    def _entity_place(self, collection: str, path: str, kind: str | None) -> Place:
        label = f"{collection}.{path}" if collection else path
        name, _ = _names(path)
        if name in _PROSE or not collection:
            return Place(label, Resolves.NOBODY, remedy=_RENDER, prose=name in _PROSE or path.startswith("_"))
        if collection == "partials":
            level, walked = plugin_levels(_PARTIALS.get(kind or "", "")), path.replace("config.", "config.redis.", 1)
        else:
            level, walked = entity_fields(collection) or Level(), path
        ends = _walk(level, walked)
        secret = is_secret_name(name) or _CREDENTIALS.get(collection) == path or (ends is not None and ends.encrypted)
        return Place(
            label,
            Resolves.NOBODY if ends is None else Resolves.KONG,
            remedy=_RENDER if ends is None else None,
            secret=secret and (ends is None or is_secret_name(name, encrypted=ends.encrypted)),
            text=ends is not None,
        )


def _names(path: str) -> tuple[str, str]:
    """Return the last name of a path and the one above it."""
    above, _, last = path.rpartition(".")
    return last.replace("[]", ""), above.rpartition(".")[2].replace("[]", "")


def _walk(level: Level, path: str) -> Field | None:
    found: Level | None = level
    for part in path.split("."):
        if found is not None and found.ends is not None and not found.below:
            # A name in a map may have dots in it: this is the map's value.
            break
        name = part.rstrip("[]") if part.endswith("[]") else part
        found = found.child(name) if found else None
        for _ in range((len(part) - len(name)) // 2):
            found = found.item() if found else None
    return found.ends if found else None
