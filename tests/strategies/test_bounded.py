"""Calls of SDKs that know no deadline, in threads and in greenlets."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from kong_vault_py.errors import StrategyTimeoutError
from kong_vault_py.strategies.http.bounded import within
from kong_vault_py.strategies.http.deadline import Deadline

_IN_GREENLETS = """
from gevent import monkey
monkey.patch_all()
import threading
from kong_vault_py.errors import StrategyTimeoutError
from kong_vault_py.strategies.http.bounded import within
from kong_vault_py.strategies.http.deadline import Deadline

assert within(Deadline(5), "asking", lambda: "answer") == "answer"
try:
    within(Deadline(0.1), "asking", threading.Event().wait)
except StrategyTimeoutError as error:
    print(error, end="")
"""


def test_what_an_action_returns_and_raises() -> None:
    def fail() -> None:
        raise TimeoutError("its own")

    assert within(Deadline(5), "asking", lambda: "answer") == "answer"
    with pytest.raises(TimeoutError, match="its own"):
        within(Deadline(5), "asking", fail)


def test_an_action_that_takes_too_long_is_left_alone() -> None:
    ended = threading.Event()

    with pytest.raises(StrategyTimeoutError, match="asking took longer than 0.05 s"):
        within(Deadline(0.05), "asking", ended.wait)

    ended.set()


def test_in_greenlets() -> None:
    run = subprocess.run([sys.executable, "-c", _IN_GREENLETS], capture_output=True, text=True)

    assert run.stdout == "asking took longer than 0.1 s (option 'fetch_timeout_s')", run.stderr
