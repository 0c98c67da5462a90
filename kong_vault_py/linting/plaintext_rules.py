"""Rules about secrets in plain text. What they find they never show."""

from __future__ import annotations

import re

from kong_vault_py.linting.finding import Findings
from kong_vault_py.linting.place import Resolves, Value
from kong_vault_py.linting.secretive import holds_credential, is_filled_in_later, is_secret_header
from kong_vault_py.linting.yaml_tree import Scalar, type_of

__all__ = ["check_plaintext"]

_DECK_VARIABLE = re.compile(r"\$\{\{\s*env\s+[\"'](?!DECK_)([A-Za-z_]\w{0,60})[\"']\s*\}\}")


def check_plaintext(value: Value, findings: Findings) -> None:
    """Judge a value that has nothing of a reference."""
    place = value.place
    deck = _DECK_VARIABLE.search(value.text) if "${{" in value.text else None
    if deck:
        message = f"{place.label}: decK does not read the variable {deck[1]}"
        findings.add("KV022", value.source, value.span, message, remedy=f"Rename it to DECK_{deck[1]}.")
    if place.judged or (place.resolves is Resolves.UNKNOWN and place.prose):
        return
    kind = type_of(Scalar(value.text, value.start, value.end, value.style))
    if kind == "null" or is_filled_in_later(value.text):
        _check_type(value, kind, findings)
        return
    if _is_secret(value, kind):
        if place.resolves in (Resolves.KONG, Resolves.OURS):
            message = f"{place.label} holds a secret in plain text"
            ours = place.resolves is Resolves.OURS
            remedy = "Put it in a vault and write {vault://<prefix>/<resource>/<key>}, alone or inside the text."
            findings.add("KV020", value.source, value.span, message, remedy=remedy if ours else None)
        else:
            message = f"{place.label} looks like a secret in plain text"
            findings.add("KV021", value.source, value.span, message, remedy=place.remedy)
    _check_type(value, kind, findings)


def _is_secret(value: Value, kind: str) -> bool:
    if holds_credential(value.text):
        return True
    if value.place.pairs:
        name, colon, text = value.text.partition(":")
        return bool(colon) and is_secret_header(name) and not is_filled_in_later(text)
    if not value.place.secret or kind == "bool":
        return False
    # A number under a secret's name is a lifetime or a size, unless Kong wants a text there.
    return value.place.text or value.place.resolves is Resolves.KONG or kind == "str"


def _check_type(value: Value, kind: str, findings: Findings) -> None:
    if value.place.text and kind not in ("str", "null"):
        words = {"bool": "a boolean", "int": "a number", "float": "a number"}.get(kind, "no text")
        message = f"{value.place.label}: without quotes it is {words} to YAML, where Kong wants a text"
        findings.add("KV019", value.source, value.span, message)
