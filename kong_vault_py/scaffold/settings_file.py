"""The settings file: every option of the chosen vaults, the needed ones to fill in, the others as comments."""

from __future__ import annotations

from collections.abc import Iterator

from kong_vault_py.options import Option, options_of
from kong_vault_py.scaffold.choice import Choice
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["settings_file"]

_HEAD = """\
# Settings of kong-vault-py, in kong.conf's format. It holds credentials: chmod 600, owned by the user who runs Kong.
# KONG_<KEY IN CAPITALS> in the environment wins over a line here; servers that Kong starts have no environment.
"""


def settings_file(choice: Choice) -> str:
    """Return the text of a settings file. A line that must be filled in has an empty value."""
    return "\n".join([_HEAD, *_of_vaults(choice), *_of_entities()])


def _of_vaults(choice: Choice) -> Iterator[str]:
    for name in choice.vaults:
        yield f"# {{vault://{name}/...}}: docs/strategies/{name}.md"
        for found in options_of(load_strategy(name).config_class):
            key = f"vault_{name}_{found.name}".replace("-", "_")
            yield f"# {found.help}{_choices(found)}"
            yield (
                f"{key} =" if found.required and found.default is None else f"#{key} = {_shown(found.default)}".rstrip()
            )
        yield ""


def _of_entities() -> Iterator[str]:
    yield "# Vaults with prefixes of their own: a kong.yml or decK file, whose vaults: are used and re-read on change."
    yield "#vault_py_entities = /etc/kong/kong.yml"
    yield ""


def _choices(found: Option) -> str:
    return f" One of {', '.join(found.one_of)}." if found.one_of else ""


def _shown(default: object) -> str:
    if default is None:
        return ""
    return str(default).lower() if isinstance(default, bool) else str(default)
