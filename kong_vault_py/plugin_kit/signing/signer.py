"""The way of signing that a plugin's config says: what it needs of a request, and what it takes from the vault."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing
from kong_vault_py.secret import Secret

__all__ = ["Keys", "Signer", "make_signer"]

#: The part of a config that holds keys, resolved.
Keys = Mapping[str, Any]


@dataclass(frozen=True, repr=False)
class Signer:
    """A way of signing.

    Attributes:
        keys: the part of the config with keys, references as written: bind it.
        sign: takes the request, the keys resolved and the Unix time, returns headers by name in lower case.
        needs_body: whether the body is signed.
        needs_host: whether the Host header is.
        needs_target: whether method, path and query are.
        replaced: headers that clients must not bring along, in lower case.
    """

    keys: Mapping[str, Any]
    sign: Callable[[Outgoing, Keys, float], dict[str, str]]
    needs_body: bool
    needs_host: bool
    needs_target: bool
    replaced: frozenset[str]


def make_signer(config: Mapping[str, Any]) -> Signer:
    """Return the signer of a plugin's config.

    Raises:
        ConfigError: what the scheme needs is missing, or doesn't go together.
    """
    return {"hmac": _hmac, "aws-sigv4": _aws, "standard-webhooks": _webhook}[config["scheme"]](config)


def _hmac(config: Mapping[str, Any]) -> Signer:
    from kong_vault_py.plugin_kit.signing.http_signature import HttpSignature

    section = _complete(config, "hmac", "username", "secret")
    way = HttpSignature(
        algorithm=section["algorithm"],
        headers=tuple(name.lower() for name in section["headers"]),
        scheme=section["scheme"],
        header=section["header"].lower(),
        date_header=section["date_header"].lower(),
        digest=section["digest"],
    )
    keys = {name: section[name] for name in ("username", "secret")}
    return Signer(
        keys,
        lambda request, found, now_s: way.sign(request, _text(found["username"]), _secret(found["secret"]), now_s),
        needs_body=way.digest,
        needs_host=way.needs_host,
        needs_target=True,
        replaced=frozenset(),
    )


def _aws(config: Mapping[str, Any]) -> Signer:
    from kong_vault_py.plugin_kit.signing.aws_sigv4 import AwsCredentials, AwsSignature

    section = _complete(config, "aws", "access_key_id", "secret_access_key", "region", "service")
    way = AwsSignature(section["region"], section["service"])

    def sign(request: Outgoing, found: Keys, now_s: float) -> dict[str, str]:
        token = found["session_token"]
        credentials = AwsCredentials(
            _text(found["access_key_id"]), _secret(found["secret_access_key"]), _text(token) if token else None
        )
        return way.sign(request, credentials, now_s)

    return Signer(
        {name: section[name] for name in ("access_key_id", "secret_access_key", "session_token")},
        sign,
        needs_body=section["sign_body"],
        needs_host=True,
        needs_target=True,
        replaced=frozenset({"x-amz-security-token"}),
    )


def _webhook(config: Mapping[str, Any]) -> Signer:
    from kong_vault_py.plugin_kit.signing.standard_webhook import sign_webhook

    section = _complete(config, "webhook", "secrets")
    id_header = (section["id_header"] or "").lower() or None
    return Signer(
        {"secrets": section["secrets"]},
        lambda request, found, now_s: sign_webhook(
            request, [_secret(value) for value in found["secrets"]], now_s, id_header=id_header
        ),
        needs_body=True,
        needs_host=False,
        needs_target=False,
        replaced=frozenset(),
    )


def _complete(config: Mapping[str, Any], section: str, *needed: str) -> Mapping[str, Any]:
    found: Mapping[str, Any] = config[section]
    for name in needed:
        if not found.get(name):
            raise ConfigError(f"{section}.{name} is needed for scheme '{config['scheme']}'")
    return found


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value


def _secret(value: str | Secret) -> Secret:
    return value if isinstance(value, Secret) else Secret(value)
