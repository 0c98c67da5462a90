"""Pauses that grow, and threads that live on in a forked child: the stock plugin server's way to several processes."""

import subprocess
import sys

from kong_vault_py.data_plane.backoff import Backoff

_FORK = """
import os, sys, threading, warnings
from kong_vault_py.data_plane.background import Background

warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads, which is what this is about
met = threading.Event()

def loop(stop):
    while not stop.is_set():
        met.set()
        stop.wait(0.01)

background = Background(sync=loop)
background.start()
assert met.wait(10)
met.clear()
child = os.fork()
if child == 0:
    sure = met.wait(10)
    background.stop()
    background.join(5)
    os._exit(0 if sure and not any("kong-vault" in thread.name for thread in threading.enumerate()) else 1)
_, status = os.waitpid(child, 0)
background.stop()
background.join(5)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_pauses_double_up_to_the_longest_and_start_over():
    backoff = Backoff(0.25, 15.0, jitter=lambda: 0.0)

    assert [backoff.next_s() for _ in range(8)] == [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 15.0]
    backoff.reset()
    assert backoff.next_s() == 0.25


def test_jitter_shortens_a_pause_by_half_at_most():
    assert Backoff(1.0, 15.0, jitter=lambda: 1.0).next_s() == 0.5


def test_loops_run_on_in_a_forked_child():
    assert subprocess.run([sys.executable, "-c", _FORK], timeout=60, check=False).returncode == 0
