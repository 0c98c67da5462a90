"""The agent's protocol as a WSGI application; docs/agent.md describes it for clients."""

from __future__ import annotations

import json
import logging
import time
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import falcon

from kong_vault_py.agent.admission import DOOR, admit
from kong_vault_py.agent.answers import error_answer, problem, status_of, value_answer, version_answer
from kong_vault_py.agent.bodies import read_fetch, read_reference
from kong_vault_py.agent.metrics import CONTENT_TYPE, Metrics
from kong_vault_py.agent.refusal import Refusal
from kong_vault_py.agent.requested import Requests
from kong_vault_py.agent.token_file import TokenFile
from kong_vault_py.agent.warmup import Warmup
from kong_vault_py.errors import VaultError
from kong_vault_py.reference import is_reference
from kong_vault_py.resources import shown
from kong_vault_py.vault import Vault

__all__ = ["make_app"]

log = logging.getLogger(__name__)

_PLAIN_CODES = {404: "unknown_path", 405: "method_not_allowed"}
_MOST_SHOWN_CHARS = 200
_READY = {"starting": falcon.HTTP_503, "stopping": falcon.HTTP_503}


def make_app(
    vault: Vault, requests: Requests, *, warmup: Warmup, metrics: Metrics, token: TokenFile | None = None
) -> Callable[..., Any]:
    """Make the application.

    Args:
        vault: the resolver.
        requests: answers fetches with a config.
        warmup: says whether the agent is ready.
        metrics: counts answers, and renders them.
        token: what requests over TCP carry.
    """
    middleware: list[Any] = [_Gate(token), _Tell(metrics)]
    app: Any = falcon.App(middleware=middleware)
    app.req_options.auto_parse_form_urlencoded = False
    app.add_error_handler(Exception, _failed)
    app.add_error_handler(falcon.HTTPError, _no_such_way)
    app.add_error_handler(VaultError, _not_resolved)
    app.add_error_handler(Refusal, _refused)
    app.add_route("/v1/fetch", _Fetch(requests))
    app.add_route("/v1/resolve", _Resolve(vault))
    app.add_route("/v1/resource", _Resource(vault))
    app.add_route("/v1/health", _Shown(lambda: (falcon.HTTP_200, {"status": "ok"})))
    app.add_route("/v1/ready", _Shown(lambda: _readiness(warmup)))
    app.add_route("/v1/status", _Shown(lambda: (falcon.HTTP_200, vault.status().as_dict())))
    app.add_route("/metrics", _Page(metrics))
    return app  # type: ignore[no-any-return]


class _Gate:
    """Lets requests in."""

    def __init__(self, token: TokenFile | None) -> None:
        self._token = token

    def process_request(self, request: falcon.Request, _response: falcon.Response) -> None:
        request.context.began = time.perf_counter()
        admit(request.env, self._token)


class _Tell:
    """Counts answers, and logs them without anything secret: refusals and failures at info, the rest at debug."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def process_response(
        self, request: falcon.Request, response: falcon.Response, _resource: object, _succeeded: bool
    ) -> None:
        route, status = request.uri_template or "other", response.status_code
        self._metrics.answered(route, status)
        level = logging.DEBUG if status < 400 else logging.INFO
        if log.isEnabledFor(level):
            took_ms = (time.perf_counter() - request.context.began) * 1000
            subject = getattr(request.context, "subject", "-")
            log.log(level, "%s %s %s %d %.1f ms", request.method, route, subject, status, took_ms)


class _Fetch:
    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer a whole resource of a strategy."""
        asked = read_fetch(request)
        request.context.subject = f"{asked.strategy!r} {asked.resource[:_MOST_SHOWN_CHARS]!r}"
        found = self._requests.fetch(asked, accepts=request.env[DOOR].accepts)
        _answer(response, value_answer(found))


class _Resolve:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer what a reference stands for."""
        reference = read_reference(request)
        request.context.subject = _subject(reference)
        found = self._vault.lookup(reference)
        _answer(response, {**value_answer(found), "strategy": found.strategy, "version": version_answer(found)})


class _Resource:
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def on_post(self, request: falcon.Request, response: falcon.Response) -> None:
        """Answer a reference's whole resource, for a cache in front of this one."""
        reference = read_reference(request)
        request.context.subject = _subject(reference)
        found, config = self._vault.lookup_whole(reference)
        kept = {
            "immutable": found.immutable,
            "base64_decode": config.base64_decode,
            "resurrect_ttl": config.resurrect_ttl,
        }
        _answer(response, {**value_answer(found), **kept})


class _Shown:
    def __init__(self, show: Callable[[], tuple[str, Mapping[str, Any]]]) -> None:
        self._show = show

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        """Answer how things stand."""
        status, body = self._show()
        _answer(response, body, status)


class _Page:
    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def on_get(self, _request: falcon.Request, response: falcon.Response) -> None:
        """Answer the metrics."""
        response.data = self._metrics.page()
        response.content_type = CONTENT_TYPE


def _subject(reference: str) -> str:
    """Return a reference for the log. What is none may be a secret, put where a reference should be."""
    return repr(shown(reference)[:_MOST_SHOWN_CHARS]) if is_reference(reference) else "-"


def _readiness(warmup: Warmup) -> tuple[str, Mapping[str, Any]]:
    state = warmup.state
    return _READY.get(state, falcon.HTTP_200), {"status": state, "missing": warmup.missing}


def _answer(response: falcon.Response, body: Mapping[str, Any], status: str = falcon.HTTP_200) -> None:
    response.status = status
    response.data = json.dumps(body).encode("ascii")
    response.set_header("Cache-Control", "no-store")


def _refused(_request: falcon.Request, response: falcon.Response, refusal: Refusal, _parameters: object) -> None:
    _answer(response, problem(refusal.code, str(refusal)), falcon.code_to_http_status(refusal.status))


def _not_resolved(_request: falcon.Request, response: falcon.Response, error: VaultError, _parameters: object) -> None:
    status, _code = status_of(error)
    _answer(response, error_answer(error), falcon.code_to_http_status(status))


def _no_such_way(
    _request: falcon.Request, response: falcon.Response, error: falcon.HTTPError, _parameters: object
) -> None:
    status = error.status_code
    code = _PLAIN_CODES.get(status, "invalid_request")
    _answer(response, problem(code, f"{code.replace('_', ' ')}: see the agent's protocol"), str(error.status))
    response.set_headers(error.headers or {})


def _failed(_request: falcon.Request, response: falcon.Response, error: Exception, _parameters: object) -> None:
    # Its type and place alone: the text of a foreign error may hold anything.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("a request failed with %s at %s", type(error).__name__, " < ".join(places[::-1]))
    _answer(response, problem("internal", f"the agent failed with {type(error).__name__}"), falcon.HTTP_500)
