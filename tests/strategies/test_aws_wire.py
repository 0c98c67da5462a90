"""What the aws vault sends, and how it takes odd answers, against a fake that shows each call."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.options import build_config
from kong_vault_py.strategies.aws import AwsConfig
from kong_vault_py.strategies.aws.session import open_clients
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.ports import free_port
from tests.strategies.aws_fake_strategies import (
    KEYS,
    ROLE_ARN,
    ROLE_SECRET,
    ROLE_TOKEN,
    TIMEOUT_S,
    error_of,
    fake_strategy,
    fetch,
    role_strategy,
)
from tests.strategies.fake_secrets_manager import FakeAws, Reply, refusal, role, sts_refusal


def test_the_staging_label_of_each_version_is_asked_for(fake_aws: FakeAws) -> None:
    strategy = fake_strategy(fake_aws)
    for version in (None, 1.0, 2.0):
        strategy.fetch("team/redis", version, timeout_s=TIMEOUT_S)

    assert [call.parameters for call in fake_aws.calls] == [
        {"SecretId": "team/redis", "VersionStage": stage} for stage in ("AWSCURRENT", "AWSCURRENT", "AWSPREVIOUS")
    ]


def test_the_role_is_asked_for_once_and_its_credentials_sign_every_read(fake_aws: FakeAws) -> None:
    strategy = role_strategy(fake_aws)

    fetch(strategy)
    fetch(strategy)

    assumed, *reads = fake_aws.calls
    assert assumed.parameters == {"RoleArn": ROLE_ARN, "RoleSessionName": "KongVault"}
    assert (assumed.key_id, assumed.session_token) == (KEYS.key_id, None)
    assert [(read.key_id, read.session_token) for read in reads] == [("ASIAROLE", ROLE_TOKEN)] * 2


def test_a_role_about_to_expire_is_assumed_anew(fake_aws: FakeAws) -> None:
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
    fake_aws.routes["AssumeRole"] = role("ASIAROLE", ROLE_SECRET, ROLE_TOKEN, soon)
    strategy = role_strategy(fake_aws)

    fetch(strategy)
    asked = fake_aws.operations().count("AssumeRole")
    fetch(strategy)

    assert fake_aws.operations().count("AssumeRole") > asked


@pytest.mark.parametrize(
    ("option", "environment", "region"),
    [
        ("eu-north-1", {"AWS_REGION": "us-east-1"}, "eu-north-1"),
        (None, {"AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-west-2"}, "us-east-1"),
        (None, {"AWS_DEFAULT_REGION": "us-west-2"}, "us-west-2"),
    ],
)
def test_the_region_is_the_options_or_the_environments(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, option: str | None, environment: dict[str, str], region: str
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    fetch(role_strategy(fake_aws, region=option))

    assert {call.region for call in fake_aws.calls} == {region}


def test_endpoints_are_not_taken_from_the_environment(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_SECRETS_MANAGER"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    config = build_config(AwsConfig, {"region": "eu-west-1"}, where="vault 'test'")

    client, sts = open_clients(replace(config, assume_role_arn=ROLE_ARN))

    assert client.meta.endpoint_url == "https://secretsmanager.eu-west-1.amazonaws.com"
    assert sts.meta.endpoint_url == "https://sts.eu-west-1.amazonaws.com"


def test_a_failed_call_is_not_repeated(fake_aws: FakeAws) -> None:
    fake_aws.routes["GetSecretValue"] = refusal("InternalServiceError", status=500)

    error_of(fake_strategy(fake_aws), UnavailableError)

    assert fake_aws.operations() == ["GetSecretValue"]


# Answers


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (refusal("ResourceNotFoundException"), SecretNotFoundError, "no such secret or version"),
        (refusal("InvalidRequestException", "marked for deletion"), SecretNotFoundError, "scheduled for deletion"),
        (refusal("InvalidRequestException", "managed by another"), InvalidResponseError, "managed by another"),
        (refusal("ValidationException", "Invalid name"), SecretNotFoundError, "Invalid name"),
        (refusal("AccessDeniedException", "User: u\nis not"), PermissionDeniedError, "not allowed: User: u is not"),
        (refusal("DecryptionFailure"), PermissionDeniedError, "kms:Decrypt"),
        (refusal("UnrecognizedClientException"), AuthenticationError, "wrong, expired or revoked"),
        (refusal("ExpiredTokenException"), AuthenticationError, "wrong, expired or revoked"),
        (refusal("InvalidSignatureException", f"'{KEYS.secret}'"), AuthenticationError, "this machine's clock"),
        (refusal("ThrottlingException"), UnavailableError, "rate limit"),
        (refusal("AnyCode", status=429), UnavailableError, "rate limit"),
        (refusal("InternalServiceError", status=500), UnavailableError, "AWS answered InternalServiceError (HTTP 500)"),
        (Reply("<html>bad gateway</html>", 502), UnavailableError, "HTTP 502"),
        (refusal("InvalidParameterException", "odd"), InvalidResponseError, "InvalidParameterException: odd"),
        (Reply("<html>forbidden</html>", 403), InvalidResponseError, "'endpoint_url'"),
        (Reply({"SecretString": None}), InvalidResponseError, "holds no value"),
        (Reply("[" * 100_000), InvalidResponseError, "endpoint_url"),
        (refusal("AccessDeniedException", "\x1b[2Jgone" + "x" * 10_000), PermissionDeniedError, "?[2Jgone"),
    ],
)
def test_what_is_nosecret_named(fake_aws: FakeAws, reply: Reply, kind: type[VaultError], said: str) -> None:
    fake_aws.routes["GetSecretValue"] = reply

    message = error_of(fake_strategy(fake_aws), kind)

    assert said in message
    assert len(message) < 600


@pytest.mark.parametrize(
    ("reply", "kind", "said"),
    [
        (sts_refusal("AccessDenied", "User: u is not authorized"), AuthenticationError, "whom it trusts"),
        (sts_refusal("InvalidClientTokenId", "invalid"), AuthenticationError, "refuses our credentials"),
        (sts_refusal("SignatureDoesNotMatch", f"POST {KEYS.secret}"), AuthenticationError, "clock"),
        (sts_refusal("Throttling", "Rate exceeded", 400), UnavailableError, "rate limit"),
        (sts_refusal("InternalFailure", "", 500), UnavailableError, "HTTP 500"),
        (Reply("<html></html>"), InvalidResponseError, "assuming the AWS role"),
        (Reply("garbage"), InvalidResponseError, "assuming the AWS role"),
        (role("ASIAROLE", ROLE_SECRET, ROLE_TOKEN, "soon"), InvalidResponseError, "assuming the AWS role"),
    ],
)
def test_a_role_that_is_not_given(fake_aws: FakeAws, reply: Reply, kind: type[VaultError], said: str) -> None:
    fake_aws.routes["AssumeRole"] = reply

    assert said in error_of(role_strategy(fake_aws), kind)
    assert fake_aws.operations() == ["AssumeRole"]


def test_an_sts_that_is_away_says_so(fake_aws: FakeAws) -> None:
    gone = f"http://127.0.0.1:{free_port()}"

    message = error_of(fake_strategy(fake_aws, assume_role_arn=ROLE_ARN, sts_endpoint_url=gone), UnavailableError)

    assert f"assuming the AWS role {ROLE_ARN}: no connection to {gone}" in message


def test_https_asked_of_a_server_without_it(fake_aws: FakeAws) -> None:
    url = fake_aws.url.replace("http:", "https:")

    assert f"no TLS with {url}" in error_of(fake_strategy(fake_aws, endpoint_url=url), UnavailableError)


def test_a_body_that_breaks_off_is_no_value(fake_aws: FakeAws) -> None:
    half = b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"SecretString": "half'
    with LoopbackServer(half) as server:
        error_of(fake_strategy(fake_aws, endpoint_url=f"http://{server.host}:{server.port}"), StrategyError)
