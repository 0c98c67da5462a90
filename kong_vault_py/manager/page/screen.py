"""From a template to an answer: what every screen has in common."""

from __future__ import annotations

import functools
import hashlib
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from fastapi import Request
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.responses import HTMLResponse

from kong_vault_py import __version__
from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.page.links import link
from kong_vault_py.manager.page.visits import GroupVisit

__all__ = ["FOLDER", "plain_text", "show", "spoken_age", "utc_text"]

FOLDER = Path(__file__).parent

#: What a screen says after a form was done, by the word in its address.
_DONE = {
    "added": "It was added.",
    "changed": "The changes are saved.",
    "deleted": "It was deleted.",
    "stored": "The value is stored. Nobody can see it here from now on.",
    "signed-out": "You are signed out.",
    "first-user": "The first administrator exists now: sign in.",
}
_NO_BREAK = "\N{NO-BREAK SPACE}"
_UNITS = ((86400, "d"), (3600, "h"), (60, "min"))


def utc_text(seconds: float) -> str:
    """Return Unix seconds as a person reads them."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC")


def spoken_age(seconds: float) -> str:
    """Return a duration in its largest unit that fits twice, as in ``90 min``; its space breaks no line."""
    for length, unit in _UNITS:
        if abs(seconds) >= 2 * length:
            return f"{seconds / length:.0f}{_NO_BREAK}{unit}"
    return f"{seconds:.0f}{_NO_BREAK}s"


def plain_text(value: object) -> str:
    """Return a value as JSON writes it, but text without quotes."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@functools.cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(FOLDER / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"utc": utc_text, "age": spoken_age, "plain": plain_text}
    static = {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in (FOLDER / "static").iterdir()}
    made.globals |= {"link": link, "version": __version__, "static": static}
    return made


def show(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Return a screen.

    Args:
        request: who visits is taken from its state, where a dependency of visits.py put them.
        template: its file's name without the ending.
        status: of the HTTP answer.
        context: the template's variables.
    """
    principal: Principal | None = getattr(request.state, "principal", None)
    visit: GroupVisit | None = getattr(request.state, "visit", None)
    shown = {
        "principal": principal,
        "visit": visit,
        "csrf_token": principal.csrf_token if principal else None,
        "here": request.url.path,
        "done": _DONE.get(request.query_params.get("done", "")),
        "problems": {},
        **context,
    }
    return HTMLResponse(_environment().get_template(f"{template}.html").render(shown), status)
