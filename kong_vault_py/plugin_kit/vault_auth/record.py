"""A token pair's record in a vault, in the format that Kong documents for its Vault Authentication plugin."""

from __future__ import annotations

import hashlib
import hmac
import json
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import InvalidResponseError

__all__ = ["Record", "same"]


def same(one: str, other: str) -> bool:
    """Compare two texts in a time that tells nothing of either, their lengths included."""
    # JSON from a client may hold any lone surrogate.
    digests = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (one, other)]
    return hmac.compare_digest(*digests)


@dataclass(frozen=True, repr=False)
class Record:
    """One token pair and whose it is.

    Attributes:
        secret_token: the pair's secret half, plaintext: keep it no longer than the check.
        consumer: a consumer's id or username.
        by_username: whether the consumer may be looked up by username.
        ttl_s: for how long what the vault said may be believed, in seconds; ``None`` where the record doesn't say.
        id: the credential's id for Kong and upstreams; tells nothing of the tokens.
    """

    secret_token: str
    consumer: str
    by_username: bool
    ttl_s: float | None
    id: str

    @classmethod
    def parse(cls, document: str, access_token: str) -> Record:
        """Read the record that was found under an access token.

        Raises:
            InvalidResponseError: it is no such record; the message says what is wrong, not what is in it.
        """
        try:
            fields = json.loads(document)
        except (ValueError, RecursionError):
            raise InvalidResponseError("it is no JSON") from None
        if not isinstance(fields, dict):
            raise InvalidResponseError("it is no JSON object")
        stored, secret = fields.get("access_token"), fields.get("secret_token")
        # A vault may fold names together (the env vault: foo-a and FOO_A); a token has one spelling.
        if not isinstance(stored, str) or not same(stored, access_token):
            raise InvalidResponseError("its access_token is not the one that it stands under")
        if not isinstance(secret, str) or not secret:
            raise InvalidResponseError("it has no secret_token")
        consumer, by_username = _consumer(fields.get("consumer"))
        given = fields.get("id")
        made = str(uuid.uuid5(uuid.NAMESPACE_OID, f"vault-auth/{access_token}"))
        return cls(secret, consumer, by_username, _ttl_s(fields.get("ttl")), given if isinstance(given, str) else made)


def _consumer(given: Any) -> tuple[str, bool]:
    if isinstance(given, Mapping):
        given_id, username = given.get("id"), given.get("username")
        if isinstance(given_id, str) and _is_uuid(given_id):
            return given_id, False
        if given_id is not None:
            raise InvalidResponseError("its consumer.id is no UUID")
        given = username
    # Kong's documentation has {"id": ...}; plain text is what `vault kv put` can write.
    if isinstance(given, str) and given:
        return given, True
    raise InvalidResponseError("it has no consumer")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _ttl_s(given: Any) -> float | None:
    if given is None:
        return None
    try:
        ttl_s = float(given) if isinstance(given, (int, float, str)) else math.nan
    except (ValueError, OverflowError):
        ttl_s = math.nan
    if not 0 <= ttl_s < math.inf:
        raise InvalidResponseError("its ttl is no number of seconds")
    return ttl_s or None
