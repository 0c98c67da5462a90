"""Every way to log in to Vault."""

from __future__ import annotations

from collections.abc import Callable

from kong_vault_py.strategies.hcv.auth_approle import AppRoleLogin
from kong_vault_py.strategies.hcv.auth_aws_ec2 import AwsEc2Login
from kong_vault_py.strategies.hcv.auth_aws_iam import AwsIamLogin
from kong_vault_py.strategies.hcv.auth_azure import AzureLogin
from kong_vault_py.strategies.hcv.auth_cert import CertLogin
from kong_vault_py.strategies.hcv.auth_gcp_gce import GcpGceLogin
from kong_vault_py.strategies.hcv.auth_gcp_iam import GcpIamLogin
from kong_vault_py.strategies.hcv.auth_jwt import JwtLogin
from kong_vault_py.strategies.hcv.auth_kubernetes import KubernetesLogin
from kong_vault_py.strategies.hcv.auth_token import TokenLogin
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import LoginMethod

__all__ = ["METHODS"]

#: By ``auth_method``. Kong's kong.conf calls one of them jwt, its tutorial for the vault entity oauth2.
METHODS: dict[str, Callable[[HcvConfig], LoginMethod]] = {
    "token": TokenLogin,
    "approle": AppRoleLogin,
    "kubernetes": KubernetesLogin,
    "cert": CertLogin,
    "jwt": JwtLogin,
    "oauth2": JwtLogin,
    "gcp_iam": GcpIamLogin,
    "gcp_gce": GcpGceLogin,
    "azure": AzureLogin,
    "aws_iam": AwsIamLogin,
    "aws_ec2": AwsEc2Login,
}
