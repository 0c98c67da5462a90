"""Putting it together: texts in, findings out."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Literal

from kong_vault_py.linting.catalogue import known_strategies
from kong_vault_py.linting.conf_file import read_conf, read_env
from kong_vault_py.linting.finding import Finding, Findings
from kong_vault_py.linting.kong_file import KongFile, shared_configs
from kong_vault_py.linting.place import Reading
from kong_vault_py.linting.places import Places
from kong_vault_py.linting.plaintext_rules import check_plaintext
from kong_vault_py.linting.reference_rules import Directory, check_references
from kong_vault_py.linting.source import Source
from kong_vault_py.linting.target import Target
from kong_vault_py.linting.vault_rules import check_vaults
from kong_vault_py.linting.yaml_rules import check_broken, check_structure
from kong_vault_py.linting.yaml_tree import Node, YamlSyntaxError, read_documents

__all__ = ["Format", "LintOptions", "format_of", "lint"]

Format = Literal["yaml", "conf", "env"]

_JSON_ESCAPE = re.compile(
    r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)", re.DOTALL
)
_ENV_LINE = re.compile(r"(?:export\s+)?[A-Z_][A-Z0-9_]*=")
_CONF_LINE = re.compile(r"[a-z][a-z0-9_]*\s*=")


@dataclass(frozen=True)
class LintOptions:
    """How to lint.

    Attributes:
        target: the Kong that reads the files.
        prefixes: prefixes of vault entities that are not in the files.
        ignored: rules to leave out.
        format: of all files; ``None`` to tell by name and content.
    """

    target: Target = field(default_factory=Target)
    prefixes: Collection[str] = ()
    ignored: Collection[str] = ()
    format: Format | None = None


def lint(sources: Sequence[Source], options: LintOptions | None = None) -> list[Finding]:
    """Judge files that together configure one Kong: a vault entity in one serves references in the others."""
    options = options or LintOptions()
    findings, reading = Findings(options.ignored), Reading()
    trees: list[tuple[Source, list[Node]]] = []
    for source in sources:
        written = options.format or format_of(source)
        if written == "conf":
            read_conf(source, reading, findings)
        elif written == "env":
            read_env(source, reading, findings)
        else:
            trees.append((source, _documents(source, findings)))
    configs: dict[str, set[str]] = {}
    for _, documents in trees:
        for name, plugins in shared_configs(documents).items():
            configs.setdefault(name, set()).update(plugins)
    places = Places(options.target)
    for source, documents in trees:
        check_structure(source, documents, findings)
        file = KongFile(source, places, reading, findings, configs)
        for document in documents:
            file.read(document)
    check_vaults(reading, options.target, findings)
    directory = _directory(reading, options)
    for value in reading.values:
        if not check_references(value, directory, findings):
            check_plaintext(value, findings)
    names = {source.name: number for number, source in enumerate(sources)}
    return sorted(findings.in_order(), key=lambda one: names[one.source.name])


def format_of(source: Source) -> Format:
    """Tell a file's format by its name, or by its lines where the name says nothing."""
    name = source.name.lower().rpartition("/")[2]
    if name.endswith((".yml", ".yaml", ".json")):
        return "yaml"
    if name.endswith(".conf") or name.startswith("kong.conf"):
        return "conf"
    if name.endswith(".env") or name.startswith(".env"):
        return "env"
    lines = [line.strip() for line in source.content.splitlines()[:200]]
    lines = [line for line in lines if line and not line.startswith("#")]
    if lines and all(_ENV_LINE.match(line) for line in lines):
        return "env"
    return "conf" if lines and all(_CONF_LINE.match(line) for line in lines) else "yaml"


def _documents(source: Source, findings: Findings) -> list[Node]:
    try:
        return read_documents(source.content, source.start)
    except YamlSyntaxError as problem:
        if source.content.lstrip()[:1] in ("{", "["):
            try:
                return read_documents(_as_yaml(source.content), source.start)
            except YamlSyntaxError:
                pass
        findings.add("KV001", source, (problem.offset, problem.offset), f"not valid YAML: {problem.reason}")
        check_broken(source, findings)
        return []


def _as_yaml(text: str) -> str:
    """Replace what JSON has and YAML forbids (tabs, surrogates) by something as long."""

    def replaced(found: re.Match[str]) -> str:
        escape = found[1]
        if len(escape) == len("uD83D\\uDE00"):
            character: str = json.loads('"' + found[0] + '"')
            return f"\\U{ord(character):08X}  "
        return "\\ufffd" if len(escape) > 1 else found[0]

    return _JSON_ESCAPE.sub(replaced, text.replace("\t", " "))


def _directory(reading: Reading, options: LintOptions) -> Directory:
    entities = {vault.prefix: vault.strategy for vault in reading.vaults if vault.prefix and vault.strategy}
    return Directory(
        entities=entities,
        strategies=frozenset(known_strategies()),
        declared=options.prefixes,
        loaded=reading.loaded,
        options={
            vault.prefix: {option.name: option.text for option in vault.options}
            for vault in reading.vaults
            if vault.prefix
        },
        target=options.target,
    )
