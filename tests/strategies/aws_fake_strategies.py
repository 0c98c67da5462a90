"""A strategy on the fake Secrets Manager, with an identity of its own, and what its tests share."""

from __future__ import annotations

import traceback

import pytest

from kong_vault_py.errors import VaultError
from kong_vault_py.strategies.aws import AwsStrategy
from tests.servers.moto_server import Keys
from tests.strategies.aws_backends import aws_strategy
from tests.strategies.fake_secrets_manager import FakeAws, Reply, role

TIMEOUT_S = 5.0
KEYS = Keys("AKIAOWN", "canary-own-secret-key-31")
ROLE_ARN = "arn:aws:iam::123456789012:role/team/kong"
ROLE_SECRET, ROLE_TOKEN = "canary-role-secret-key-42", "canary-role-session-token-53"
ROLE = role("ASIAROLE", ROLE_SECRET, ROLE_TOKEN)
CREDENTIALS = (KEYS.secret, ROLE_SECRET, ROLE_TOKEN)
PASSWORD = Reply({"Name": "redis", "SecretString": "canary-pw-64"})


def fake_strategy(fake: FakeAws, **options: object) -> AwsStrategy:
    return aws_strategy(**{"endpoint_url": fake.url} | options)


def role_strategy(fake: FakeAws, **options: object) -> AwsStrategy:
    return fake_strategy(fake, assume_role_arn=ROLE_ARN, sts_endpoint_url=fake.url, **options)


def fetch(strategy: AwsStrategy, *, timeout_s: float = TIMEOUT_S) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=timeout_s).value


def error_of(strategy: AwsStrategy, kind: type[VaultError]) -> str:
    """Return the message of the fetch's error, having looked for credentials in everything that it carries."""
    with pytest.raises(kind) as caught:
        fetch(strategy)
    carried = "".join(traceback.format_exception(caught.value))
    for secret in CREDENTIALS:
        assert secret not in carried
    assert str(caught.value).isprintable()
    return str(caught.value)


def secret_named(name: str) -> dict[str, str]:
    """Return a secret as a batch's answer holds it."""
    arn = f"arn:aws:secretsmanager:eu-west-1:1:secret:{name}-AbCdEf"
    return {"Name": name, "ARN": arn, "SecretString": f"of {name}"}
