"""Whether an operator's text can be the base URL of a server."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

__all__ = ["is_base_url"]

_URL = re.compile(r"https?://[!-~]+")


def is_base_url(text: str) -> bool:
    """Tell whether this is scheme, host, perhaps a port and a path: no user name, query or fragment."""
    if not _URL.fullmatch(text):
        return False
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    return bool(parts.hostname) and port != 0 and not (set("?#\\") & set(text)) and "@" not in parts.netloc
