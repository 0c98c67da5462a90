"""Where AWS's refusals become errors of ours: the one border for error codes."""

from __future__ import annotations

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["login_refused", "refused"]

_DENIED = {"AccessDenied", "AccessDeniedException"}
_UNKNOWN_IDENTITY = {
    "ExpiredToken",
    "ExpiredTokenException",
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "RequestExpired",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
}
_THROTTLED = {
    "LimitExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
}
_DOWN = {"InternalFailure", "InternalServiceError", "InternalServiceErrorException", "ServiceUnavailable"}


def refused(code: str, message: str, status: int | None, doing: str) -> VaultError:
    """Return the error for an error of Secrets Manager.

    AWS's own message is repeated only where it helps: that of a wrong signature holds the request, session token
    included.

    Args:
        code: AWS's error code ("ResourceNotFoundException").
        message: AWS's message.
        status: the HTTP status; ``None`` for one secret of a batch.
        doing: what was asked for.
    """
    if code == "ResourceNotFoundException":
        return SecretNotFoundError(f"{doing}: there is no such secret or version in this account and region")
    if code == "InvalidRequestException" and "delet" in message:
        return SecretNotFoundError(f"{doing}: the secret is scheduled for deletion")
    if code == "ValidationException":
        return SecretNotFoundError(f"{doing}: this can't be the name of a secret: {one_line(message)}")
    if code in _DENIED:
        return PermissionDeniedError(f"{doing}: not allowed: {one_line(message)}")
    if code == "DecryptionFailure":
        return PermissionDeniedError(
            f"{doing}: its KMS key doesn't decrypt it; is the key enabled, and kms:Decrypt ours?"
        )
    if code in _UNKNOWN_IDENTITY:
        return AuthenticationError(f"{doing}: AWS refuses our credentials ({code}); {_remedy(code)}")
    return _down(code, status, doing) or InvalidResponseError(
        f"{doing}: answered {code}: {one_line(message)}; check options 'region' and 'endpoint_url'"
    )


def login_refused(code: str, message: str, status: int | None, doing: str) -> VaultError:
    """Return the error for an error of STS: without a role, or a web identity's, we are nobody."""
    down = _down(code, status, doing)
    if down is not None:
        return down
    if code in _UNKNOWN_IDENTITY:
        return AuthenticationError(f"{doing}: AWS refuses our credentials ({code}); {_remedy(code)}")
    return AuthenticationError(f"{doing}: refused ({code}): {one_line(message)}; check the role and whom it trusts")


def _down(code: str, status: int | None, doing: str) -> UnavailableError | None:
    if code in _THROTTLED or status == 429:
        return UnavailableError(f"{doing}: AWS's rate limit is reached; raise 'ttl'")
    if code in _DOWN or (status is not None and status >= 500):
        return UnavailableError(f"{doing}: AWS answered {one_line(code)} (HTTP {status or 500})")
    return None


def _remedy(code: str) -> str:
    if code in {"RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"}:
        return "check the secret access key and this machine's clock"
    return "they are wrong, expired or revoked: renew them"
