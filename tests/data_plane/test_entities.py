"""Vault entities come from the manager: at the start, at each change, and under its policies."""

import logging

import pytest

from kong_vault_py import PermissionDeniedError, UnavailableError, UnknownPrefixError, Vault
from kong_vault_py.errors import ConfigError
from kong_vault_py.plan import Plan
from kong_vault_py.settings import RuntimeSettings, Settings
from kong_vault_py.strategies.konnect import KonnectConfig
from tests.data_plane.nodes import becomes, connected, new_token, node_settings, put_fs_vault
from tests.servers.polling import wait_until
from tests.servers.ports import free_port

PASSWORD = "{vault://shop/db/password}"
USERNAME = "{vault://shop/db/username}"


@pytest.fixture
def node(api, group, tmp_path):
    """Starts nodes of the group: ``node(**settings)``."""
    started = []

    def start(name="gw-1", values=None, background=True, **more):
        settings = node_settings(tmp_path, api.url, new_token(api, group, name), values, name=name, **more)
        started.append(Vault(settings, background=background))
        return started[-1]

    yield start
    for vault in started:
        vault.close()


def test_a_reference_of_the_first_moment_waits_for_the_manager(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)

    vault = node()

    assert vault.get(PASSWORD).reveal() == "pw-1"
    assert [(entity.prefix, entity.name, entity.source) for entity in vault.entities()] == [("shop", "fs", "manager")]
    assert vault.status().manager.revision >= 1


def test_an_added_a_changed_and_a_removed_vault_take_effect_without_a_restart(api, group, node, secrets, tmp_path):
    vault = connected(node())
    with pytest.raises(UnknownPrefixError, match="no vault entity has the prefix 'shop'"):
        vault.get(PASSWORD)

    put_fs_vault(api, group, "shop", secrets)
    becomes(vault, PASSWORD, "pw-1")

    other = tmp_path / "other"
    other.mkdir()
    (other / "db").write_text('{"password": "pw-of-another-folder"}')
    put_fs_vault(api, group, "shop", other)
    becomes(vault, PASSWORD, "pw-of-another-folder")

    assert api.root.delete(f"/groups/{group}/vaults/shop").status_code == 204
    becomes(vault, PASSWORD, UnknownPrefixError)
    assert vault.status().resources == ()


def test_a_plugins_config_notices_that_its_vault_is_gone(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)
    vault = node()
    plan = vault.plan({"redis": {"password": PASSWORD}})
    assert vault.update(plan)["redis"]["password"].reveal() == "pw-1"

    api.root.delete(f"/groups/{group}/vaults/shop")

    def refused():
        try:
            vault.update(plan)
        except UnknownPrefixError:
            return True
        return False

    wait_until(refused, "the refusal")


def test_a_group_without_vaults_is_no_reason_to_wait(node):
    vault = node()

    with pytest.raises(UnknownPrefixError):
        vault.get(PASSWORD)
    assert vault.status().manager.vaults == 0


def test_a_command_asks_once_and_starts_no_thread(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)

    assert node(background=False).get(PASSWORD).reveal() == "pw-1"


def test_the_manager_goes_before_the_entities_file_which_goes_before_settings(
    api, group, node, secrets, tmp_path, monkeypatch, caplog
):
    monkeypatch.setenv("FILES_DB", "of the file")
    monkeypatch.setenv("SETTINGS_DB", "of the settings")
    declared = tmp_path / "kong.yml"
    declared.write_text(
        "vaults:\n"
        "- {name: env, prefix: shop, config: {prefix: FILES_}}\n"
        "- {name: env, prefix: own, config: {prefix: FILES_}}\n"
    )
    put_fs_vault(api, group, "shop", secrets)

    vault = connected(node(values={"vault_env_prefix": "SETTINGS_"}, entities=str(declared)))

    assert vault.get(PASSWORD).reveal() == "pw-1"
    assert vault.get("{vault://own/db}").reveal() == "of the file"
    assert vault.get("{vault://env/db}").reveal() == "of the settings"
    assert {entity.prefix: entity.source.split()[0] for entity in vault.entities()} == {
        "shop": "manager",
        "own": "entities",
        "env": "settings",
    }
    wait_until(lambda: "vault 'shop': the manager's counts, not that of" in caplog.text, "the warning")

    api.root.delete(f"/groups/{group}/vaults/shop")
    becomes(vault, "{vault://shop/db}", "of the file")


def test_a_strategys_own_name_needs_no_manager(tmp_path, monkeypatch):
    monkeypatch.setenv("OWN", "here")
    with Vault(node_settings(tmp_path, f"http://127.0.0.1:{free_port()}", "token-of-a-node")) as vault:
        assert vault.get("{vault://env/own}").reveal() == "here"


def test_without_manager_and_without_a_kept_configuration_a_reference_says_so(tmp_path):
    with Vault(node_settings(tmp_path, f"http://127.0.0.1:{free_port()}", "token-of-a-node")) as vault:
        with pytest.raises(UnavailableError, match=r"no configuration is at hand.*: no connection: Connection refused"):
            vault.get(PASSWORD)
        assert "Connection refused" in vault.status().manager.error


def test_a_wrong_token_is_told_once_and_never_shown(api, tmp_path, caplog):
    with Vault(node_settings(tmp_path, api.url, "wrong-canary-token")) as vault:
        with pytest.raises(UnavailableError, match="refuses this node's token"):
            vault.get(PASSWORD)
        wait_until(lambda: vault._data_plane.entities._backoff._failures > 2, "more attempts")

    told = [record.message for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(told) == 1
    assert "refuses this node's token" in told[0]
    assert "canary" not in caplog.text


def test_a_new_token_in_the_file_is_used_without_a_restart(api, group, tmp_path, secrets):
    put_fs_vault(api, group, "shop", secrets)
    settings = node_settings(tmp_path, api.url, "not-yet-a-token")
    with Vault(settings) as vault:
        with pytest.raises(UnavailableError):
            vault.get(PASSWORD)

        (tmp_path / "node.token").write_text(new_token(api, group))

        becomes(vault, PASSWORD, "pw-1")


def test_a_token_of_another_group_brings_that_groups_vaults(api, group, tmp_path, secrets):
    put_fs_vault(api, group, "shop", secrets)
    other = api.group()
    put_fs_vault(api, other, "bank", secrets)
    with Vault(node_settings(tmp_path, api.url, new_token(api, group))) as vault:
        becomes(vault, PASSWORD, "pw-1")

        (tmp_path / "node.token").write_text(new_token(api, other))
        put_fs_vault(api, group, "wakes-the-long-poll", secrets)

        becomes(vault, "{vault://bank/db/password}", "pw-1")
        becomes(vault, PASSWORD, UnknownPrefixError)


def test_a_token_file_that_others_may_read_is_refused(api, group, tmp_path):
    settings = node_settings(tmp_path, api.url, new_token(api, group))
    (tmp_path / "node.token").chmod(0o644)

    with (
        Vault(settings) as vault,
        pytest.raises(UnavailableError, match=r"node\.token: others may use it \(mode 0644\)"),
    ):
        vault.get(PASSWORD)


def test_the_token_may_be_a_reference(api, group, secrets, monkeypatch):
    put_fs_vault(api, group, "shop", secrets)
    monkeypatch.setenv("NODE_TOKEN", new_token(api, group))
    values = {
        "vault_py_manager_url": api.url,
        "vault_py_node_token": "{vault://env/node-token}",
    }
    settings = Settings.load(environ={f"KONG_{key.upper()}": value for key, value in values.items()})

    with Vault(settings) as vault:
        assert vault.get(PASSWORD).reveal() == "pw-1"


def test_a_vault_denied_to_this_node_does_not_resolve_and_one_allowed_does(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)
    denied, allowed = connected(node("gw-1")), connected(node("gw-2"))
    assert denied.get(PASSWORD).reveal() == "pw-1"

    policy = {"effect": "deny", "prefix": "shop", "node": "gw-1"}
    assert api.root.post(f"/groups/{group}/policies", json=policy).status_code == 201

    becomes(denied, PASSWORD, UnknownPrefixError)
    assert allowed.get(PASSWORD).reveal() == "pw-1"


def test_a_key_that_a_policy_denies_is_dropped_and_its_neighbour_stays(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)
    vault = node()
    assert (vault.get(PASSWORD).reveal(), vault.get(USERNAME).reveal()) == ("pw-1", "app")

    policy = {"effect": "deny", "prefix": "shop", "resource": "db/pass*"}
    made = api.root.post(f"/groups/{group}/policies", json=policy).json()

    becomes(vault, PASSWORD, PermissionDeniedError)
    assert vault.get(USERNAME).reveal() == "app"
    with pytest.raises(PermissionDeniedError, match="a policy of the manager keeps node 'gw-1' from 'db/password'"):
        vault.get(PASSWORD)
    with pytest.raises(PermissionDeniedError):
        vault.get("{vault://shop/db/username?prefix=/etc}")

    assert api.root.delete(f"/groups/{group}/policies/{made['id']}").status_code == 204
    becomes(vault, PASSWORD, "pw-1")


def test_a_secret_denied_to_a_plugin_is_given_to_another(api, group, node, secrets):
    put_fs_vault(api, group, "shop", secrets)
    policy = {"effect": "deny", "prefix": "shop", "plugin": "vault-auth", "resource": "db/password"}
    api.root.post(f"/groups/{group}/policies", json=policy)
    vault = node()
    config = {"password": PASSWORD}

    assert vault.update(Plan.of(config, "vault-proxy-cache"))["password"].reveal() == "pw-1"
    with pytest.raises(PermissionDeniedError, match="keeps plugin 'vault-auth' on node 'gw-1' from 'db/password'"):
        vault.update(Plan.of(config, "vault-auth"))


def test_a_config_stores_entity_needs_no_more_than_the_stores_id(api, group, node):
    path = f"/v2/control-planes/{group}/config-stores"
    store = api.root.post(path, json={"name": "s"}).json()["id"]
    api.root.put(f"{path}/{store}/secrets/api-key", json={"value": "value-of-the-store"})
    body = {"name": "konnect", "config": {"config_store_id": store}}
    assert api.root.put(f"/groups/{group}/vaults/own-store", json=body).status_code == 200

    vault = node(values={"vault_konnect_config_store_id": store})

    assert vault.get("{vault://own-store/api-key}").reveal() == "value-of-the-store"
    assert vault.get("{vault://konnect/api-key}").reveal() == "value-of-the-store"
    assert "kvn" not in repr(vault.entities()), "the token is masked"


def test_a_store_file_of_ones_own_is_left_alone(api, group, node, tmp_path):
    values = {
        "vault_konnect_store_file": str(tmp_path / "store"),
        "vault_konnect_master_key": "env:NOWHERE",
        "vault_konnect_config_store_id": "mine",
    }
    vault = connected(node(values=values))

    (entity,) = vault.entities()
    assert "manager_url" not in entity.config
    assert KonnectConfig.__dataclass_fields__.keys() >= entity.config.keys()


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"manager_url": "manager:8443"}, "vault_py_manager_url: expected a URL"),
        ({"manager_url": "http://manager.internal:8443"}, "plain HTTP would show credentials"),
        ({"manager_url": "https://m"}, "needs one of vault_py_node_token and vault_py_node_token_file"),
        (
            {"manager_url": "https://m", "node_token_file": "t", "state_file": "s"},
            "vault_py_state_file needs vault_py_state_key",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused_at_the_start(given, said):
    with pytest.raises(ConfigError, match=said):
        Vault(Settings({}, RuntimeSettings(**given)))
