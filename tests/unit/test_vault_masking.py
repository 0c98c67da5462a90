"""What an error may show: never a value, and never the text of a foreign error."""

import traceback

import pytest

from kong_vault_py.errors import ConfigError, StrategyError
from tests.unit.backend import Backend, Clock, make_vault

CANARY = "canary-value-4711"


@pytest.fixture
def backend():
    return Backend()


def test_a_value_resolved_for_a_vaults_config_does_not_show_when_it_does_not_fit(backend, tmp_path):
    entities = tmp_path / "kong.yml"
    entities.write_text(
        "vaults:\n"
        "- {name: test, prefix: opener, config: {}}\n"
        "- {name: test, prefix: main, config: {fetch_timeout_s: '{vault://opener/wrong}'}}\n"
    )
    backend.answers.update(wrong=CANARY, redis="v1")
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))

    with pytest.raises(ConfigError, match="fetch_timeout_s") as raised:
        vault.get("{vault://main/redis}")

    assert CANARY not in str(raised.value)


def test_the_text_of_a_strategys_bug_is_in_no_traceback(backend):
    backend.answers["redis"] = RuntimeError(f"could not parse {CANARY}")
    vault = make_vault(backend, Clock())

    with pytest.raises(StrategyError) as raised:
        vault.get("{vault://test/redis}")

    shown = "".join(traceback.format_exception(raised.value))
    assert "RuntimeError" in str(raised.value)
    assert CANARY not in shown


def test_the_text_of_a_strategys_bug_is_in_no_log_either(backend, caplog):
    caplog.set_level("DEBUG")
    backend.answers["redis"] = RuntimeError(f"could not parse {CANARY}")

    with pytest.raises(StrategyError):
        make_vault(backend, Clock()).get("{vault://test/redis}")

    assert CANARY not in caplog.text


@pytest.mark.parametrize("reference", ["{vault://test/a?token=%s#x}", "{vault://nowhere/a?token=%s}"])
def test_a_credential_in_a_wrong_references_query_does_not_show(backend, reference):
    with pytest.raises(ValueError, match="vault") as raised:
        make_vault(backend, Clock()).get(reference % CANARY)

    assert CANARY not in "".join(traceback.format_exception(raised.value))


def test_an_override_that_does_not_fit_is_told_once_not_at_each_refresh(backend, caplog):
    clock = Clock()
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_ttl="10")
    for _ in range(20):
        vault.get("{vault://test/redis?nope=1}")
        clock.advance(10)
        vault.rotate()

    assert len([record for record in caplog.records if "nope" in record.getMessage()]) == 1
