"""What a browser's form sends, and what is wrong with it, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from kong_vault_py.manager.clean_text import is_clean
from kong_vault_py.manager.problems import BodyTooLargeError, MediaTypeError, ProblemError, UniqueViolationError

__all__ = ["Form", "PageForm", "field_problems", "given_texts"]

#: Field name -> text; line ends are ``\n``, where browsers send ``\r\n``.
Form = dict[str, str]

_MAX_BYTES = 1024 * 1024
_MAX_FIELDS = 500
_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> Form:
    """Return a form's fields; empty for a request that brings none.

    Raises:
        MediaTypeError: the body is no form.
        BodyTooLargeError: it is larger than any form here.
        ProblemError: it isn't valid, or holds text that can't be stored.
    """
    if request.method != "POST":
        return {}
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise MediaTypeError("expected a form")
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > _MAX_BYTES:
            raise BodyTooLargeError
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ProblemError("the form can't be read") from None
    form = {name: value.replace("\r\n", "\n") for name, value in pairs}
    if not is_clean(form):
        raise ProblemError("the form holds text with NUL or half characters")
    return form


PageForm = Annotated[Form, Depends(read_form)]


def given_texts(form: Form, *names: str) -> dict[str, object]:
    """Return these fields for a service; what was left empty is left out."""
    return {name: form[name] for name in names if form.get(name)}


def field_problems(problem: ProblemError) -> dict[str, str]:
    """Return what is wrong by field name (``config.host`` inside a record); ``""`` is for the form as a whole."""
    fields: Mapping[str, Any] = problem.body.get("fields", {})
    if isinstance(problem, UniqueViolationError):
        return dict.fromkeys(fields, "another one has this already")
    found: dict[str, str] = {}
    for name, told in fields.items():
        if name == "@entity":
            found[""] = "; ".join(map(str, told))
        elif isinstance(told, Mapping) and name == "config":
            found |= {f"config.{option}": str(text) for option, text in told.items()}
        else:
            found[name] = "; ".join(map(str, told.values())) if isinstance(told, Mapping) else str(told)
    return found or {"": str(problem)}
