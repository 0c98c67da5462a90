"""Fills the tables of options in docs/ from the options' own declarations: ``python -m docs.fill_tables``.

A table stands between ``<!-- options: module:Class -->`` and ``<!-- end -->``; the options that every vault has are
left out where a strategy's own are listed. A test proves that the pages are up to date.
"""

from __future__ import annotations

import importlib
import re
from pathlib import Path

from kong_vault_py.options import Option, StrategyConfig, options_of

DOCS = Path(__file__).parent
_TABLE = re.compile(r"(<!-- options: (\S+):(\S+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(page: str) -> str:
    """Return a page's text with its tables filled."""
    return _TABLE.sub(lambda found: found[1] + _table(found[2], found[3]) + found[4], page)


def pages() -> list[Path]:
    """Return the pages of the documentation."""
    return sorted(DOCS.rglob("*.md"))


def _table(module: str, name: str) -> str:
    config_class = getattr(importlib.import_module(module), name)
    shared = set(StrategyConfig.__dataclass_fields__)
    own = config_class is not StrategyConfig and issubclass(config_class, StrategyConfig)
    rows = [_row(known) for known in options_of(config_class) if not (own and known.name in shared)]
    return "\n".join(["| option | default | meaning |", "|---|---|---|", *rows, ""])


def _row(known: Option) -> str:
    names = " or ".join(f"`{name}`" for name in (known.name, *known.aliases))
    default = "" if known.default is None or known.default == "" else f"`{_text(known.default)}`"
    notes = [known.help]
    if known.one_of:
        notes.append(f"One of {', '.join(f'`{value}`' for value in known.one_of)}.")
    if known.required:
        notes.append("Required.")
    if known.override:
        notes.append("A reference's query may set it.")
    return f"| {names} | {default} | {' '.join(notes)} |"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


if __name__ == "__main__":
    for path in pages():
        text = path.read_text()
        if filled(text) != text:
            path.write_text(filled(text))
            print(f"filled {path.relative_to(DOCS.parent)}")
