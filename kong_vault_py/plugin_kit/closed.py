"""A phase that fails closed in any plugin server, the stock one too.

Our server ends a request whose plugin raises. In the stock one an exception lets the request pass, after 60 seconds:
there the plugin has to end it itself.
"""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable
from typing import Any

from kong_vault_py.errors import VaultError
from kong_vault_py.plugin import pdk

__all__ = ["closed"]

Phase = Callable[[Any, Any], None]


def closed(phase: Phase) -> Phase:
    """Wrap a phase: it gets a PDK with plain answers, and whatever it raises ends the request.

    A :class:`VaultError` becomes 503, anything else 500; the reason goes to Kong's log.
    """

    @functools.wraps(phase)
    def run(plugin: Any, kong: Any) -> None:
        plain = pdk(kong)
        try:
            phase(plugin, plain)
        except VaultError as error:
            plain.log.err(str(error))
            plain.response.exit(503, {"message": "Service unavailable"})
        except Exception as error:
            if plain is kong:
                raise  # our own server answers, and says where it happened
            plain.log.err(_place(error))
            plain.response.exit(500, {"message": "An unexpected error occurred"})

    return run


def _place(error: Exception) -> str:
    """Return class and place; the text of a foreign error may hold anything."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
    return f"failed with {type(error).__name__}{where}"
