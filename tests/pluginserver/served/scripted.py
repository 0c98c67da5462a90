"""A plugin whose config says, per phase, what to do: a list of [act, argument, ...]."""

import builtins
import ctypes
import signal
import threading
import time

import gevent
import gevent.monkey

from kong_vault_py import errors
from kong_vault_py.secret import Secret

version = "1.2.3"
priority = 7
Schema = [{"access": {"type": "array", "elements": {"type": "any"}}}]

# Alive for as long as the server: what masks their values in logs.
KEPT = []
LATE = []


class Wordless(BaseException):
    """An exception that can't even be shown."""

    def __str__(self):
        raise SystemExit("no text")

    __repr__ = __str__


def _look_up(kong, path):
    for name in path.split(".")[1:]:
        kong = getattr(kong, name)
    return kong


def _call(kong, results, path, *arguments):
    results.append(_look_up(kong, path)(*arguments))


def _catch(kong, results, path, *arguments):
    try:
        _call(kong, results, path, *arguments)
    except Exception as error:
        results.append(f"{type(error).__name__}: {error}")


def _swallow(kong, results, path, *arguments):
    try:
        _call(kong, results, path, *arguments)
    except BaseException as error:
        results.append(type(error).__name__)


def _raise(kong, results, name, text=""):
    if name == "GreenletExit":
        raise gevent.GreenletExit(text)
    if name == "Wordless":
        raise Wordless(text)
    if name == "deep":
        return _raise(kong, results, name, text)
    raise (getattr(errors, name, None) or getattr(builtins, name))(text)


def _wait(kong, results, how, seconds):
    if how == "compute":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            sum(range(1000))
    elif how == "block":  # in C, where gevent can't switch and Python listens to signals
        gevent.monkey.get_original("time", "sleep")(seconds)
    elif how == "deaf":  # in C that starts its waiting again after a signal
        deaf = ctypes.CDLL(None).poll
        end = time.monotonic() + seconds
        _wait_deaf(deaf, end)
    elif how == "sleep":
        time.sleep(seconds)
    elif how == "lock":
        lock = threading.Lock()
        lock.acquire()
        lock.acquire(timeout=seconds)
    elif how == "stubborn":
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                time.sleep(end - time.monotonic())
            except BaseException:
                results.append("swallowed")


def _wait_deaf(poll, end):
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        poll(None, 0, int(1000 * (end - time.monotonic())))
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())


def _impatient(kong, results, seconds, path, *arguments):
    with gevent.Timeout(seconds, False):
        _call(kong, results, path, *arguments)
        return
    results.append("gave up")


def _elsewhere(kong, results, path):
    """Call the PDK from a thread of the plugin's own."""
    thread = threading.Thread(target=_catch, args=(kong, results, path))
    thread.start()
    thread.join()


def _unsendable(kong, results, path):
    try:
        _look_up(kong, path)(object())
    except TypeError as error:
        results.append(f"{type(error).__name__}: {error}")


def _unpackable(kong, results, path):
    endless = []
    endless.append(endless)
    for argument in (object(), {1, 2}, 1 << 70, 1j, endless, {"x": [lambda: None]}):
        try:
            _look_up(kong, path)(argument)
        except TypeError as error:
            results.append(type(error).__name__)


def _echo_size(kong, results):
    kong.response.set_raw_body(len(results[-1]), results[-1])


def _catch_deep(kong, results, path):
    try:
        _look_up(kong, path)("deep", results[-1])
    except TypeError as error:
        results.append(type(error).__name__)


def _send_secret(kong, results, path, value):
    KEPT.append(Secret(value))
    try:
        _look_up(kong, path)("token", KEPT[-1])
    except TypeError as error:
        results.append(str(error))


def _keep_secret(kong, results, value):
    KEPT.append(Secret(value))


def _report(kong, results):
    kong.response.set_header("x-results", repr(results))


def _thread_exits(kong, results):
    gevent.spawn(_raise, kong, results, "SystemExit", "not the server's end").join()


def _later(kong, results, seconds, path):
    """Call the PDK when the event is over, from a greenlet and from a thread."""

    def call():
        time.sleep(seconds)
        try:
            _look_up(kong, path)("late")
        except RuntimeError as error:
            LATE.append(str(error))

    gevent.spawn(call)
    threading.Thread(target=call).start()


def _late(kong, results):
    results.extend(LATE)
    LATE.clear()


ACTS = {
    "call": _call,
    "catch": _catch,
    "swallow": _swallow,
    "raise": _raise,
    "wait": _wait,
    "impatient": _impatient,
    "elsewhere": _elsewhere,
    "unsendable": _unsendable,
    "unpackable": _unpackable,
    "echo_size": _echo_size,
    "catch_deep": _catch_deep,
    "send_secret": _send_secret,
    "keep_secret": _keep_secret,
    "report": _report,
    "thread_exits": _thread_exits,
    "later": _later,
    "late": _late,
}


class Plugin:
    def __init__(self, config):
        self.config = config
        for act, *arguments in config.get("constructor", []):
            ACTS[act](None, [], *arguments)

    def _run(self, phase, kong):
        results = []
        for act, *arguments in self.config.get(phase, []):
            ACTS[act](kong, results, *arguments)

    def certificate(self, kong):
        self._run("certificate", kong)

    def rewrite(self, kong):
        self._run("rewrite", kong)

    def access(self, kong):
        self._run("access", kong)

    def response(self, kong):
        self._run("response", kong)

    def preread(self, kong):
        self._run("preread", kong)

    def log(self, kong):
        self._run("log", kong)
