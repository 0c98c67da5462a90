"""What a client gets where there is no token for the upstream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ErrorPage"]


class ErrorPage(NamedTuple):
    """An answer, made once from the config."""

    status: int
    body: str
    headers: dict[str, str]

    @classmethod
    def of(cls, behavior: Mapping[str, Any]) -> ErrorPage:
        """Make it from the section of that name: ``{{status}}`` and ``{{message}}`` are filled in."""
        status = int(behavior["idp_error_response_status_code"])
        content_type, message = behavior["idp_error_response_content_type"], behavior["idp_error_response_message"]
        if "json" in content_type:
            message = json.dumps(message, ensure_ascii=False)[1:-1]
        body = behavior["idp_error_response_body_template"].replace("{{status}}", str(status))
        return cls(status, body.replace("{{message}}", message), {"Content-Type": content_type})
