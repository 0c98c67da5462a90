"""Writing the reference for a secret such that it reads as itself, as plainly as its name allows."""

from __future__ import annotations

import re
from urllib.parse import quote

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import Reference, parse_reference

__all__ = ["write_reference"]

_VERSION = re.compile(r"\d{1,15}")


def write_reference(name: str, resource: str, key: str = "", version: str = "") -> str:
    """Return a reference's text.

    Args:
        name: the vault's prefix, or a strategy's name.
        resource: the secret's name in the vault; may hold slashes.
        key: the key inside the secret, ``""`` for the whole secret.
        version: digits, ``""`` for the current version.

    Raises:
        InvalidReferenceError: no reference says this.
    """
    if not (name and resource):
        raise InvalidReferenceError("a reference needs a vault and the name of a secret")
    if version and not _VERSION.fullmatch(version):
        raise InvalidReferenceError(f"a version is a whole number, not '{version}'")
    wanted = Reference(name, resource, key or None, None, int(version) if version else None)
    segments = resource.split("/")
    plain = "/".join(map(_escaped, segments))
    end = f"/{_escaped(key)}" if key else "/" if len(segments) > 1 else ""
    whole = f"/{_escaped(key)}" if key else "/"
    fragment = f"#{int(version)}" if version else ""
    # Plainly; or where slashes at the ends or in a row would be dropped, with all of them escaped.
    for path in (plain + end, _escaped(resource) + whole):
        text = f"{{vault://{name}/{path}{fragment}}}"
        try:
            if parse_reference(text) == wanted:
                return text
        except InvalidReferenceError:
            continue
    raise InvalidReferenceError(f"no reference can be written for this: '{name}' can't be the name of a vault")


def _escaped(text: str) -> str:
    """Escape twice, since Kong unescapes twice."""
    return quote(quote(text, safe="", errors="surrogateescape"), safe="")
