"""Opening the SDK's client: where credentials and the region come from, and how a role is assumed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import ConfigError, MissingDependencyError
from kong_vault_py.strategies.aws.config import AwsConfig
from kong_vault_py.strategies.aws.quiet import hush_the_sdk
from kong_vault_py.strategies.aws.sdk_errors import translated

if TYPE_CHECKING:
    import boto3

__all__ = ["open_clients"]

_POOLED_CONNECTIONS = 16


def open_clients(config: AwsConfig) -> list[Any]:
    """Return the client for Secrets Manager, then those that it needs itself.

    Credentials are the SDK's default chain: environment, web identity (EKS), profile, container (ECS), instance (EC2).

    Raises:
        MissingDependencyError: boto3 is not installed.
        ConfigError: no region is known.
    """
    try:
        import boto3  # noqa: F401  # here, for the message
        import botocore.session  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"vault strategy 'aws' needs the Python package '{error.name}': pip install 'kong-vault-py[aws]'"
        ) from error
    hush_the_sdk()
    session = _session(config)
    if config.assume_role_arn is None:
        return [session.client("secretsmanager", endpoint_url=config.endpoint_url)]
    sts = session.client("sts", endpoint_url=config.sts_endpoint_url)
    assumed = _session(config, _Role(sts, config))
    return [assumed.client("secretsmanager", endpoint_url=config.endpoint_url), sts]


def _session(config: AwsConfig, role: _Role | None = None) -> boto3.Session:
    """Return a session of our own; what the SDK itself asks for on the way (STS, SSO) keeps to the same limits."""
    import boto3
    from botocore.config import Config
    from botocore.credentials import CredentialResolver
    from botocore.session import Session

    core = Session()
    # AWS_ENDPOINT_URL is not one of Kong's; retries over time are the core's.
    core.set_default_client_config(
        Config(
            connect_timeout=config.fetch_timeout_s,
            read_timeout=config.fetch_timeout_s,
            retries={"total_max_attempts": 1, "mode": "standard"},
            max_pool_connections=_POOLED_CONNECTIONS,
            ignore_configured_endpoint_urls=True,
        )
    )
    # Kong takes AWS_REGION, the SDK for Python AWS_DEFAULT_REGION alone.
    region = config.region or os.environ.get("AWS_REGION") or core.get_config_variable("region")
    if not region:
        raise ConfigError("vault strategy 'aws': no region; set option 'region' or AWS_REGION")
    core.set_config_variable("region", region)
    if role is not None:
        core.register_component("credential_provider", CredentialResolver([role]))
    return boto3.Session(botocore_session=core)


class _Role:
    """What the SDK takes for a source of credentials: those of a role, asked for anew before they expire."""

    METHOD = "kong-vault-assume-role"
    CANONICAL_NAME = None

    def __init__(self, sts: Any, config: AwsConfig) -> None:
        self._sts = sts
        self._config = config

    def load(self) -> Any:
        from botocore.credentials import DeferredRefreshableCredentials

        return DeferredRefreshableCredentials(self._assume, self.METHOD)

    def _assume(self) -> dict[str, str]:
        doing = f"assuming the AWS role {self._config.assume_role_arn}"
        try:
            given = self._sts.assume_role(
                RoleArn=self._config.assume_role_arn, RoleSessionName=self._config.role_session_name
            )["Credentials"]
            return {
                "access_key": given["AccessKeyId"],
                "secret_key": given["SecretAccessKey"],
                "token": given["SessionToken"],
                "expiry_time": given["Expiration"].isoformat(),
            }
        except Exception as error:  # a border: nothing of the SDK's gets out
            raise translated(error, doing) from None
