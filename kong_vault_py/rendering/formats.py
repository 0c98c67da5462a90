"""The formats by name, and which one a file has by its name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kong_vault_py.errors import ConfigError

if TYPE_CHECKING:
    from kong_vault_py.rendering.places import Format

__all__ = ["FORMATS", "format_named", "format_of"]

FORMATS = ("yaml", "json", "env", "docker-env", "conf", "text")

_TEMPLATE = re.compile(r"\.(?:tmpl|tpl|template|in|dist|example|sample)$", re.IGNORECASE)
_BY_NAME = (
    ("yaml", re.compile(r"\.ya?ml$", re.IGNORECASE)),
    ("json", re.compile(r"\.json$", re.IGNORECASE)),
    ("env", re.compile(r"^\.env(?:$|\.)|\.env$", re.IGNORECASE)),
    ("conf", re.compile(r"kong[^/]*\.conf(?:$|\.)", re.IGNORECASE)),
)


def format_of(file_name: str) -> str:
    """Return the name of a file's format, by its name: ``kong.yml``, ``.env``, ``kong.conf``, ``kong.yml.tmpl``.

    Raises:
        ConfigError: a name in .conf, which may be Kong's or nginx's: they differ in what must be escaped.
    """
    bare = _TEMPLATE.sub("", file_name)
    for name, pattern in _BY_NAME:
        if pattern.search(bare):
            return name
    if bare.lower().endswith(".conf"):
        raise ConfigError(f"{file_name}: --format conf (as kong.conf is written) or --format text?")
    return "text"


def format_named(name: str) -> Format:
    """Return a format of :data:`FORMATS`; only its own parser is imported."""
    if name == "yaml":
        from kong_vault_py.rendering.yaml_text import YAML

        return YAML
    if name == "json":
        from kong_vault_py.rendering.json_text import JSON

        return JSON
    if name in ("env", "docker-env"):
        from kong_vault_py.rendering.env_text import DOCKER_ENV, ENV

        return ENV if name == "env" else DOCKER_ENV
    if name == "conf":
        from kong_vault_py.rendering.conf_text import CONF

        return CONF
    from kong_vault_py.rendering.plain_text import TEXT

    return TEXT
