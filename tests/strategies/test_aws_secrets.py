"""The aws vault on moto's AWS: names, versions, binary values, batches, roles."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError, PermissionDeniedError, SecretNotFoundError, VaultError
from kong_vault_py.strategies.aws import AwsStrategy
from kong_vault_py.strategies.base import Fetched, HealthStatus
from tests.servers.moto_server import REGION, MotoServer
from tests.strategies.aws_backends import READ, AwsBackend, isolate, unique

_TIMEOUT_S = 10.0


@pytest.fixture
def backend(moto: MotoServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> AwsBackend:
    isolate(monkeypatch, tmp_path)
    return AwsBackend(moto, monkeypatch)


def _value(strategy: AwsStrategy, resource: str, version: float | None = None) -> str | bytes:
    return strategy.fetch(resource, version, timeout_s=_TIMEOUT_S).value


def _error(strategy: AwsStrategy, resource: str, kind: type[VaultError], version: float | None = None) -> str:
    with pytest.raises(kind) as caught:
        _value(strategy, resource, version)
    return str(caught.value)


# Names and values


def test_names_may_hold_slashes_and_every_other_character_that_aws_takes(backend: AwsBackend) -> None:
    name = unique("team/prod/redis_a+b=c.d@e-f!g")
    backend.put(name, "pw")

    assert _value(backend.strategy(), name) == "pw"


def test_a_secret_answers_to_its_arn_too(backend: AwsBackend) -> None:
    name = unique("by/arn")
    backend.put(name, "pw")

    assert _value(backend.strategy(), backend.arn(name)) == "pw"


def test_a_binary_value_arrives_byte_by_byte(backend: AwsBackend) -> None:
    name = unique("binary")
    backend.put_bytes(name, bytes(range(256)))

    assert _value(backend.strategy(), name) == bytes(range(256))


def test_a_name_that_aws_would_refuse_costs_no_call(backend: AwsBackend) -> None:
    message = _error(backend.strategy_unreachable(), "not a name", SecretNotFoundError)

    assert "names of secrets are made of" in message


# Versions


def test_version_1_is_the_current_value_and_2_the_previous_one(backend: AwsBackend) -> None:
    name = unique("versions")
    for value in ("first", "second", "third"):
        backend.put(name, value)
    strategy = backend.strategy()

    assert [_value(strategy, name, version) for version in (None, 1.0, 2.0)] == ["third", "third", "second"]


def test_a_secret_that_never_changed_has_no_previous_version(backend: AwsBackend) -> None:
    name = unique("young")
    backend.put(name, "value")

    assert "no such secret or version" in _error(backend.strategy(), name, SecretNotFoundError, 2.0)


def test_other_versions_are_refused_with_the_two_that_exist(backend: AwsBackend) -> None:
    message = _error(backend.strategy(), "redis", SecretNotFoundError, 3.0)

    assert "versions are 1 (AWSCURRENT) and 2 (AWSPREVIOUS), not 3" in message


def test_a_secret_scheduled_for_deletion_is_absent_and_comes_back_when_restored(backend: AwsBackend) -> None:
    name = unique("doomed")
    backend.put(name, "value")
    strategy = backend.strategy()
    backend.remove(name)

    assert "is scheduled for deletion" in _error(strategy, name, SecretNotFoundError)
    backend.server.secrets.restore_secret(SecretId=name)
    assert _value(strategy, name) == "value"


# Batches


def test_a_batch_brings_values_of_both_kinds_and_each_secrets_own_error(backend: AwsBackend) -> None:
    text, binary, doomed, absent = (unique(name) for name in ("text", "binary", "doomed", "absent"))
    backend.put(text, "pw")
    backend.put_bytes(binary, b"\xff\x00")
    backend.put(doomed, "value")
    backend.remove(doomed)
    wanted = [(name, None) for name in (text, binary, doomed, absent, "not a name")]

    answers = backend.strategy().fetch_many(wanted, timeout_s=_TIMEOUT_S)

    assert answers[text, None] == Fetched("pw")
    assert answers[binary, None] == Fetched(b"\xff\x00")
    for name, said in (
        (doomed, "scheduled for deletion"),
        (absent, "no such secret"),
        ("not a name", "made of letters"),
    ):
        error = answers[name, None]
        assert isinstance(error, SecretNotFoundError)
        assert said in str(error)
        assert name in str(error)


def test_a_batch_takes_arns_whole_and_without_their_random_end(backend: AwsBackend) -> None:
    whole, partial = unique("whole"), unique("partial")
    backend.put(whole, "one")
    backend.put(partial, "two")
    wanted = [(backend.arn(whole), None), (backend.arn(partial)[:-7], None)]

    answers = backend.strategy().fetch_many(wanted, timeout_s=_TIMEOUT_S)

    assert [answers[pair] for pair in wanted] == [Fetched("one"), Fetched("two")]


def test_versions_in_a_batch_each_bring_their_own_value(backend: AwsBackend) -> None:
    name, other = unique("versioned"), unique("other")
    backend.put_versions(name, "old", "new")
    backend.put(other, "value")

    answers = backend.strategy().fetch_many(
        [(name, None), (name, 1.0), (name, 2.0), (other, None)], timeout_s=_TIMEOUT_S
    )

    assert [answers[name, version] for version in (None, 1.0, 2.0)] == [Fetched("new"), Fetched("new"), Fetched("old")]
    assert answers[other, None] == Fetched("value")


def test_who_may_not_batch_reads_one_by_one_and_is_told_so_once(
    backend: AwsBackend, caplog: pytest.LogCaptureFixture
) -> None:
    names = [unique(f"single-{number}") for number in range(3)]
    for name in names:
        backend.put(name, f"value of {name}")
    reader = backend.server.make_user(unique("single-reader"), ["secretsmanager:GetSecretValue"])
    strategy = backend.strategy_as(reader)
    caplog.set_level(logging.WARNING)

    for _ in range(2):
        answers = strategy.fetch_many([(name, None) for name in names], timeout_s=_TIMEOUT_S)

    assert answers == {(name, None): Fetched(f"value of {name}") for name in names}
    assert caplog.text.count("so each secret costs a call of its own") == 1
    assert "secretsmanager:BatchGetSecretValue" in caplog.text


# Who we are


def test_a_role_is_assumed_and_reads_what_we_may_not(backend: AwsBackend) -> None:
    name = unique("for-the-role")
    backend.put(name, "pw")
    user = unique("assumer")
    keys = backend.server.make_user(user, ["sts:AssumeRole"])
    role_arn = backend.server.make_role(unique("reader"), READ, trusted_user=user)

    with_role = backend.strategy_as(keys, assume_role_arn=role_arn, sts_endpoint_url=backend.server.url)

    assert _value(with_role, name) == "pw"
    assert with_role.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK
    assert "not allowed" in _error(backend.strategy_as(keys), name, PermissionDeniedError)


def test_a_denied_role_session_is_named_as_configured(backend: AwsBackend) -> None:
    user = unique("assumer")
    keys = backend.server.make_user(user, ["sts:AssumeRole"])
    role_arn = backend.server.make_role(unique("useless"), ["s3:GetObject"], trusted_user=user)
    options = {"assume_role_arn": role_arn, "sts_endpoint_url": backend.server.url}

    message = _error(backend.strategy_as(keys, **options), "any", PermissionDeniedError)
    renamed = _error(backend.strategy_as(keys, role_session_name="edge-7", **options), "any", PermissionDeniedError)

    assert f"{role_arn.rpartition('/')[2]}/KongVault is not authorized" in message
    assert "/edge-7 is not authorized" in renamed


def test_a_role_that_does_not_trust_us_is_a_wrong_identity(backend: AwsBackend) -> None:
    keys = backend.server.make_user(unique("stranger"), ["sts:AssumeRole"])
    role_arn = backend.server.make_role(unique("reader"), READ, trusted_user=backend.user)
    strategy = backend.strategy_as(keys, assume_role_arn=role_arn, sts_endpoint_url=backend.server.url)

    assert f"assuming the AWS role {role_arn}: refused" in _error(strategy, "any", AuthenticationError)
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.UNKNOWN


def test_the_documented_policy_is_the_one_that_these_tests_read_with() -> None:
    page = (Path(__file__).parents[2] / "docs" / "strategies" / "aws.md").read_text()
    policy, trust = (json.loads(block) for block in re.findall(r"```json\n(.*?)```", page, re.DOTALL))

    assert [action for statement in policy["Statement"] for action in statement["Action"]] == READ
    assert trust["Statement"][0]["Action"] == ["sts:AssumeRole"]


def test_the_command_line_resolves_a_secret_of_aws(backend: AwsBackend, tmp_path: Path) -> None:
    name = unique("redis")
    backend.put(name, '{"password": "pw"}')
    environment = {
        "HOME": str(tmp_path),
        "AWS_ACCESS_KEY_ID": backend.reader.key_id,
        "AWS_SECRET_ACCESS_KEY": backend.reader.secret,
        "KONG_VAULT_AWS_REGION": REGION,
        "KONG_VAULT_AWS_ENDPOINT_URL": backend.server.url,
    }

    command = [sys.executable, "-m", "kong_vault_py.cli", "get", f"vault://aws/{name}/password"]
    got = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert (got.stdout, got.stderr) == ("pw\n", "")
