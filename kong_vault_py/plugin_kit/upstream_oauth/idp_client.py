"""The connection to an identity provider: one deadline for an exchange, no redirects, answers of bounded size."""

from __future__ import annotations

import logging
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    MissingDependencyError,
    StrategyError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.plugin_kit.upstream_oauth.proxies import Proxy, proxy_for
from kong_vault_py.plugin_kit.upstream_oauth.token_request import TokenRequest

if TYPE_CHECKING:
    import urllib3

__all__ = ["Answer", "IdpClient"]

_MAX_BODY_BYTES = 256 * 1024
_CHUNK_BYTES = 16 * 1024
_POOLED_CONNECTIONS = 8
_DEFAULT_TIMEOUT_MS = 10_000

log = logging.getLogger(__name__)


class Answer(NamedTuple):
    """What came back."""

    status: int
    body: bytes


class IdpClient:
    """Posts to token endpoints. Connections open on first use and are kept.

    Args:
        client: the config's section of that name, with its references resolved.

    Raises:
        MissingDependencyError: ``urllib3`` isn't installed.
        ConfigError: the file of the certificate authority, or a proxy, is none.
    """

    def __init__(self, client: Mapping[str, Any]) -> None:
        try:
            import urllib3
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "vault-upstream-oauth needs the Python package 'urllib3': pip install 'kong-vault-py[oauth]'"
            ) from error
        self._client = client
        self._timeout_s = (client["timeout"] or _DEFAULT_TIMEOUT_MS) / 1000
        self._verify = bool(client["ssl_verify"])
        self._keep_alive = bool(client["keep_alive"])
        self._http10 = client["http_version"] == 1.0
        if not self._verify:
            log.warning("vault-upstream-oauth: ssl_verify is off, so whoever answers there gets the client's secret")
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._tls = _tls(client["ssl_ca_file"], verify=self._verify)
        self._managers: dict[Proxy | None, urllib3.PoolManager] = {}
        self._lock = threading.Lock()

    def post(self, make: Callable[[], TokenRequest]) -> Answer:
        """Send a request and return the answer, whatever its status.

        Args:
            make: returns the request; called again where a kept connection turns out to be closed.

        Raises:
            UnavailableError: no answer, or not in time.
            InvalidResponseError: it is too large, or no HTTP.
        """
        import urllib3

        end_s = time.monotonic() + self._timeout_s
        for last in (False, True):
            request = make()
            try:
                return self._exchange(request, end_s)
            except urllib3.exceptions.ProtocolError as error:
                closed = isinstance(error.args[-1], (ConnectionError, BrokenPipeError))
                if last or not closed:
                    raise self._translated(error, request.where) from error
            except (urllib3.exceptions.HTTPError, OSError, UnicodeError) as error:
                raise self._translated(error, request.where) from error
        raise AssertionError("unreachable")

    def _exchange(self, request: TokenRequest, end_s: float) -> Answer:
        import urllib3

        left_s = end_s - time.monotonic()
        if left_s <= 0:
            raise self._too_late(request.where)
        response = self._manager(request.url).request(
            "POST",
            request.url,
            body=urlencode(request.form, errors="surrogateescape"),
            headers=self._headers(request),
            timeout=urllib3.Timeout(total=left_s),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        try:
            body = b""
            # In the pieces that arrive: an answer that trickles can't outlast the deadline.
            while chunk := response.read1(_CHUNK_BYTES):
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    raise InvalidResponseError(f"{request.where}: its answer is larger than {_MAX_BODY_BYTES} bytes")
                if time.monotonic() > end_s:
                    raise self._too_late(request.where)
        except BaseException:
            response.close()
            raise
        response.release_conn() if self._keep_alive else response.close()
        return Answer(response.status, body)

    def _headers(self, request: TokenRequest) -> dict[str, str]:
        fixed = {"Accept-Encoding": "identity", "User-Agent": "kong-vault-py"}
        if not self._keep_alive:
            fixed["Connection"] = "close"
        if self._http10:
            # HTTP/1.0 has no Host by itself, and an IdP with several names needs it.
            fixed["Host"] = urlsplit(request.url).netloc
        return fixed | request.headers

    def _manager(self, url: str) -> urllib3.PoolManager:
        proxy = proxy_for(url, self._client)
        with self._lock:
            if proxy not in self._managers:
                self._managers[proxy] = self._open(proxy)
            return self._managers[proxy]

    def _open(self, proxy: Proxy | None) -> urllib3.PoolManager:
        import urllib3

        options: dict[str, Any] = {
            "maxsize": _POOLED_CONNECTIONS,
            "block": False,
            "ssl_context": self._tls,
            "assert_hostname": None if self._verify else False,
        }
        manager = (
            urllib3.PoolManager(**options)
            if proxy is None
            else urllib3.ProxyManager(proxy.url, proxy_headers=proxy.headers, **options)
        )
        if self._http10:
            manager.pool_classes_by_scheme = {
                scheme: _speaking_http10(pool) for scheme, pool in manager.pool_classes_by_scheme.items()
            }
        return manager

    def _too_late(self, where: str) -> StrategyTimeoutError:
        return StrategyTimeoutError(f"{where} did not answer within {self._timeout_s:g} s (client.timeout)")

    def _translated(self, error: Exception, where: str) -> StrategyError:
        import urllib3

        timed_out = (urllib3.exceptions.TimeoutError, TimeoutError)
        causes = [error, *(arg for arg in error.args if isinstance(arg, Exception)), error.__cause__, error.__context__]
        for cause in causes:
            # urllib3 counts every failed connection as a time-out.
            if isinstance(cause, timed_out) and not isinstance(cause, urllib3.exceptions.NewConnectionError):
                return self._too_late(where)
            if isinstance(cause, ssl.SSLCertVerificationError):
                return UnavailableError(
                    f"{where}: its certificate is not trusted ({cause.verify_message}); client.ssl_ca_file names "
                    "its authority"
                )
            if isinstance(cause, ssl.SSLError):
                return UnavailableError(f"{where}: no TLS ({cause.reason or 'broken off'})")
        if isinstance(error, urllib3.exceptions.ProxyError):
            return UnavailableError(f"{where}: the proxy doesn't let us through")
        reason = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
        return UnavailableError(f"{where} is unavailable: {reason or type(error).__name__}")


def _tls(ca_file: str | None, *, verify: bool) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise ConfigError(f"client.ssl_ca_file: no readable PEM certificate: {error.strerror or error}") from None
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _speaking_http10(pool: Any) -> Any:
    connection = type("Http10Connection", (pool.ConnectionCls,), {"_http_vsn": 10, "_http_vsn_str": "HTTP/1.0"})
    return type("Http10Pool", (pool,), {"ConnectionCls": connection})
