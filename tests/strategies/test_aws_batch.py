"""Reading many secrets of AWS by one call: pages, errors of single secrets, rotation."""

from __future__ import annotations

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.errors import InvalidResponseError, PermissionDeniedError, SecretNotFoundError, UnavailableError
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.base import Fetched
from tests.strategies.aws_fake_strategies import TIMEOUT_S, fake_strategy, secret_named
from tests.strategies.fake_secrets_manager import Call, FakeAws, Reply, refusal
from tests.unit.backend import Clock


def test_a_batch_that_comes_in_pages_is_read_to_its_end(fake_aws: FakeAws) -> None:
    names = [f"s{number}" for number in range(20)]
    pages = {None: (names[:8], "a"), "a": ([], "b"), "b": (names[8:], None)}

    def page(call: Call) -> Reply:
        assert call.parameters["SecretIdList"] == names
        brought, following = pages[call.parameters.get("NextToken")]
        return Reply({"SecretValues": [secret_named(name) for name in brought], "Errors": [], "NextToken": following})

    fake_aws.routes["BatchGetSecretValue"] = page

    answers = fake_strategy(fake_aws).fetch_many([(name, None) for name in names], timeout_s=TIMEOUT_S)

    assert answers == {(name, None): Fetched(f"of {name}") for name in names}
    assert fake_aws.operations() == ["BatchGetSecretValue"] * 3


def test_pages_without_end_are_not_followed(fake_aws: FakeAws) -> None:
    fake_aws.routes["BatchGetSecretValue"] = Reply({"SecretValues": [secret_named("a")], "NextToken": "again"})

    answers = fake_strategy(fake_aws).fetch_many([("a", None), ("b", None)], timeout_s=TIMEOUT_S)

    assert answers == {("a", None): Fetched("of a"), ("b", None): Fetched("canary-pw-64")}
    assert fake_aws.operations() == ["BatchGetSecretValue"] * 2 + ["GetSecretValue"]


def test_each_secret_of_a_batch_has_an_error_of_its_own(fake_aws: FakeAws) -> None:
    codes = {
        "gone": ("ResourceNotFoundException", SecretNotFoundError),
        "doomed": ("InvalidRequestException", SecretNotFoundError),
        "denied": ("AccessDeniedException", PermissionDeniedError),
        "sealed": ("DecryptionFailure", PermissionDeniedError),
        "broken": ("InternalServiceError", UnavailableError),
    }
    message = "You can't perform this operation on the secret because it was marked for deletion."
    errors = [{"SecretId": name, "ErrorCode": code, "Message": message} for name, (code, _) in codes.items()]
    empty = {"Name": "empty", "ARN": "arn:aws:secretsmanager:eu-west-1:1:secret:empty-AbCdEf"}
    fake_aws.routes["BatchGetSecretValue"] = Reply({"SecretValues": [secret_named("ok"), empty], "Errors": errors})

    answers = fake_strategy(fake_aws).fetch_many(
        [(name, None) for name in [*codes, "ok", "empty"]], timeout_s=TIMEOUT_S
    )

    kinds = {name: type(answers[name, None]) for name in [*codes, "ok", "empty"]}
    assert kinds == {name: kind for name, (_, kind) in codes.items()} | {"ok": Fetched, "empty": InvalidResponseError}
    assert fake_aws.operations() == ["BatchGetSecretValue"]


def test_a_batch_that_aws_cannot_answer_now_fails_as_a_whole(fake_aws: FakeAws) -> None:
    fake_aws.routes["BatchGetSecretValue"] = refusal("ThrottlingException", "Rate exceeded")

    with pytest.raises(UnavailableError, match=r"reading 2 secrets at once .* rate limit"):
        fake_strategy(fake_aws).fetch_many([("a", None), ("b", None)], timeout_s=TIMEOUT_S)

    assert fake_aws.operations() == ["BatchGetSecretValue"]


def test_an_endpoint_without_the_batch_call_is_asked_one_by_one(fake_aws: FakeAws) -> None:
    answers = fake_strategy(fake_aws).fetch_many([("a", None), ("b", None)], timeout_s=TIMEOUT_S)

    assert set(answers.values()) == {Fetched("canary-pw-64")}
    assert fake_aws.operations() == ["BatchGetSecretValue", "GetSecretValue", "GetSecretValue"]


def test_a_rotation_of_45_secrets_costs_3_calls(fake_aws: FakeAws) -> None:
    value = {"now": "old"}

    def batch(call: Call) -> Reply:
        return Reply(
            {
                "SecretValues": [
                    secret_named(name) | {"SecretString": value["now"]} for name in call.parameters["SecretIdList"]
                ]
            }
        )

    fake_aws.routes |= {"GetSecretValue": Reply({"SecretString": "old"}), "BatchGetSecretValue": batch}
    options = {"vault_aws_region": "eu-west-1", "vault_aws_endpoint_url": fake_aws.url, "vault_aws_ttl": "100"}
    clock = Clock()
    references = [f"{{vault://aws/s{number}}}" for number in range(45)]
    with Vault(Settings(options, RuntimeSettings()), clock=clock, background=False, jitter=lambda: 0.0) as vault:
        for reference in references:
            vault.get(reference)
        value["now"] = "new"
        clock.advance(101)
        fake_aws.calls.clear()
        vault.rotate()

        assert {vault.get(reference).reveal() for reference in references} == {"new"}
    assert fake_aws.operations() == ["BatchGetSecretValue"] * 3
