"""Rules about references: are they sound, do they lead somewhere, and does anyone resolve them where they stand?"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from kong_vault_py.errors import ConfigError, InvalidReferenceError, VaultError
from kong_vault_py.linting.finding import Edit, Findings
from kong_vault_py.linting.place import Resolves, Value
from kong_vault_py.linting.target import Target
from kong_vault_py.linting.ttl_rules import check_lifetimes
from kong_vault_py.options import Option, build_config, options_of
from kong_vault_py.reference import Reference, find_references, is_reference, parse_reference
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["Directory", "check_references"]

_START = "{vault://"
_SCHEME = re.compile(r"[\s$({\[<\"'`]*([A-Za-z]{4,6})[ ]?(:/{0,3}|//)[^\s/]")
_WRAPPED = re.compile(r"(\$|[${(\[<]+)\{vault://[^{}]*\}[)}\]>]*")
_WHOLE = re.compile(r"\S+")
#: Kong documents what a version means for these alone; hcv's are those of KV version 2.
_VERSIONED = {"env", "aws", "hcv"}
_SINCE = {"conjur": (3, 11)}


@dataclass(frozen=True)
class Directory:
    """What a reference's name may lead to.

    Attributes:
        entities: prefix -> strategy, from the vault entities of the files.
        strategies: all strategies by name.
        declared: prefixes that the user says exist.
        loaded: Kong's setting ``vaults``, if a file has it.
        options: prefix -> option name -> text, for what depends on the entity's config.
    """

    entities: Mapping[str, str]
    strategies: AbstractSet[str]
    declared: Collection[str]
    loaded: Collection[str] | None
    options: Mapping[str, Mapping[str, str]]
    target: Target

    def strategy_of(self, name: str) -> str | None:
        """Return the strategy behind a name, ``None`` where it is not known."""
        # A strategy's own name comes first, as in kong/pdk/vault.lua (get_vault_name_and_base_config).
        found = name if name in self.strategies else self.entities.get(name)
        return found if found in self.strategies else None

    def knows(self, name: str) -> bool:
        """Tell whether a name leads anywhere."""
        return name in self.declared or name in self.entities or name in self.strategies


def check_references(value: Value, directory: Directory, findings: Findings) -> bool:
    """Judge what a value has of references.

    Returns:
        Whether it is, has or was meant as one: then it is no plaintext secret.
    """
    text = value.text
    if "{" not in text and "ault:" not in text.lower() and ":/" not in text:
        return False
    if is_reference(text) and _START in text[1:]:
        message = f"{value.place.label}: several references in one text, which are one to Kong and to us"
        findings.add("KV007", value.source, value.span, message, remedy="Put the whole text into one secret.")
        return True
    if is_reference(text):
        if _check_one(value, text, directory, findings):
            _check_place(value, findings)
        return True
    if is_reference(text.strip()):
        message = f"{value.place.label}: blanks or line ends beside the reference"
        findings.add("KV006", value.source, value.span, message, edit=_trimmed(value))
        _check_one(value, text.strip(), directory, findings)
        return True
    if value.place.prose:
        return _START in text
    return _check_text(value, text, directory, findings)


def _check_text(value: Value, text: str, directory: Directory, findings: Findings) -> bool:
    if _WRAPPED.fullmatch(text.strip()):
        findings.add("KV005", value.source, value.span, f"{value.place.label}: not quite a reference")
        return True
    spans = find_references(text)
    for start, end in spans:
        _check_one(value, text[start:end], directory, findings)
    if spans:
        if value.place.resolves is not Resolves.OURS:
            message = f"{value.place.label}: a reference inside a longer text"
            findings.add("KV007", value.source, value.span, message)
        return True
    if _looks_alike(text):
        findings.add("KV005", value.source, value.span, f"{value.place.label}: not quite a reference")
        return True
    return False


def _looks_alike(text: str) -> bool:
    """Tell whether a text was meant as a reference: a letter off, a brace or a slash missing."""
    stripped = text.strip()
    if stripped.startswith(_START):
        return True
    found = _SCHEME.match(stripped) if _WHOLE.fullmatch(stripped) or stripped[:1] in "{$" else None
    if not found or not _nearly_vault(found[1].lower()):
        return False
    braced = stripped.lstrip("$ ").startswith(("{", "(", "[", "<")) or stripped.endswith("}")
    return braced or (found[1].lower() == "vault" and found[2].startswith("://"))


def _nearly_vault(word: str) -> bool:
    """Tell whether a word is "vault" with one letter too many, too few, wrong or misplaced."""
    goal = "vault"
    if word == goal or sorted(word) == sorted(goal):
        return True
    shorter, longer = sorted((word, goal), key=len)
    if len(longer) == len(shorter):
        return sum(a != b for a, b in zip(word, goal, strict=True)) == 1
    return len(longer) - len(shorter) == 1 and any(
        longer[:at] + longer[at + 1 :] == shorter for at in range(len(longer))
    )


def _trimmed(value: Value) -> Edit | None:
    """Return the edit that takes blanks and line ends off; only where the text is written in one piece."""
    written = value.source.text[value.start : value.end]
    reference = value.text.strip()
    if re.search(r"[\s\"'\\]", reference):
        return None
    if value.style in ("'", '"') and written[1:-1].strip() == reference:
        return Edit(value.start, value.end, f"{written[0]}{reference}{written[0]}")
    block = re.fullmatch(r"[|>][+-]?(\r?\n)[ ]+(\S+)[ ]*(\r?\n)?", written)
    if block and block[2] == reference:
        return Edit(value.start, value.end, f'"{reference}"{block[3] or ""}')
    return None


def _check_one(value: Value, text: str, directory: Directory, findings: Findings) -> bool:
    """Judge one reference; tell whether it is sound."""
    try:
        reference = parse_reference(text)
    except InvalidReferenceError as error:
        # Kong's words, without the text that it repeats: a query may hold a credential.
        problem = str(error).partition(" [")[0]
        findings.add("KV003", value.source, value.span, f"{value.place.label}: {problem}")
        return False
    path = text[len(_START) : -1].partition("#")[0].partition("?")[0]
    if ";" in path or "+" in path:
        cut = "is cut at ';'" if ";" in path else "has '+', which is a blank to Kong"
        findings.add("KV023", value.source, value.span, f"{value.place.label}: the reference's path {cut}")
    name = _shown(reference.name)
    if value.place.by_name_only and reference.name in directory.entities.keys() - directory.strategies:
        message = f"{value.place.label}: '{name}' is a vault entity, and Kong reads its settings before any entity"
        remedy = "Use the strategy's own name, and configure it with vault_<name>_* settings."
        findings.add("KV004", value.source, value.span, message, remedy=remedy)
    elif not directory.knows(reference.name):
        findings.add("KV004", value.source, value.span, f"{value.place.label}: no vault has the prefix '{name}'")
    strategy = directory.strategy_of(reference.name)
    if strategy is not None:
        _check_strategy(value, reference, strategy, directory, findings)
    return True


def _check_strategy(
    value: Value, reference: Reference, strategy: str, directory: Directory, findings: Findings
) -> None:
    label, target = value.place.label, directory.target
    ours = value.place.resolves is Resolves.OURS
    loaded = directory.loaded is not None and strategy in directory.loaded
    if target.edition == "oss" and strategy != "env" and not ours and not loaded:
        remedy = f"Load our Lua strategy: vaults = bundled,{strategy}, and run kong-vault agent."
        findings.add("KV013", value.source, value.span, f"{label}: Kong OSS has no vault {strategy}", remedy=remedy)
    since = _SINCE.get(strategy)
    if since and target.edition == "enterprise" and target.version and target.version < since:
        message = f"{label}: the vault {strategy} came with Kong {since[0]}.{since[1]}"
        findings.add("KV015", value.source, value.span, message)
    if reference.version is not None:
        _check_version(value, reference, strategy, directory, findings)
    if reference.config:
        _check_query(value, reference, strategy, findings)


def _check_version(value: Value, reference: Reference, strategy: str, directory: Directory, findings: Findings) -> None:
    config = {**directory.options.get(reference.name, {}), **(reference.config or {})}
    if strategy not in _VERSIONED:
        findings.add("KV009", value.source, value.span, f"{value.place.label}: a version of a secret in {strategy}")
    elif strategy == "hcv" and reference.name in directory.entities and config.get("kv", "v1") == "v1":
        message = f"{value.place.label}: a version, and vault '{_shown(reference.name)}' is kv v1, which keeps none"
        findings.add("KV009", value.source, value.span, message, remedy="Set kv: v2, if the engine is version 2.")
    elif strategy in ("env", "aws") and reference.version not in (1, 2):
        message = f"{value.place.label}: {strategy} knows versions 1 (current) and 2 (previous) only"
        findings.add("KV009", value.source, value.span, message, remedy="Write #1 or #2, or leave it out.")


def _check_query(value: Value, reference: Reference, strategy: str, findings: Findings) -> None:
    try:
        known = {option.name: option for option in options_of(load_strategy(strategy).config_class)}
    except VaultError:
        return
    aliases = {alias: option.name for option in known.values() for alias in option.aliases}
    lifetimes: dict[str, str] = {}
    for name, text in (reference.config or {}).items():
        option = known.get(aliases.get(name, name))
        where = f"{value.place.label}: '{_shown(name)}' in the query"
        if option is None:
            findings.add("KV010", value.source, value.span, f"{where} is no option of {strategy}")
        elif not option.override:
            remedy = f"Set it in the vault entity, or: vault_py_allowed_overrides = {strategy}.{option.name}"
            findings.add("KV011", value.source, value.span, f"{where} may not be set by a reference", remedy=remedy)
        elif not _fits(option, text, strategy):
            findings.add("KV012", value.source, value.span, f"{where} has a value of the wrong kind")
        elif isinstance(text, str):
            lifetimes[option.name] = text
    spans = dict.fromkeys(lifetimes, value.span)
    check_lifetimes(value.source, lifetimes, spans, f"{value.place.label}: the query", findings)


def _fits(option: Option, text: object, strategy: str) -> bool:
    if text == "":
        return True
    config_class = load_strategy(strategy).config_class
    try:
        build_config(config_class, {option.name: text}, where="")
    except ConfigError as error:
        # Other options may be required; this one's own trouble names it first.
        return not str(error).startswith(f": option '{option.name}': ")
    return True


def _check_place(value: Value, findings: Findings) -> None:
    place = value.place
    if place.resolves is Resolves.NOBODY and not place.prose:
        reasons = {
            "KV008": f"{place.label}: Kong resolves no reference there",
            "KV014": f"{place.label}: Kong OSS resolves no reference there",
            "KV015": f"{place.label}: this version of Kong resolves no reference there",
        }
        findings.add(place.refusal, value.source, value.span, reasons[place.refusal], remedy=place.remedy)


def _shown(name: str) -> str:
    return name if len(name) <= 40 else name[:37] + "..."
