"""Vault entities: found by prefix or by strategy, read again when their file changes."""

import os
import sys

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.entities import EntityDirectory, read_entities
from kong_vault_py.errors import ConfigError, UnknownPrefixError
from kong_vault_py.strategies.registry import load_strategy, strategy_names
from tests.unit.backend import Backend, Clock

VAULTS = """
_format_version: "3.0"
services: [{name: ignored, url: "http://example.com"}]
vaults:
  - name: test
    prefix: red
    description: the red team's
    config: {prefix: "red-", ttl: 10}
"""


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def clock():
    return Clock()


def vault_over(backend, clock, path, *, settings_file=None, **environ):
    strategy = backend.strategy()
    settings = Settings.load(settings_file, {"KONG_VAULT_PY_ENTITIES": str(path), **environ})

    def load(name):
        return strategy if name == "test" else load_strategy(name)

    return Vault(settings, clock=clock, strategies=load, background=False, jitter=lambda: 0.0)


def replace(path, text):
    """Write as an editor does: a new file over the old one."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


def test_an_entity_is_found_by_its_prefix_with_its_config(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    backend.answers["redis"] = "pw"

    assert vault_over(backend, clock, path).get("{vault://red/redis}").reveal() == "pw"
    assert backend.configs[0].prefix == "red-"


def test_a_strategy_is_found_by_name_with_the_settings_of_kong_conf():
    settings = Settings.load(environ={"KONG_VAULT_ENV_PREFIX": "APP_", "KONG_VAULT_ENV_DECODE_BASE64": "true"})

    entity = EntityDirectory(settings, load_strategy).find("env")

    assert (entity.name, dict(entity.config)) == ("env", {"prefix": "APP_", "base64_decode": "true"})


def test_an_unknown_name_says_which_are_known(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)

    with pytest.raises(UnknownPrefixError, match=r"prefix 'blue' \(prefixes: red\)") as raised:
        vault_over(backend, clock, path).get("{vault://blue/redis}")
    assert ", ".join(strategy_names()) in str(raised.value)


def test_a_changed_entity_is_picked_up_and_the_old_value_served_meanwhile(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    backend.answers["redis"] = "old"
    vault = vault_over(backend, clock, path)
    vault.get("{vault://red/redis}")
    backend.answers["redis"] = "new"

    replace(path, VAULTS.replace("red-", "crimson-"))
    vault.reload()
    meanwhile = vault.get("{vault://red/redis}").reveal()
    vault.rotate()

    assert meanwhile == "old"
    assert vault.get("{vault://red/redis}").reveal() == "new"
    assert backend.configs[-1].prefix == "crimson-"
    assert backend.closed == 1, "the client of the old config is closed"


def test_an_entity_that_does_not_change_is_not_fetched_again(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    backend.answers["redis"] = "pw"
    vault = vault_over(backend, clock, path)
    vault.get("{vault://red/redis}")

    replace(path, VAULTS + "  - {name: env, prefix: blue}\n")
    vault.reload()
    vault.rotate()

    assert backend.calls == ["redis"]


def test_a_removed_entity_fails_closed(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    backend.answers["redis"] = "pw"
    vault = vault_over(backend, clock, path)
    vault.get("{vault://red/redis}")

    replace(path, "vaults: []\n")
    vault.reload()
    vault.rotate()

    with pytest.raises(UnknownPrefixError):
        vault.get("{vault://red/redis}")


def test_a_broken_edit_keeps_what_was_read_before_and_says_so_once(tmp_path, backend, clock, caplog):
    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    backend.answers.update(a="1", b="2")
    vault = vault_over(backend, clock, path)
    vault.get("{vault://red/a}")

    replace(path, "vaults: [")
    for _ in range(3):
        vault.reload()

    assert vault.get("{vault://red/b}").reveal() == "2"
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert "not valid YAML" in caplog.text


def test_a_new_settings_file_is_picked_up(tmp_path, backend, clock):
    path, conf = tmp_path / "kong.yml", tmp_path / "kong-vault.conf"
    path.write_text("vaults: []\n")
    conf.touch(mode=0o600)
    conf.write_text("vault_test_prefix = one\n")
    backend.answers["redis"] = "pw"
    vault = vault_over(backend, clock, path, settings_file=conf)
    vault.get("{vault://test/redis}")

    conf.write_text("vault_test_prefix = another\n")
    os.utime(conf, ns=(1, 1))
    vault.reload()
    vault.rotate()

    assert [config.prefix for config in backend.configs] == ["one", "another"]


def test_a_vaults_own_token_may_be_a_reference_and_is_never_shown(tmp_path, backend, clock, monkeypatch):
    monkeypatch.setenv("RED_TOKEN", "canary-token")
    path = tmp_path / "kong.yml"
    path.write_text('vaults:\n  - {name: test, prefix: red, config: {token: "{vault://env/red-token}"}}\n')
    backend.answers["redis"] = "pw"

    vault_over(backend, clock, path).get("{vault://red/redis}")

    assert backend.configs[0].token.reveal() == "canary-token"
    assert "canary-token" not in repr(backend.configs[0])


def test_a_vault_that_needs_itself_to_open_is_an_error_not_a_loop(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text(
        "vaults:\n"
        '  - {name: test, prefix: red, config: {token: "{vault://blue/token}"}}\n'
        '  - {name: test, prefix: blue, config: {token: "{vault://red/token}"}}\n'
    )

    with pytest.raises(ConfigError, match="refers to itself"):
        vault_over(backend, clock, path).get("{vault://red/redis}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected a mapping with a list 'vaults'"),
        ("vaults: {}", "expected a mapping with a list 'vaults'"),
        ("vaults: [5]", "vault 1: expected a mapping"),
        ("vaults: [{name: env}]", "vault 1: needs a 'name'.*and a 'prefix'"),
        ("vaults: [{name: env, prefix: a, config: 5}]", "vault 1: 'config' must be a mapping"),
        ("vaults: [{name: env, prefix: a}, {name: env, prefix: a}]", "vault 2: the prefix 'a' is taken"),
        ("vaults: [{name: env, prefix: hcv}]", "the prefix 'hcv' is a strategy's name"),
        ("a: [", "line 1: not valid YAML"),
    ],
)
def test_a_wrong_file_says_which_vault_and_what(tmp_path, text, message):
    path = tmp_path / "kong.yml"
    path.write_text(text)

    with pytest.raises(ConfigError, match=message):
        read_entities(path)


def test_a_file_that_is_not_there_is_an_error_at_the_start(tmp_path, backend, clock):
    with pytest.raises(ConfigError, match="absent.yml: can't read it"):
        vault_over(backend, clock, tmp_path / "absent.yml")


def test_wrong_options_of_an_entity_name_the_entity_the_option_and_a_remedy(tmp_path, backend, clock):
    path = tmp_path / "kong.yml"
    path.write_text("vaults: [{name: test, prefix: red, config: {prefx: a}}]")

    with pytest.raises(ConfigError, match=r"vault 'red' .*unknown option 'prefx' \(did you mean 'prefix'\?\)"):
        vault_over(backend, clock, path).get("{vault://red/redis}")


def test_the_sdks_of_configured_vaults_alone_are_loaded_ahead(tmp_path, backend, clock):
    class WithSdk(backend.strategy()):
        sdk = ("mailcap_of_nobody", "wave")

    asked = []

    def load(name):
        asked.append(name)
        return WithSdk if name == "test" else load_strategy(name)

    path = tmp_path / "kong.yml"
    path.write_text(VAULTS)
    settings = Settings.load(environ={"KONG_VAULT_PY_ENTITIES": str(path), "KONG_VAULT_FS_PREFIX": "/run/secrets"})

    Vault(settings, clock=clock, strategies=load, background=False).preload()

    assert sorted(asked) == ["fs", "test"]
    assert "wave" in sys.modules


def test_changed_settings_that_count_from_the_next_start_on_are_told(tmp_path, caplog):
    path = tmp_path / "kong-vault.conf"
    path.touch(mode=0o600)
    path.write_text("vault_env_prefix = A_\n")
    directory = EntityDirectory(Settings.load(path, environ={}), load_strategy)

    path.write_text("vault_env_prefix = B_\nvault_py_agent_accept_config = none\nvault_py_node_token = canary-4711\n")
    assert directory.poll()

    assert "changed settings: vault_py_agent_accept_config, vault_py_node_token takes effect" in caplog.text
    assert "canary" not in caplog.text
    assert directory.find("env").config == {"prefix": "B_"}
