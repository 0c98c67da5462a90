"""Vaults as form fields, which Kong's Admin API takes too: ``config.host=vault.internal&tags[]=team-red``.

Names nest and values get their types as in ``kong/api/arguments.lua``: by the strategy's options, an empty one is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import Depends, Request

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.api.bodies import media_type, read_body, read_json
from kong_vault_py.manager.clean_text import is_clean
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.options import options_of
from kong_vault_py.schema.inference import infer_value
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["VaultBody", "typed_vault"]

_FORM = "application/x-www-form-urlencoded"
_MAX_FIELDS = 2000
_ITEM = re.compile(r"(.*)\[\d*\]")


class _Form(dict[str, Any]):
    """A vault whose values are text still."""


async def read_vault(request: Request) -> dict[str, Any]:
    """Return a vault of a JSON or a form body.

    Raises:
        ProblemError: it is neither, see :func:`read_json`.
    """
    if media_type(request) != _FORM:
        return await read_json(request)
    try:
        pairs = parse_qsl((await read_body(request)).decode(), keep_blank_values=True, max_num_fields=_MAX_FIELDS)
    except ValueError:
        raise ProblemError("Cannot parse form body") from None
    form = _Form()
    for name, text in pairs:
        outer, dot, inner = name.partition(".")
        holder = form.setdefault(outer, {}) if dot else form
        if not isinstance(holder, dict):
            raise ProblemError("Cannot parse form body")
        _put(holder, inner if dot else outer, text or None)
    if not is_clean(form):
        raise ProblemError("the body holds text with NUL or half characters")
    return form


VaultBody = Annotated[dict[str, Any], Depends(read_vault)]


def typed_vault(body: dict[str, Any], stored_name: Callable[[], str] | None = None) -> dict[str, Any]:
    """Return a body's vault with the values in its strategy's types.

    Args:
        body: of a request; JSON has types of its own.
        stored_name: returns the strategy of the vault that is changed, where the body may lack it.
    """
    if not isinstance(body, _Form):
        return body
    if isinstance(body.get("tags"), str):
        body["tags"] = [body["tags"]]
    config, name = body.get("config"), body.get("name")
    if name is None and stored_name is not None:
        name = stored_name()
    try:
        options = options_of(load_strategy(str(name)).config_class) if isinstance(config, dict) else ()
    except ConfigError:
        return body
    for known in options:
        for written in (known.name, *known.aliases):
            if config and written in config:
                value = infer_value(known.kong_field(), config[written])
                whole = isinstance(value, float) and value.is_integer()
                config[written] = int(value) if whole else value  # type: ignore[call-overload]  # a float then
    return body


def _put(holder: dict[str, Any], name: str, text: str | None) -> None:
    item = _ITEM.fullmatch(name)
    if item:
        name = item[1]
    if name not in holder:
        holder[name] = [text] if item else text
    elif isinstance(holder[name], dict):
        raise ProblemError("Cannot parse form body")
    else:
        before = holder[name] if isinstance(holder[name], list) else [holder[name]]
        holder[name] = [*before, text]
