"""What a reference asks of Secrets Manager, and what its answer means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError
from kong_vault_py.strategies.base import Fetched

__all__ = ["CURRENT", "Query", "fetched"]

CURRENT = "AWSCURRENT"
_STAGES = {None: CURRENT, 1.0: CURRENT, 2.0: "AWSPREVIOUS"}
# A name's characters, and those of an ARN. One that AWS refuses would fail its whole batch.
_SECRET_ID = re.compile(r"[A-Za-z0-9/_+=.@!:-]{1,2048}")


class Query:
    """A secret and its staging label.

    Args:
        resource: name or ARN of the secret.
        version: 1 for the current version, 2 for the previous one, ``None`` for the current one.

    Raises:
        SecretNotFoundError: no such name or version can exist.
    """

    def __init__(self, resource: str, version: float | None) -> None:
        self.doing = f"reading {resource!r} from AWS Secrets Manager"
        self.secret_id = resource
        if not _SECRET_ID.fullmatch(resource):
            raise SecretNotFoundError(f"{self.doing}: names of secrets are made of letters, digits and /_+=.@!-")
        stage = _STAGES.get(version)
        if stage is None:
            raise SecretNotFoundError(
                f"{self.doing}: versions are 1 (AWSCURRENT) and 2 (AWSPREVIOUS), not {version:g}; correct the '#' part"
            )
        self.stage = stage


def fetched(answer: Mapping[str, Any], doing: str) -> Fetched:
    """Return the value of an answer, text or bytes.

    Raises:
        InvalidResponseError: there is none in it.
    """
    for field, kind in (("SecretString", str), ("SecretBinary", bytes)):
        value = answer.get(field)
        if isinstance(value, kind):
            return Fetched(value)
    raise InvalidResponseError(f"{doing}: the answer holds no value; check option 'endpoint_url'")
