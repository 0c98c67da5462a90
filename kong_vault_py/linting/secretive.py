"""What looks like a secret: by a field's name, and by the value itself. Judgement, not proof."""

from __future__ import annotations

import re

__all__ = ["holds_credential", "is_filled_in_later", "is_secret_header", "is_secret_name"]

_SECRET_NAME = re.compile(
    r"(^|[_\-.])(password|passwd|passphrase|secrets?|secret_v\d|token|apikey|api[_-]?key|authorization|credentials?"
    r"|(private|secret|access|hmac|signing|encryption|account|shared|client|cert|safety)[_-]?key"
    r"|key_alt|jwk|header_value|param_value|authorization_value|service_account(_json)?|(aws|eab_hmac)_key)$",
    re.IGNORECASE,
)
#: What a schema calls encrypted and still is no secret: names, addresses, identifiers.
_IDENTIFIER = re.compile(
    r"(^|_)(email|arn|id|clientid|kid|name|user|username|dn|host|port|url|uri|endpoint|certificate|region|provider)$"
)
_SECRET_HEADER = re.compile(
    r"authorization|cookie|api[-_]?key|^x-key$|token|secret|passw|credential|subscription-key", re.IGNORECASE
)
_CREDENTIAL = re.compile(
    r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----"
    r"|\b(AKIA|ASIA)[0-9A-Z]{16}\b"
    r"|\bhv[sb]\.[\w-]{20,}"
    r"|\bgh[pousr]_\w{20,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{16,}"
    r"|\bxox[abprs]-[\w-]{10,}|\bsk-[\w-]{20,}|\bAIza[\w-]{30,}"
    r"|\b(?:Bearer|Basic)[ \t]+[\w.~+/-]{8,}=*\s*\Z"
    r"|\b[a-zA-Z][\w+.-]{0,20}://[^\s/?#:@{}$]{0,200}:[^\s/?#@{}$]{1,200}@"
    r"|[?&](?:password|token|api_?key|secret|access_token)=[^&\s{}$]{4,}"
)
_LATER = re.compile(
    r"\$\{\{.*\}\}|\$?\{\{.*\}\}|\$\{[^{}]+\}|\$\([^()]+\)|\$[A-Z_][A-Z0-9_]*|%\([^()]+\)s|<[^<>]*>|@@?\w+@@?",
    re.DOTALL,
)
_MASK = re.compile(
    r"[*xX.•\-_]+|redacted|\[redacted\]|null|none|nil|undefined|n/a|unset|true|false|on|off", re.IGNORECASE
)


def is_secret_name(name: str, *, encrypted: bool = False) -> bool:
    """Tell whether a field of this name holds a secret.

    Args:
        name: the last part of its path, without ``[]``.
        encrypted: Kong's schema calls it worth encrypting.
    """
    return bool(_SECRET_NAME.search(name)) or (encrypted and not _IDENTIFIER.search(name))


def is_secret_header(name: str) -> bool:
    """Tell whether a header, a parameter or a member of a body by this name carries a secret."""
    return bool(_SECRET_HEADER.search(name))


def holds_credential(text: str) -> bool:
    """Tell whether a text is a credential by its looks: a private key, a known token, a URL with a password."""
    return bool(_CREDENTIAL.search(text))


def is_filled_in_later(text: str) -> bool:
    """Tell whether a text is nothing yet: empty, a template's variable, a mask, a placeholder."""
    stripped = text.strip()
    return not stripped or bool(_LATER.fullmatch(stripped) or _MASK.fullmatch(stripped))
