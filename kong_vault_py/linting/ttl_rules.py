"""Rules about lifetimes, which Kong takes in ways that surprise."""

from __future__ import annotations

from collections.abc import Mapping

from kong_vault_py.linting.finding import Findings
from kong_vault_py.linting.source import Source

__all__ = ["check_lifetimes"]

#: Kong keeps a miss for two rotations of 60 s at least (kong/pdk/vault.lua, SECRETS_CACHE_MIN_TTL).
_TWO_ROTATIONS_S = 120.0
_EVER_S = 100_000_000.0


def check_lifetimes(
    source: Source,
    options: Mapping[str, str],
    spans: Mapping[str, tuple[int, int]],
    where: str,
    findings: Findings,
) -> None:
    """Judge ttl, neg_ttl and resurrect_ttl.

    Args:
        source: the file.
        options: option name -> text; others are left alone.
        spans: option name -> where it stands.
        where: how the messages call the place.
        findings: where they go.
    """
    ttl_s, neg_ttl_s = _seconds(options.get("ttl")), _seconds(options.get("neg_ttl"))
    resurrect_ttl_s = _seconds(options.get("resurrect_ttl"))
    if ttl_s == 0:
        findings.add("KV040", source, spans["ttl"], f"{where} has a ttl of 0")
    if neg_ttl_s == 0:
        findings.add("KV041", source, spans["neg_ttl"], f"{where} has a neg_ttl of 0")
    elif neg_ttl_s is not None and neg_ttl_s < _TWO_ROTATIONS_S:
        findings.add("KV042", source, spans["neg_ttl"], f"{where} has a neg_ttl that Kong raises to 120 seconds")
    stays_s = None if ttl_s is None else ttl_s + (_EVER_S if resurrect_ttl_s is None else resurrect_ttl_s)
    if ttl_s and stays_s is not None and stays_s < _TWO_ROTATIONS_S:
        message = f"{where} has ttl and resurrect_ttl below two of Kong's rotations: it fetches at every one"
        findings.add("KV042", source, spans["ttl"], message)


def _seconds(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None
