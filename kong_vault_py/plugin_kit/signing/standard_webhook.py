"""Standard Webhooks (https://www.standardwebhooks.com): id, timestamp and symmetric signatures (v1)."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Sequence

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing
from kong_vault_py.secret import Secret

__all__ = ["sign_webhook"]

_PREFIX = "whsec_"
# No full stop: it separates id, time and body in what is signed.
_ID = re.compile(r"[A-Za-z0-9_:-]{1,256}")


def sign_webhook(
    request: Outgoing, secrets: Sequence[Secret], now_s: float, *, id_header: str | None
) -> dict[str, str]:
    """Return the headers to set, with one signature per key: receivers take any, so that keys can be exchanged.

    Args:
        request: with its body.
        secrets: keys in base64, with or without ``whsec_``.
        now_s: Unix time in seconds.
        id_header: the client's header with the message's id, in lower case, so that its retries have one id. Without
            it, or where it holds no valid id, the id is new.

    Raises:
        ConfigError: a key is no base64.
    """
    given = (request.headers.get(id_header) or [""])[0] if id_header else ""
    message_id = given if _ID.fullmatch(given) else f"msg_{uuid.uuid4().hex}"
    moment = str(int(now_s))
    text = f"{message_id}.{moment}.".encode() + (request.body or b"")
    signatures = (base64.b64encode(hmac.new(_key(secret), text, "sha256").digest()).decode() for secret in secrets)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": moment,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _key(secret: Secret) -> bytes:
    try:
        key = base64.b64decode(secret.reveal().strip().removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not key:
        raise ConfigError("webhook.secrets: a key is no base64; expected whsec_ and the key in base64")
    return key
