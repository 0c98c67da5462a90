"""kong.yml, decK state, Kubernetes manifests and other YAML: what each text in them is to Kong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass

from kong_vault_py.linting.catalogue import is_enterprise
from kong_vault_py.linting.conf_file import add_setting, setting_of
from kong_vault_py.linting.finding import Findings
from kong_vault_py.linting.place import Option, Place, Reading, Resolves, Value, VaultDeclaration
from kong_vault_py.linting.places import Places, counterpart
from kong_vault_py.linting.source import Source
from kong_vault_py.linting.yaml_rules import is_bare_reference
from kong_vault_py.linting.yaml_tree import Mapping, Node, Scalar, Sequence, pairs_of, type_of

__all__ = ["KongFile", "shared_configs"]

# fmt: off
_COLLECTIONS = frozenset({
    "services", "routes", "consumers", "consumer_groups", "plugins", "vaults", "certificates", "ca_certificates",
    "upstreams", "targets", "snis", "keys", "key_sets", "partials", "licenses", "workspaces", "filter_chains",
    "acls", "jwt_secrets", "keyauth_credentials", "basicauth_credentials", "hmacauth_credentials",
    "oauth2_credentials", "oauth2_tokens", "mtls_auth_credentials", "keyauth_enc_credentials",
})
# fmt: on
_VARIABLE = re.compile(r"(KONG_[A-Z0-9_]+)=")
_FOREIGN = Place("a value", Resolves.UNKNOWN, prose=True)
#: Aliases make a small file large: beyond its own length and this, no more of its values are looked at.
_SPARE_VALUES = 10_000
_DEEPEST = 200


def shared_configs(documents: list[Node]) -> dict[str, set[str]]:
    """Return decK's ``_plugin_configs`` by name: the plugins that use each (``_config: name``)."""
    used: dict[str, set[str]] = {}
    for node in _mappings(documents):
        name, config = node.text("name"), node.text("_config")
        if name and config:
            used.setdefault(config, set()).add(name)
    return used


def _mappings(documents: list[Node]) -> Iterator[Mapping]:
    seen: set[int] = set()
    todo = list(documents)
    while todo:
        node = todo.pop()
        if isinstance(node, Scalar) or id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Mapping):
            yield node
            todo.extend(value for _, value in node.pairs)
        else:
            todo.extend(node.items)


@dataclass
class KongFile:
    """Reads one file's documents.

    Attributes:
        places: what a field is to the Kong in question.
        reading: where the values go.
        configs: the plugins behind each of decK's shared configs, of all files.
    """

    source: Source
    places: Places
    reading: Reading
    findings: Findings
    configs: MappingOf[str, set[str]]
    _depth: int = 0

    def __post_init__(self) -> None:
        """Allow as many values as the text could hold without aliases, and some."""
        self._left = len(self.source.text) + _SPARE_VALUES

    def read(self, document: Node) -> None:
        """Read one document."""
        if not isinstance(document, Mapping):
            self._foreign(document)
        elif document.text("apiVersion") and document.text("kind"):
            self._kubernetes(document)
        elif document.find("_format_version") or self._is_kong(document):
            self._entity(document, "", "")
        else:
            self._foreign(document)

    def _is_kong(self, document: Mapping) -> bool:
        return any(key.text in _COLLECTIONS and isinstance(value, Sequence) for key, value in pairs_of(document))

    def _kubernetes(self, document: Mapping) -> None:
        kind, config = document.text("kind"), document.find("config")
        if kind in ("KongPlugin", "KongClusterPlugin"):
            self._plugin_named(document.find("plugin"), config)
        elif kind == "KongVault" and isinstance(spec := document.find("spec"), Mapping):
            self._vault(spec, "backend")
        elif kind == "List" and isinstance(items := document.find("items"), Sequence):
            for item in items.items:
                if isinstance(item, Mapping) and item.text("kind") != "List":
                    self.read(item)
        else:
            self._foreign(document)

    def _entity(self, node: Mapping, collection: str, path: str, kind: str | None = None) -> None:
        """Read a mapping whose fields are an entity's, lists of other entities among them."""
        if self._enough():
            return
        kind = kind or node.text("type")
        for key, value in pairs_of(node):
            where = f"{path}.{key.text}" if path else key.text
            if key.text == "_plugin_configs" and isinstance(value, Mapping):
                for name, config in pairs_of(value):
                    for plugin in sorted(self.configs.get(name.text, ())):
                        self._config(config, plugin)
            elif isinstance(value, Sequence):
                self._list(value, collection, where, key.text)
            elif isinstance(value, Scalar):
                self._add(value, self.places.of_entity(collection, where, kind))
            elif not is_bare_reference(self.source, value):
                self._entity(value, collection, where, kind)
        self._depth -= 1

    def _list(self, node: Sequence, collection: str, path: str, key: str) -> None:
        for item in node.items:
            if isinstance(item, Scalar):
                self._add(item, self.places.of_entity(collection, f"{path}[]", None))
            elif not isinstance(item, Mapping) or is_bare_reference(self.source, item):
                continue
            elif key == "plugins":
                self._plugin_named(item.find("name"), item.find("config"))
                rest = [(name, value) for name, value in item.pairs if not _is_key(name, "config")]
                self._entity(Mapping(item.start, flow=False, end=item.end, pairs=rest), "plugins", "")
            elif key == "vaults":
                self._vault(item, "name")
            else:
                self._entity(item, key, "")

    def _plugin_named(self, name: Node | None, config: Node | None) -> None:
        if not isinstance(name, Scalar):
            return
        plugin = name.text
        if self.places.target.edition == "oss" and is_enterprise(plugin):
            ours = counterpart(plugin)
            self.findings.add(
                "KV014",
                self.source,
                (name.start, name.end),
                f"plugin {plugin} comes with Kong Enterprise alone",
                remedy=f"Use our Python plugin {ours}." if ours else "Remove it, or use Kong Enterprise.",
            )
        if config is not None:
            self._config(config, plugin)

    def _config(self, config: Node, plugin: str) -> None:
        if isinstance(config, Mapping):
            self._plugin_value(config, plugin, "config")

    def _plugin_value(self, node: Node, plugin: str, path: str) -> None:
        if is_bare_reference(self.source, node):
            return
        if isinstance(node, Scalar):
            self._add(node, self.places.of_plugin(plugin, path))
            return
        if self._enough():
            return
        if isinstance(node, Sequence):
            for item in node.items:
                self._plugin_value(item, plugin, f"{path}[]")
        else:
            place = self.places.of_plugin(plugin, path)
            if place.text and path.endswith("[]"):
                message = f"an item of {place.label} is a mapping to YAML, where Kong wants a text"
                self.findings.add("KV019", self.source, (node.start, node.start + 1), message)
            for key, value in pairs_of(node):
                self._plugin_value(value, plugin, f"{path}.{key.text}")
        self._depth -= 1

    def _vault(self, node: Mapping, name_key: str) -> None:
        name, prefix, config = node.find(name_key), node.find("prefix"), node.find("config")
        anchor = next((key for key, _ in pairs_of(node)), None)
        span = (anchor.start, anchor.end) if anchor else (node.start, node.start)
        made = VaultDeclaration(
            self.source,
            (name.start, name.end) if isinstance(name, Scalar) else span,
            name.text if isinstance(name, Scalar) else "",
            prefix.text if isinstance(prefix, Scalar) else "",
            (prefix.start, prefix.end) if isinstance(prefix, Scalar) else span,
        )
        self.reading.vaults.append(made)
        if not isinstance(config, Mapping):
            return
        for key, value in pairs_of(config):
            if is_bare_reference(self.source, value):
                continue
            text = value.text if isinstance(value, Scalar) else ""
            kind = type_of(value) if isinstance(value, Scalar) else "structure"
            span = (value.start, value.end) if isinstance(value, Scalar) else (key.start, key.end)
            made.options.append(Option(key.text, text, kind, span))
            if isinstance(value, Scalar):
                self._add(value, Place(f"config.{key.text} of the vault", Resolves.KONG, judged=True))

    def _foreign(self, node: Node, setting: str | None = None) -> None:
        """Read a file that is not Kong's: a compose file, a manifest. Its ``KONG_*`` variables are."""
        if isinstance(node, Scalar):
            found = _VARIABLE.match(node.text)
            if found and setting is None:
                at = node.start + found.end() + (node.style in ("'", '"'))
                self._setting(node.text[found.end() :], (at, node.end), found[1])
            elif setting is not None:
                self._setting(node.text, (node.start, node.end), setting)
            else:
                self._add(node, _FOREIGN)
            return
        if self._enough() or is_bare_reference(self.source, node):
            return
        if isinstance(node, Sequence):
            for item in node.items:
                self._foreign(item)
        else:
            named = node.text("name")
            for key, value in pairs_of(node):
                variable = named if key.text == "value" else key.text
                self._foreign(value, variable if variable and setting_of(variable) else None)
        self._depth -= 1

    def _setting(self, text: str, span: tuple[int, int], variable: str) -> None:
        setting = setting_of(variable)
        if setting:
            add_setting(self.source, self.reading, setting, text, span)

    def _add(self, node: Scalar, place: Place) -> None:
        self._left -= 1
        if self._left >= 0:
            self.reading.values.append(Value(self.source, node.text, node.start, node.end, node.style, place))

    def _enough(self) -> bool:
        """Go one level down, or tell that it's deep or much enough (aliases may nest without end)."""
        self._left -= 1
        if self._left < 0 or self._depth >= _DEEPEST:
            message = "its aliases make it too large to look at all of it"
            self.findings.add("KV001", self.source, (self.source.start, self.source.start), message)
            return True
        self._depth += 1
        return False


def _is_key(node: Node, name: str) -> bool:
    return isinstance(node, Scalar) and node.text == name
