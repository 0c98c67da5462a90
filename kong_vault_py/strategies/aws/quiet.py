"""Keeps the SDK quiet about what we do with it: at level debug it logs answers and session tokens in full."""

from __future__ import annotations

import logging
import threading

__all__ = ["THREAD_NAME", "hush_the_sdk"]

#: Of the threads that call the SDK.
THREAD_NAME = "kong-vault-aws"


class _OursAreQuiet(logging.Filter):
    """Drops what is logged in our threads, warnings included: what is wrong our errors say."""

    def filter(self, _record: logging.LogRecord) -> bool:
        return threading.current_thread().name != THREAD_NAME


_ours_are_quiet = _OursAreQuiet()


def hush_the_sdk() -> None:
    """Put the filter on the loggers of boto3 and botocore, which are imported by now; others still get their logs."""
    for name in list(logging.root.manager.loggerDict):
        if name.partition(".")[0] in ("boto3", "botocore"):
            logging.getLogger(name).addFilter(_ours_are_quiet)
