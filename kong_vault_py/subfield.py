"""From what a vault answered to the secret that a reference asks for: the type check and the JSON key.

Follows ``invoke_strategy`` and ``extract_key_from_json_string`` of ``kong/pdk/vault.lua``. The messages are
Kong's, save one: where Kong prints a document that is no object, maybe the secret itself, ours prints ``***``.
"""

from __future__ import annotations

from typing import Any

from kong_vault_py.dialect.lua_json import LuaJsonError, decode
from kong_vault_py.dialect.lua_value import to_bytes, to_text, tostring, type_name
from kong_vault_py.errors import InvalidResponseError, KeyNotFoundError, SecretNotFoundError, VaultError
from kong_vault_py.secret import MASK

__all__ = ["Subfields", "extract_key", "secret_text"]


class Subfields:
    """The texts in one answer of a vault, which is parsed once however many keys are asked for.

    Args:
        json_text: what the vault answered; parsed when the first key is asked for.
    """

    def __init__(self, json_text: str | bytes) -> None:
        self._json_text = json_text
        self._document: dict[Any, Any] | None = None

    def text(self, key: str) -> str:
        """Return the text under ``key``. Flat: ``a.b`` is a key, never a path.

        Raises:
            InvalidResponseError: the document is no JSON object.
            KeyNotFoundError: it lacks the key, or holds something other than text there.
        """
        try:
            if self._document is None:
                self._document = _json_object(self._json_text)
            return _text_under(self._document, key)
        except VaultError as problem:
            raise type(problem)(f"could not get subfield value: {problem}") from None


def extract_key(json_text: str | bytes, key: str) -> str:
    """Return the text under ``key`` in a JSON object. Flat: ``a.b`` is a key, never a path.

    Raises:
        InvalidResponseError: the document is no JSON object.
        KeyNotFoundError: it lacks the key, or holds something other than text there.
    """
    return _text_under(_json_object(json_text), key)


def _json_object(json_text: str | bytes) -> dict[Any, Any]:
    try:
        document = decode(to_bytes(json_text) if isinstance(json_text, str) else json_text)
    except LuaJsonError as error:
        raise InvalidResponseError(f"unable to json decode value (nil): {error}") from None
    if not isinstance(document, (dict, list)):
        shown = MASK if document is not None else tostring(None)
        raise InvalidResponseError(f"unable to json decode value ({shown}): nil")
    return document if isinstance(document, dict) else {}


def _text_under(document: dict[Any, Any], key: str) -> str:
    if key not in document:
        raise KeyNotFoundError(f"subfield {key} not found in JSON secret")
    value = document[key]
    if not isinstance(value, str):
        raise KeyNotFoundError(f"unexpected {type_name(value)} value in JSON secret for subfield {key}")
    return value


def secret_text(value: object, key: str | None, error: object = None) -> str:
    """Return the secret that a reference asks for, given what the strategy returned for its resource.

    Args:
        value: the strategy's value: text, or bytes; ``None`` where it found nothing.
        key: the reference's key, ``None`` for the whole value.
        error: why the strategy found nothing, if it says so.

    Raises:
        SecretNotFoundError: there is no value, or (as :class:`KeyNotFoundError`) no such key in it.
        InvalidResponseError: the value is no text, or no JSON object although the reference has a key.
    """
    if value is None:
        reason = "" if error is None or error is False else f" ({tostring(error)})"
        raise SecretNotFoundError(f"no value found{reason}")
    if not isinstance(value, (str, bytes)):
        raise InvalidResponseError(f"value returned from vault has invalid type ({type_name(value)}), string expected")
    if key is None:
        return value if isinstance(value, str) else to_text(value)
    return Subfields(value).text(key)
