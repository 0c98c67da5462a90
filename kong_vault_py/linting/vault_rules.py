"""Rules about vault entities, and about the ``vault_<name>_*`` settings that stand for one."""

from __future__ import annotations

import difflib
import re

from kong_vault_py.errors import ConfigError, InvalidReferenceError, VaultError
from kong_vault_py.linting.catalogue import known_strategies, load_data
from kong_vault_py.linting.finding import Findings
from kong_vault_py.linting.place import Option, Reading, VaultDeclaration
from kong_vault_py.linting.secretive import is_filled_in_later
from kong_vault_py.linting.target import Target
from kong_vault_py.linting.ttl_rules import check_lifetimes
from kong_vault_py.options import Option as KnownOption
from kong_vault_py.options import StrategyConfig, build_config, options_of
from kong_vault_py.reference import is_reference, parse_reference
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["check_vaults"]

# Kong: kong/db/schema/entities/vaults.lua.
_PREFIX = re.compile(r"[a-z][a-z0-9-]*?[a-z0-9]+")


def check_vaults(reading: Reading, target: Target, findings: Findings) -> None:
    """Judge all vaults of the files."""
    taken: set[str] = set()
    available = {"env", *(reading.loaded or ())}
    for vault in reading.vaults:
        if vault.prefix is not None:
            _check_names(vault, taken, findings)
            if target.edition == "oss" and vault.strategy in set(known_strategies()) - available:
                message = f"Kong OSS has no vault {vault.strategy}"
                remedy = f"Load our Lua strategy: vaults = bundled,{vault.strategy}, and run kong-vault agent."
                findings.add("KV013", vault.source, vault.span, message, remedy=remedy)
        _check_options(vault, findings)


def _check_names(vault: VaultDeclaration, taken: set[str], findings: Findings) -> None:
    prefix = vault.prefix or ""
    if not vault.strategy or not prefix:
        missing = "name (the strategy)" if not vault.strategy else "prefix"
        findings.add("KV030", vault.source, vault.span, f"the vault has no {missing}")
    if prefix in known_strategies():
        findings.add("KV031", vault.source, vault.prefix_span, f"the prefix '{prefix}' is a strategy's name")
    elif prefix and not _PREFIX.fullmatch(prefix):
        message = "the prefix has other than lower case letters, digits and dashes, or is one letter"
        findings.add("KV031", vault.source, vault.prefix_span, message)
    if prefix and prefix in taken:
        findings.add("KV032", vault.source, vault.prefix_span, f"the prefix '{prefix[:40]}' is taken already")
    taken.add(prefix)


def _check_options(vault: VaultDeclaration, findings: Findings) -> None:
    if not vault.strategy:
        return
    if vault.strategy not in known_strategies():
        close = difflib.get_close_matches(vault.strategy, known_strategies(), n=1)
        hint = f"; did you mean '{close[0]}'?" if close else ""
        findings.add("KV037", vault.source, vault.span, f"no strategy '{vault.strategy[:40]}'{hint}")
        return
    try:
        config_class = load_strategy(vault.strategy).config_class
    except VaultError:
        # Its package is not installed here, or is broken: nothing is known of its options.
        return
    known = {spelling: option for option in options_of(config_class) for spelling in (option.name, *option.aliases)}
    left: dict[str, Option] = {}
    for option in vault.options:
        if option.name in known:
            left[option.name] = option
            _check_option(vault, option, known[option.name], findings)
        elif vault.prefix is not None or option.name not in _kongs_options(vault.strategy):
            close = difflib.get_close_matches(option.name, known, n=1)
            hint = f"; did you mean '{close[0]}'?" if close else ""
            message = f"{_called(vault)} has no option '{option.name[:40]}'{hint}"
            findings.add("KV033", vault.source, option.span, message)
    _check_together(vault, config_class, left, findings)
    texts = {known[name].name: option.text for name, option in left.items()}
    spans = {known[name].name: option.span for name, option in left.items()}
    check_lifetimes(vault.source, texts, spans, _called(vault), findings)


def _check_option(vault: VaultDeclaration, option: Option, known: KnownOption, findings: Findings) -> None:
    if is_reference(option.text):
        try:
            name = parse_reference(option.text).name
        except InvalidReferenceError:
            return
        if name == (vault.prefix or vault.strategy):
            message = f"{_called(vault)}: option '{known.name}' refers to the vault itself"
            findings.add("KV036", vault.source, option.span, message)
    elif known.secret and option.kind != "null" and not is_filled_in_later(option.text):
        message = f"{_called(vault)}: option '{known.name}' holds a credential in plain text"
        findings.add("KV034", vault.source, option.span, message)
    kongs = _kongs_options(vault.strategy)
    if vault.prefix is not None and kongs and option.name not in kongs:
        message = f"{_called(vault)}: Kong's own {vault.strategy} vault has no option '{option.name}'"
        findings.add("KV035", vault.source, option.span, message)


def _check_together(
    vault: VaultDeclaration, config_class: type[StrategyConfig], options: dict[str, Option], findings: Findings
) -> None:
    """Build the config as the resolver does, and report each option that stops it, one after the other."""
    raw = {name: _as_read(option) for name, option in options.items()}
    dropped: set[str] = set()
    while True:
        try:
            build_config(config_class, raw, where="")
        except ConfigError as error:
            problem = str(error).removeprefix(": ")
            guilty = next((name for name in raw if problem.startswith(f"option '{name}'")), None)
            if guilty is None:
                # Settings may be completed by the environment; an entity stands for itself.
                if vault.prefix is not None and not any(f"'{name}'" in problem for name in dropped):
                    span = vault.span
                    findings.add("KV033", vault.source, span, f"{_called(vault)}: {_without_value(problem)}")
                return
            option = options[guilty]
            if option.kind == "structure" or not (
                is_reference(option.text) or "{" in option.text or "$" in option.text
            ):
                message = f"{_called(vault)}: option '{guilty}' has a value of the wrong kind or form"
                findings.add("KV033", vault.source, option.span, message)
            dropped.add(guilty)
            del raw[guilty]
        else:
            return


def _as_read(option: Option) -> object:
    if option.kind == "structure":
        return []
    if option.kind == "null":
        return None
    if option.kind == "bool":
        return option.text.lower() in ("true", "yes", "on", "y")
    return option.text


def _without_value(problem: str) -> str:
    """Cut a value that the message repeats: nothing of a config is shown."""
    return re.sub(r": .* won't do: ", ": ", problem, flags=re.DOTALL)


def _kongs_options(strategy: str) -> list[str]:
    names: list[str] = load_data("vault-options").get(strategy, [])
    return names


def _called(vault: VaultDeclaration) -> str:
    return f"vault '{vault.prefix[:40]}'" if vault.prefix else f"vault {vault.strategy[:40]}"
