"""The server's own log: one line per record on standard error, which Kong takes into its error log."""

from __future__ import annotations

import json
import logging
import sys
import time

from kong_vault_py.secret import MaskingFilter

__all__ = ["JsonFormatter", "LineFormatter", "set_up_logging"]

_HANDLER_NAME = "kong-vault-pluginserver"


class LineFormatter(logging.Formatter):
    """Formats a record as ``time=... level=... logger=... msg="..."``, a traceback included, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        fields = self.fields(record)
        quoted = {name: json.dumps(text, ensure_ascii=False) for name, text in fields.items() if name in _QUOTED}
        return " ".join(f"{name}={text}" for name, text in {**fields, **quoted}.items())

    def fields(self, record: logging.LogRecord) -> dict[str, str]:
        """Return what is told of a record."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        told = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "msg": record.getMessage(),
        }
        trace = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else None)
        return {**told, "trace": trace} if trace else told


class JsonFormatter(LineFormatter):
    """Formats a record as a JSON object with the same fields, and the process's id, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        return json.dumps({**self.fields(record), "pid": record.process})


_QUOTED = ("msg", "trace")
_FORMATTERS = {"line": LineFormatter, "json": JsonFormatter}


def set_up_logging(level: str, form: str = "line") -> None:
    """Send all records of at least ``level`` ("debug", "info", ...) to standard error, secrets masked.

    Args:
        level: the least.
        form: "line" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER_NAME)
    handler.addFilter(MaskingFilter())
    handler.setFormatter(_FORMATTERS[form]())
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
