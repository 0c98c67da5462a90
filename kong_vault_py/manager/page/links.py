"""Paths of the page: made in one place, so that no name from outside gets into one unquoted."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from starlette.responses import RedirectResponse

__all__ = ["ROOT", "link", "local_path", "see_other"]

ROOT = "/ui"


def link(*parts: str, **query: str | int | None) -> str:
    """Return the path of a screen; what is ``None`` or empty in the query is left out."""
    path = ROOT + "".join(f"/{quote(part, safe='')}" for part in parts)
    given = {name: value for name, value in query.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def local_path(path: str) -> str:
    """Return a path that was given to us if it is one of the page, else the page's first."""
    plain = path.isascii() and path.isprintable() and "\\" not in path and "//" not in path
    return path if plain and path.startswith(f"{ROOT}/") else ROOT


def see_other(path: str) -> RedirectResponse:
    """Return the answer that sends a browser on after a form."""
    return RedirectResponse(path, 303)
