"""Where the aws vault finds its credentials and region, and that it finds new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError, ConfigError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.aws import AwsConfig
from kong_vault_py.strategies.base import HealthStatus
from tests.strategies.aws_fake_strategies import (
    PASSWORD,
    ROLE_SECRET,
    ROLE_TOKEN,
    TIMEOUT_S,
    error_of,
    fake_strategy,
    fetch,
    role_strategy,
)
from tests.strategies.fake_secrets_manager import FakeAws, refusal, role


def test_no_credentials_anywhere(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    strategy = fake_strategy(fake_aws)

    assert "no AWS credentials found" in error_of(strategy, AuthenticationError)
    assert strategy.check(timeout_s=TIMEOUT_S).status is HealthStatus.UNKNOWN
    assert fake_aws.calls == []


def test_half_of_the_credentials(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    assert "half of the AWS credentials is missing" in error_of(fake_strategy(fake_aws), AuthenticationError)


def test_no_region_anywhere(fake_aws: FakeAws) -> None:
    assert "no region; set option 'region'" in error_of(fake_strategy(fake_aws, region=None), ConfigError)


def test_a_profile_that_does_not_exist(fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")

    assert "nobody" in error_of(fake_strategy(fake_aws), ConfigError)


def test_credentials_renewed_in_the_profiles_file_are_found_by_the_next_fetch(
    fake_aws: FakeAws, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    profiles = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(profiles))
    profile = "[default]\naws_access_key_id = {}\naws_secret_access_key = x\n"
    profiles.write_text(profile.format("AKIAOLD"))
    expired = refusal("ExpiredTokenException")
    fake_aws.routes["GetSecretValue"] = lambda call: PASSWORD if call.key_id == "AKIANEW" else expired
    strategy = fake_strategy(fake_aws)

    error_of(strategy, AuthenticationError)
    profiles.write_text(profile.format("AKIANEW"))

    assert fetch(strategy) == "canary-pw-64"


def test_a_role_session_that_was_revoked_is_replaced_by_the_next_fetch(fake_aws: FakeAws) -> None:
    given = iter([role("ASIAONE", ROLE_SECRET, ROLE_TOKEN), role("ASIATWO", ROLE_SECRET, ROLE_TOKEN)])
    fake_aws.routes["AssumeRole"] = lambda _: next(given)
    revoked = refusal("UnrecognizedClientException")
    fake_aws.routes["GetSecretValue"] = lambda call: PASSWORD if call.key_id == "ASIATWO" else revoked
    strategy = role_strategy(fake_aws)

    error_of(strategy, AuthenticationError)

    assert fetch(strategy) == "canary-pw-64"


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("region", "eu west 1"),
        ("endpoint_url", "secretsmanager.internal"),
        ("endpoint_url", "https://user:pw@vault.internal"),
        ("sts_endpoint_url", "ftp://sts.internal"),
        ("assume_role_arn", "kong"),
        ("role_session_name", "x"),
        ("role_session_name", "a b"),
    ],
)
def test_an_option_that_cannot_be_right_is_refused(option: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"option '{option}'"):
        build_config(AwsConfig, {option: value}, where="vault 'test'")
