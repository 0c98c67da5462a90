"""The aws vault: AWS Secrets Manager."""

from __future__ import annotations

from kong_vault_py.strategies.aws.config import AwsConfig
from kong_vault_py.strategies.aws.strategy import AwsStrategy

__all__ = ["AwsConfig", "AwsStrategy"]
