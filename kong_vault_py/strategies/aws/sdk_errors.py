"""Where errors of boto3 and botocore become errors of ours."""

from __future__ import annotations

import http.client
from collections.abc import Iterator

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.aws.answers import login_refused, refused
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["translated"]

_LOGINS = {"AssumeRole", "AssumeRoleWithWebIdentity", "GetRoleCredentials", "CreateToken"}
_BROKEN_OFF = (ConnectionError, http.client.IncompleteRead)


def translated(error: Exception, doing: str) -> VaultError:
    """Return the error for whatever the SDK raised. Its own text is not repeated where it may hold an answer's body.

    Args:
        error: what the SDK raised.
        doing: what was asked for.
    """
    if isinstance(error, VaultError):
        return error
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        about = error.response.get("Error", {})
        border = login_refused if error.operation_name in _LOGINS else refused
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        return border(str(about.get("Code", "")), str(about.get("Message", "")), status, doing)
    if isinstance(error, BotoCoreError):
        return _unsent(error, doing) or _unidentified(error, doing) or _unanswered(error, doing)
    # The SDK's parsers stumble over what AWS would never send.
    return InvalidResponseError(
        f"{doing}: boto3 failed with {type(error).__name__} on the answer; check option 'endpoint_url'"
    )


def _unsent(error: Exception, doing: str) -> VaultError | None:
    from botocore import exceptions as sdk

    if isinstance(error, sdk.NoRegionError):
        return ConfigError(f"{doing}: no region; set option 'region' or AWS_REGION")
    settings = (sdk.ProfileNotFound, sdk.ConfigParseError, sdk.ConfigNotFound, sdk.InvalidConfigError)
    if isinstance(error, (*settings, sdk.InvalidRegionError)):
        return ConfigError(f"{doing}: {one_line(str(error))}")
    return None


def _unidentified(error: Exception, doing: str) -> VaultError | None:
    from botocore import exceptions as sdk

    if isinstance(error, sdk.NoCredentialsError):
        return AuthenticationError(
            f"{doing}: no AWS credentials found; a server that Kong starts has an empty environment, "
            "so give it a role, a profile, or pass AWS_* on to it"
        )
    if isinstance(error, sdk.PartialCredentialsError):
        return AuthenticationError(f"{doing}: half of the AWS credentials is missing: {one_line(str(error))}")
    unobtained = (sdk.CredentialRetrievalError, sdk.MetadataRetrievalError, sdk.TokenRetrievalError, sdk.SSOError)
    if isinstance(error, unobtained):
        return AuthenticationError(f"{doing}: the source of AWS credentials gave none ({type(error).__name__})")
    return None


def _unanswered(error: Exception, doing: str) -> VaultError:
    from botocore import exceptions as sdk

    url = one_line(str(getattr(error, "kwargs", {}).get("endpoint_url") or "AWS"))
    if isinstance(error, (sdk.ConnectTimeoutError, sdk.ReadTimeoutError)):
        return StrategyTimeoutError(f"{doing}: {url} did not answer in time (option 'fetch_timeout_s')")
    if isinstance(error, sdk.ProxyConnectionError):
        return UnavailableError(f"{doing}: no connection to the proxy that HTTPS_PROXY or HTTP_PROXY names")
    if isinstance(error, sdk.SSLError):
        return UnavailableError(
            f"{doing}: no TLS with {url}, or an untrusted certificate; AWS_CA_BUNDLE may name its authority"
        )
    causes = list(_causes(error))
    if any(isinstance(cause, http.client.HTTPException) and not isinstance(cause, _BROKEN_OFF) for cause in causes):
        return InvalidResponseError(f"{doing}: {url} does not speak HTTP; check option 'endpoint_url'")
    if isinstance(error, (sdk.ConnectionError, sdk.HTTPClientError, sdk.IncompleteReadError)):
        reason = next((cause.strerror for cause in causes if isinstance(cause, OSError) and cause.strerror), None)
        return UnavailableError(f"{doing}: no connection to {url}: {reason or 'closed without an answer'}")
    return InvalidResponseError(f"{doing}: boto3 failed with {type(error).__name__}; check option 'endpoint_url'")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from; botocore and urllib3 keep that in arguments and attributes too."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        kept = getattr(current, "kwargs", {})
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None)]
        waiting += [*current.args, *(kept.values() if isinstance(kept, dict) else ())]
