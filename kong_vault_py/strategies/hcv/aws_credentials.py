"""The AWS credentials to sign with: configured, from the default chain, or of a role assumed with either."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from kong_vault_py.errors import AuthenticationError, ConfigError, MissingDependencyError, UnavailableError, VaultError
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["Signer", "find_signer"]

_FINDING = "finding AWS credentials"
_ASSUMING = "assuming the IAM role"


class Signer(NamedTuple):
    """What a request to STS is signed with and for.

    Attributes:
        credentials: botocore's, frozen.
        region: the AWS region.
        sts_url: the base URL of STS there.
    """

    credentials: Any
    region: str
    sts_url: str


def find_signer(config: HcvConfig, deadline: Deadline) -> Signer:
    """Find the credentials; read and fetched anew, for keys in files and of instances change.

    Raises:
        MissingDependencyError: botocore is not installed.
        AuthenticationError: there are none, or they don't allow the role.
        UnavailableError: STS, or who gives the credentials, can't be reached.
        ConfigError: there is no such region, or the like.
    """
    try:
        import botocore.exceptions
        import botocore.parsers
        import botocore.session
        from botocore.config import Config
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"auth_method 'aws_iam' needs the Python package '{error.name}': pip install 'kong-vault-py[hcv,aws]'"
        ) from error
    session = botocore.session.Session()
    timeout_s = max(1, math.ceil(deadline.remaining_s(_FINDING)))
    session.set_default_client_config(
        Config(connect_timeout=timeout_s, read_timeout=timeout_s, retries={"total_max_attempts": 1})
    )
    if config.aws_access_key_id and config.aws_secret_access_key:
        session.set_credentials(config.aws_access_key_id, config.aws_secret_access_key.reveal())
    try:
        return _signer(session, config)
    except botocore.exceptions.ClientError as error:
        raise _refused(error.response) from None
    except (botocore.exceptions.BotoCoreError, botocore.parsers.ResponseParserError) as error:
        raise _failed(error) from error


def _signer(session: Any, config: HcvConfig) -> Signer:
    region = config.aws_auth_region or ""
    sts = session.create_client("sts", region_name=region, endpoint_url=config.aws_sts_endpoint_url)
    credentials = session.get_credentials()
    if credentials is None:
        raise AuthenticationError(
            f"{_FINDING}: there are none in the options, the environment, the shared files or the instance; "
            "set 'aws_access_key_id' and 'aws_secret_access_key', or give this machine a role"
        )
    if config.aws_assume_role_arn is None:
        return Signer(credentials.get_frozen_credentials(), region, sts.meta.endpoint_url)
    answer = sts.assume_role(RoleArn=config.aws_assume_role_arn, RoleSessionName=config.aws_role_session_name)
    from botocore.credentials import Credentials

    given = answer["Credentials"]
    assumed = Credentials(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    return Signer(assumed.get_frozen_credentials(), region, sts.meta.endpoint_url)


def _refused(response: dict[str, Any]) -> VaultError:
    error = response.get("Error", {})
    said = one_line(f"{error.get('Code', '')}: {error.get('Message', '')}")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500 or "Throttl" in said:
        return UnavailableError(f"{_ASSUMING}: STS can't answer now ({said})")
    return AuthenticationError(
        f"{_ASSUMING}: STS refuses ({said}); check 'aws_assume_role_arn', its trust policy, and our own AWS credentials"
    )


def _failed(error: Exception) -> VaultError:
    from botocore import exceptions, parsers

    said = one_line(str(error))
    lost = (exceptions.HTTPClientError, exceptions.ConnectionError, parsers.ResponseParserError)
    if isinstance(error, lost):
        return UnavailableError(f"{_FINDING}: {said}; check 'aws_auth_region' and 'aws_sts_endpoint_url'")
    if isinstance(error, (exceptions.MetadataRetrievalError, exceptions.CredentialRetrievalError)):
        return UnavailableError(f"{_FINDING}: {said}")
    if isinstance(error, (exceptions.InvalidRegionError, exceptions.ParamValidationError)):
        return ConfigError(f"{_FINDING}: {said}")
    return AuthenticationError(f"{_FINDING}: {said}")
