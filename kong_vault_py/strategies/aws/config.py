"""The options of the aws vault."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option

__all__ = ["AwsConfig"]

# No credentials in it, no query, and nothing that would break out of a header.
_URL = r"^https?://[^%s/?#@\]+/?$"


@dataclass(frozen=True)
class AwsConfig(StrategyConfig):
    """Options of the aws vault, with Kong's names and defaults; credentials are found as the SDK finds them."""

    region: str | None = option(
        None,
        match="^%a[%w-]+$",
        help="Region of the secrets; unset: AWS_REGION, AWS_DEFAULT_REGION, or the profile's region.",
    )
    endpoint_url: str | None = option(
        None, match=_URL, help="Endpoint of Secrets Manager (a VPC endpoint, an emulator); unset: the region's own."
    )
    assume_role_arn: str | None = option(
        None, match="^arn:[%w+=,.@_/:-]+$", help="ARN of the role to assume for reading; unset: read as who we are."
    )
    role_session_name: str = option(
        "KongVault", match="^[%w+=,.@_-]+$", help="Name of the role's session, as CloudTrail shows it."
    )
    sts_endpoint_url: str | None = option(
        None, match=_URL, help="Endpoint of STS, which hands out roles; unset: the region's own."
    )

    def __post_init__(self) -> None:
        """Refuse a session name that STS would refuse."""
        if not 2 <= len(self.role_session_name) <= 64:
            raise ConfigError("option 'role_session_name': won't do: expected 2 to 64 characters")
