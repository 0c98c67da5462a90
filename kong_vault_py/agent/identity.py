"""Whose identity a vault that a request describes would be asked with: its own, or this machine's.

Strategies find credentials by themselves where their options name none: in files, in the environment, at the cloud's
metadata service. Asked by an operator that is as it should be. A request that names the vault's host as well would get
them sent to any server it likes, and one that names a directory would read any file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from kong_vault_py.agent.bodies import OptionValue

__all__ = ["borrowed"]

_Given = Mapping[str, OptionValue]

_PEM = "-----BEGIN "
#: Azure's own hosts: a token that is sent there isn't given away.
_AZURE = (".vault.azure.net", ".vault.azure.cn", ".vault.usgovcloudapi.net")


def borrowed(strategy: str, given: _Given) -> str | None:
    """Say what of this machine's identity a vault would be asked with that is none of the request's business.

    Args:
        strategy: the strategy's name.
        given: the options that the request sets, by their first names.

    Returns:
        That in words; ``None`` where the request brings all that its vault needs, or who gets to see the machine's
        identity is beyond the request's say.
    """
    told = _BY_STRATEGY.get(strategy)
    return f"whatever '{strategy}' finds on this machine" if told is None else told(given)


def _of_hcv(given: _Given) -> str | None:
    method = given.get("auth_method", "token")
    if method == "approle" and given.get("approle_secret_id_file"):
        return "the file of option 'approle_secret_id_file'"
    if method == "cert" and not all(_is_pem(given.get(name)) for name in ("cert_auth_cert", "cert_auth_cert_key")):
        return "the files of options 'cert_auth_cert' and 'cert_auth_cert_key'"
    if method in ("token", "approle", "cert", "jwt", "oauth2"):
        return None
    if method == "aws_iam" and given.get("aws_access_key_id") and given.get("aws_secret_access_key"):
        return None
    return f"this machine's identity for auth_method '{method}'"


def _of_aws(given: _Given) -> str | None:
    # There are no options for keys. Without an endpoint they only reach AWS itself.
    return _where(given, "endpoint_url", "sts_endpoint_url", identity="AWS")


def _of_gcp(given: _Given) -> str | None:
    return None if given.get("service_account") else _where(given, "endpoint_url", "ca_cert", identity="Google")


def _of_azure(given: _Given) -> str | None:
    if given.get("client_secret"):
        return None
    host = urlsplit(str(given.get("vault_uri", ""))).hostname or ""
    elsewhere = () if host.endswith(_AZURE) else ("vault_uri",)
    return _where(given, *elsewhere, "authority_host", "ca_cert", "credentials_prefix", identity="Azure")


def _of_konnect(given: _Given) -> str | None:
    if given.get("store_file"):
        return "the file of option 'store_file'"
    if given.get("node_token"):
        return None
    # The store's id alone is how Konnect's own entities look: the node asks its own manager.
    return _where(given, "manager_url", "ssl_verify", "ca_cert", identity="manager")


def _where(given: _Given, *names: str, identity: str) -> str | None:
    said = [name for name in names if name in given]
    return f"this machine's {identity} identity, where option '{said[0]}' says" if said else None


def _is_pem(value: OptionValue | None) -> bool:
    return isinstance(value, str) and value.strip().startswith(_PEM)


_BY_STRATEGY: dict[str, Callable[[_Given], str | None]] = {
    "hcv": _of_hcv,
    "aws": _of_aws,
    "gcp": _of_gcp,
    "azure": _of_azure,
    "azure-certs": _of_azure,
    "konnect": _of_konnect,
    "fs": lambda _given: "the files that the agent may read",
    # The login and its key are required options.
    "conjur": lambda _given: None,
}
