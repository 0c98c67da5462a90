"""Error bodies in the format that the client accepts (``kong/tools/http.lua``, ``kong/error_handlers.lua``)."""

from __future__ import annotations

import http
import re

__all__ = ["error_body", "message_of", "response_type"]

_JSON = "application/json; charset=utf-8"
_TYPES = {
    "application/json": _JSON,
    "application/*": _JSON,
    "*/*": _JSON,
    "text/plain": "text/plain; charset=utf-8",
    "text/*": "text/plain; charset=utf-8",
    "text/html": "text/html; charset=utf-8",
    "application/xml": "application/xml; charset=utf-8",
}
_BODIES = {
    "application/json": '{{\n  "message":"{0}",\n  "request_id":"{1}"\n}}',
    "text/plain": "{0}\nrequest_id: {1}\n",
    "text/html": "<!doctype html>\n<title>Error</title>\n<h1>Error</h1>\n<p>{0}.</p>\n<p>request_id: {1}</p>\n",
    "application/xml": '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<error>\n  <message>{0}</message>\n  <requestid>{1}</requestid>\n</error>\n",
}
_MESSAGES = {
    500: "An unexpected error occurred",
    502: "An invalid response was received from the upstream server",
    503: "The upstream server is currently unavailable",
    504: "The upstream server is timing out",
}
_QUALITY = re.compile(r";\s*q=([0-9.]+)")


def message_of(status: int) -> str:
    """Return Kong's message for a status."""
    if status in _MESSAGES:
        return _MESSAGES[status]
    try:
        phrase = http.HTTPStatus(status).phrase
    except ValueError:
        return f"The upstream server responded with {status}"
    return phrase[:1] + phrase[1:].lower()


def response_type(accept: str | None) -> str:
    """Return the content type of an error body for an ``Accept`` header; JSON where nothing fits better."""
    best, best_quality = _JSON, 0.0
    for part in (accept or "").split(","):
        media_type = part.partition(";")[0].strip().lower()
        found = _QUALITY.search(part)
        quality = float(found[1]) if found else 1.0
        if "/" in media_type and quality > best_quality:
            best, best_quality = _TYPES.get(media_type, _JSON), quality
    return best


def error_body(content_type: str, message: str, request_id: str) -> str:
    """Return an error body."""
    kind = content_type.partition(";")[0].strip()
    return _BODIES.get(kind, _BODIES["application/json"]).format(message, request_id)
