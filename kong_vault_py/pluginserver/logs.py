"""The server's own log: one ``key=value`` line per record on standard error, which Kong takes into its error log."""

from __future__ import annotations

import json
import logging
import sys
import time

from kong_vault_py.secret import MaskingFilter

__all__ = ["LineFormatter", "set_up_logging"]

_HANDLER_NAME = "kong-vault-pluginserver"


class LineFormatter(logging.Formatter):
    """Formats a record as ``time=... level=... logger=... msg="..."``, a traceback included, on one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields = [
            f"time={moment}.{int(record.msecs):03d}Z",
            f"level={record.levelname.lower()}",
            f"logger={record.name}",
            f"msg={json.dumps(record.getMessage(), ensure_ascii=False)}",
        ]
        trace = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else None)
        if trace:
            fields.append(f"trace={json.dumps(trace, ensure_ascii=False)}")
        return " ".join(fields)


def set_up_logging(level: str) -> None:
    """Send all records of at least ``level`` ("debug", "info", ...) to standard error, secrets masked."""
    handler = logging.StreamHandler(sys.stderr)
    handler.set_name(_HANDLER_NAME)
    handler.addFilter(MaskingFilter())
    handler.setFormatter(LineFormatter())
    root = logging.getLogger()
    for old in [old for old in root.handlers if old.get_name() == _HANDLER_NAME]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
