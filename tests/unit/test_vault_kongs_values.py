"""Fields that Kong resolved itself from a vault that we don't know (yet, or any more)."""

import pytest

from tests.unit.backend import Backend, Clock, make_vault

CONFIG = {"password": "from-kong", "$refs": {"password": "{vault://late/redis}"}}
KNOWN = "vaults:\n- {name: test, prefix: late, config: {}}\n"
UNKNOWN = "vaults: []\n"


@pytest.fixture
def backend():
    backend = Backend()
    backend.answers["redis"] = "from-us"
    return backend


@pytest.fixture
def entities(tmp_path):
    return tmp_path / "kong.yml"


def password(config):
    return config["password"].reveal()


def test_a_vault_that_we_learn_of_later_replaces_kongs_value(backend, entities):
    entities.write_text(UNKNOWN)
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))
    plan = vault.plan(CONFIG)
    before = password(vault.update(plan))

    entities.write_text(KNOWN)
    vault.reload()
    vault.rotate()

    assert before == "from-kong"
    assert password(vault.update(plan)) == "from-us"


def test_a_vault_that_we_no_longer_know_leaves_kongs_value(backend, entities):
    entities.write_text(KNOWN)
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))
    plan = vault.plan(CONFIG)
    before = password(vault.update(plan))

    entities.write_text(UNKNOWN)
    vault.reload()
    vault.rotate()

    assert before == "from-us"
    assert password(vault.update(plan)) == "from-kong"


def test_try_with_a_value_of_kongs_raises_what_the_callback_raised(backend, entities):
    entities.write_text(UNKNOWN)
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))

    def refused(_config):
        raise ConnectionRefusedError("the server says no")

    with pytest.raises(ConnectionRefusedError):
        vault.try_(refused, vault.plan(CONFIG))


def test_try_refreshes_the_references_that_we_know_beside_one_that_only_kong_knows(backend, entities):
    entities.write_text(UNKNOWN)
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))
    config = {
        "password": "stale",
        "other": "from-kong",
        "$refs": {"other": "{vault://lua-only/x}", "password": "{vault://test/redis}"},
    }
    plan = vault.plan(config)
    vault.update(plan)
    backend.answers["redis"] = "rotated"

    def login(resolved):
        if password(resolved) != "rotated":
            raise ConnectionRefusedError
        return "in"

    assert vault.try_(login, plan) == "in"
