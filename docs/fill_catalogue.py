"""Fills what lint's data tells: docs/referenceable-fields.md and the table of rules: ``python -m docs.fill_catalogue``.

Both stand between ``<!-- NAME -->`` and ``<!-- end NAME -->``. A test proves that the pages are up to date.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kong_vault_py.linting.catalogue import COUNTERPARTS, Field, is_bundled, load_data, oldest_known, plugin_fields
from kong_vault_py.linting.rules import RULES

DOCS = Path(__file__).parent
CATALOGUE = DOCS / "referenceable-fields.md"
LINT = DOCS / "cli" / "lint.md"
PLUGINS = DOCS.parent / "plugins"


def filled(page: str) -> str:
    """Return a page's text with its generated parts filled."""
    for name, made in (
        ("rules", rules),
        ("summary", summary),
        ("plugins", plugins),
        ("entities", entities),
        ("ours", ours),
    ):
        pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end {name} -->)", re.DOTALL)
        page = pattern.sub(lambda found, made=made: f"{found[1]}{made()}\n{found[2]}", page)
    return page


def rules() -> str:
    """Return the table of lint's rules."""
    rows = ["| rule | severity | why it matters | remedy | `--fix` |", "|---|---|---|---|---|"]
    for rule in RULES.values():
        fix = "yes" if rule.fixable else ""
        rows.append(f"| {rule.id} {rule.name} | {rule.severity.word} | {rule.why} | {rule.remedy} | {fix} |")
    return "\n".join(rows)


def summary() -> str:
    """Return the table of plugins."""
    rows = ["| plugin | edition | fields | on Kong OSS | our Python plugin |", "|---|---|---|---|---|"]
    for name in _names():
        fields = plugin_fields(name).values()
        oss = sum(field.oss for field in fields)
        edition = "OSS, Enterprise" if is_bundled(name) else "Enterprise"
        ours = f"`{COUNTERPARTS[name]}`" if name in COUNTERPARTS else ""
        rows.append(f"| [{_title(name)}](#{name}) | {edition} | {len(fields)} | {oss or ''} | {ours} |")
    return "\n".join(rows)


def plugins() -> str:
    """Return a section for each plugin."""
    return "\n".join(line for name in _names() for line in _section(name)).strip()


def entities() -> str:
    """Return the table of fields outside plugins."""
    rows = ["| entity | field | doors |", "|---|---|---|"]
    for entity, paths in load_data("kong-oss")["entities"].items():
        rows += [f"| `{entity}` | `{path}` | O L E |" for path in paths]
    rows.append("| `vaults` | `config.*`, credentials | E; with our Lua strategies and in our resolver too |")
    rows.append("| kong.conf | any setting | O L E, by a strategy's own name |")
    return "\n".join(rows)


def ours() -> str:
    """Return the table of our plugins' text fields, from their schemas."""
    rows = ["| plugin | fields |", "|---|---|"]
    for path in sorted(PLUGINS.glob("*.py")):
        names = ", ".join(f"`{name}`" for name in dict.fromkeys(_text_fields(_schema(path), "config")))
        rows.append(f"| `{path.stem}` | {names} |")
    return "\n".join(rows)


def _names() -> list[str]:
    return sorted(load_data("referenceable-fields")["plugins"])


def _title(name: str) -> str:
    titles = {entry["plugin"]: title for title, entry in load_data("seed-referenceable-fields").items()}
    return titles.get(name, name)


def _section(name: str) -> Iterator[str]:
    title = _title(name)
    yield f'<a id="{name}"></a>'
    yield f"### {title}" + (f" (`{name}`)" if title != name else "")
    yield ""
    yield "| field | type | Kong | doors |"
    yield "|---|---|---|---|"
    for path, known in plugin_fields(name).items():
        yield f"| `{path}` | {known.kind} | {_versions(known)} | {_doors(name, known)} |"
    yield ""


def _versions(known: Field) -> str:
    """Say since and until when; nothing where the oldest version of the data has it, or the data doesn't tell."""
    first = "" if known.since is None or known.since == oldest_known() else f"{known.since[0]}.{known.since[1]}"
    if known.last:
        return f"{first or 'before'} to {known.last[0]}.{known.last[1]}"
    return f"{first} on" if first else ""


def _doors(plugin: str, known: Field) -> str:
    doors = ["O", "L"] if known.oss else []
    doors += ["E"] if known.enterprise else []
    doors += ["P"] if plugin in COUNTERPARTS else []
    return " ".join(doors)


def _schema(path: Path) -> Any:
    """Return a plugin's Schema without Kong's or the plugin server's modules around it."""
    import importlib.util

    spec = importlib.util.spec_from_file_location(f"catalogued_{path.stem.replace('-', '_')}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Schema


def _text_fields(fields: Any, above: str) -> Iterator[str]:
    """Yield the paths of the texts of a schema that may be anything, references too."""
    for declared in fields:
        for name, attributes in declared.items():
            yield from _texts(attributes, f"{above}.{name}")


def _texts(attributes: Any, path: str) -> Iterator[str]:
    kind = attributes.get("type")
    if kind == "string" and not (attributes.get("one_of") or attributes.get("match")):
        yield path
    elif kind == "record":
        yield from _text_fields(attributes.get("fields", ()), path)
    elif kind in ("array", "set"):
        yield from _texts(attributes.get("elements", {}), f"{path}[]")
    elif kind == "map":
        yield from _texts(attributes.get("values", {}), f"{path}{{}}")


def main() -> None:
    """Fill both pages."""
    for path in (CATALOGUE, LINT):
        text = path.read_text()
        if filled(text) != text:
            path.write_text(filled(text))
            print(f"filled {path.relative_to(DOCS.parent)}")


if __name__ == "__main__":
    main()
