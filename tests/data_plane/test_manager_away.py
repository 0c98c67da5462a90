"""The manager dies, comes back, or isn't there at the start: nodes go on, and say so."""

import logging
import stat

import pytest

from kong_vault_py import UnavailableError, Vault
from kong_vault_py.config_store.key_file import create_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from tests.data_plane.manager_process import ManagerProcess
from tests.data_plane.nodes import CANARY, becomes, connected, new_token, node_settings, put_fs_vault
from tests.servers.certificates import make_certificates
from tests.servers.json_server import JsonServer, Reply
from tests.servers.polling import wait_until

PASSWORD = "{vault://shop/db/password}"


@pytest.fixture
def manager(tmp_path):
    started = ManagerProcess(tmp_path / "manager")
    yield started
    started.close()


@pytest.fixture
def kept(tmp_path):
    """The settings of a state file."""
    key = tmp_path / "state.key"
    create_key_file(key, new_key_text())
    return {"state_file": str(tmp_path / "node.state"), "state_key": f"file:{key}"}


def test_a_manager_that_is_killed_is_missed_once_and_a_change_after_its_return_is_heard(
    manager, tmp_path, secrets, caplog
):
    caplog.set_level(logging.INFO)
    api = manager.api
    group = api.group()
    put_fs_vault(api, group, "shop", secrets)
    with Vault(node_settings(tmp_path, manager.url, new_token(api, group))) as vault:
        connected(vault)

        manager.kill()
        wait_until(lambda: not vault.status().manager.connected, "the node's notice")
        assert vault.get(PASSWORD).reveal() == "pw-1", "what is known works on, even if it was never fetched"
        wait_until(lambda: vault._data_plane.entities._backoff._failures >= 2, "another attempt")
        manager.start()
        put_fs_vault(api, group, "bank", secrets)
        becomes(vault, "{vault://bank/db/username}", "app")

    told = [record.message for record in caplog.records if "data_plane.managed" in record.name]
    assert sum("trying again" in line for line in told) == 1, told
    assert sum("it answers again" in line for line in told) == 1, told


def test_a_node_starts_from_the_disk_where_nothing_is_in_plain_text(manager, tmp_path, secrets, kept, caplog):
    api = manager.api
    group = api.group()
    put_fs_vault(api, group, "shop", secrets)
    body = {"name": "hcv", "config": {"host": "vault.internal", "token": CANARY}}
    assert api.root.put(f"/groups/{group}/vaults/hashi", json=body).status_code == 200
    token = new_token(api, group)
    state = tmp_path / "node.state"
    with Vault(node_settings(tmp_path, manager.url, token, **kept)) as vault:
        assert vault.get(PASSWORD).reveal() == "pw-1"
        wait_until(state.exists, "the state file")
    manager.kill()

    with Vault(node_settings(tmp_path, manager.url, token, **kept)) as vault:
        assert vault.get(PASSWORD).reveal() == "pw-1"
        config = {entity.prefix: entity.config for entity in vault.entities()}["hashi"]
        assert config["token"] == CANARY, "credentials are there, too"
        assert not vault.status().manager.connected

        manager.start()
        connected(vault)

    assert stat.S_IMODE(state.stat().st_mode) == 0o600
    for secret in (CANARY, token, "vault.internal", "shop"):
        assert secret.encode() not in state.read_bytes()
    for secret in (CANARY, token):
        assert secret not in caplog.text
        assert secret not in manager.log


def test_what_was_revoked_while_the_node_was_down_is_not_in_the_state_any_more(manager, tmp_path, secrets, kept):
    api = manager.api
    group = api.group()
    put_fs_vault(api, group, "shop", secrets)
    settings = node_settings(tmp_path, manager.url, new_token(api, group), **kept)
    with Vault(settings) as vault:
        connected(vault)
        wait_until((tmp_path / "node.state").exists, "the state file")
    api.root.delete(f"/groups/{group}/vaults/shop")

    with Vault(settings) as vault, pytest.raises(Exception, match="no vault entity has the prefix 'shop'"):
        vault.get(PASSWORD)
    manager.kill()
    with Vault(settings) as vault, pytest.raises(Exception, match="no vault entity has the prefix 'shop'"):
        vault.get(PASSWORD)


def test_a_state_that_does_not_open_is_told_and_the_node_runs_on(manager, tmp_path, secrets, kept, caplog):
    api = manager.api
    group = api.group()
    put_fs_vault(api, group, "shop", secrets)
    settings = node_settings(tmp_path, manager.url, new_token(api, group), **kept)
    with Vault(settings) as vault:
        connected(vault)
        wait_until((tmp_path / "node.state").exists, "the state file")
    manager.kill()
    other = tmp_path / "other.key"
    create_key_file(other, new_key_text())
    settings = node_settings(
        tmp_path, manager.url, "token-of-a-node", state_file=kept["state_file"], state_key=f"file:{other}"
    )

    with Vault(settings) as vault:
        with pytest.raises(UnavailableError, match="no configuration is at hand"):
            vault.get(PASSWORD)
        wait_until(lambda: vault._data_plane.entities._backoff._failures >= 2, "another attempt")

    assert caplog.text.count("wrong master key") == 1


def test_a_state_that_was_altered_is_not_believed(manager, tmp_path, secrets, kept, caplog):
    api = manager.api
    group = api.group()
    put_fs_vault(api, group, "shop", secrets)
    settings = node_settings(tmp_path, manager.url, new_token(api, group), **kept)
    state = tmp_path / "node.state"
    with Vault(settings) as vault:
        connected(vault)
        wait_until(state.exists, "the state file")
    manager.kill()
    content = bytearray(state.read_bytes())
    content[-1] ^= 1
    state.write_bytes(content)

    with Vault(settings) as vault, pytest.raises(UnavailableError, match="no configuration is at hand"):
        vault.get(PASSWORD)
    assert "was altered" in caplog.text


def test_over_tls_the_managers_certificate_is_verified(tmp_path, secrets):
    made = make_certificates(tmp_path)
    manager = ManagerProcess(tmp_path / "manager", tls_cert=made.certificate, tls_key=made.key)
    services = manager.services
    try:
        group = services.groups.create("user:x", {"name": "prod"})["id"]
        shop = {"name": "fs", "config": {"prefix": str(secrets)}}
        services.vaults.put("user:x", group, "shop", shop)
        token = services.nodes.create_token("user:x", group, {"node": "gw-1"})["token"]
        trusting = node_settings(tmp_path, manager.url, token, manager_ca_cert=str(made.authority))
        with Vault(trusting) as vault:
            assert vault.get(PASSWORD).reveal() == "pw-1"
            services.vaults.put("user:x", group, "bank", shop)
            becomes(vault, "{vault://bank/db/password}", "pw-1")
        with (
            Vault(node_settings(tmp_path, manager.url, token)) as vault,
            pytest.raises(UnavailableError, match=r"certificate is not trusted .*vault_py_manager_ca_cert"),
        ):
            vault.get(PASSWORD)
    finally:
        manager.close()


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply({"hello": "world"}), "its answer has no revision and no vaults"),
        (Reply(b"<html>"), "it answered HTTP 200; check vault_py_manager_url"),
        (Reply({}, 302, {"Location": "https://elsewhere.example"}), "it answered HTTP 302"),
        (Reply({"message": "overloaded"}, 503), "it answered HTTP 503: overloaded"),
    ],
)
def test_what_is_no_manager_brings_no_configuration(tmp_path, reply, said):
    with (
        JsonServer(lambda request: reply) as server,
        Vault(node_settings(tmp_path, server.url, "token-of-a-node")) as vault,
        pytest.raises(UnavailableError, match=said),
    ):
        vault.get(PASSWORD)
    assert {request.path for request in server.requests} <= {"/dataplane/v1/vaults", "/dataplane/v1/report"}


def test_a_vault_that_will_not_do_is_left_out_and_the_others_work(tmp_path, secrets, caplog):
    vaults = [
        {"prefix": "shop", "name": "fs", "config": {"prefix": str(secrets)}},
        {"prefix": "hcv", "name": "fs"},
        {"prefix": "", "name": "fs"},
        "nonsense",
        {"prefix": "odd", "name": "fs", "config": []},
    ]
    with (
        JsonServer(lambda request: Reply({"revision": 7, "vaults": vaults})) as server,
        Vault(node_settings(tmp_path, server.url, "token-of-a-node")) as vault,
    ):
        assert vault.get(PASSWORD).reveal() == "pw-1"
        assert sorted(entity.prefix for entity in vault.entities()) == ["odd", "shop"]
    assert "vault 'hcv' is left out: that is a strategy's name" in caplog.text


def test_a_manager_that_answers_without_waiting_is_not_asked_without_pause(tmp_path):
    with (
        JsonServer(lambda request: Reply({"revision": 7, "vaults": []})) as server,
        Vault(node_settings(tmp_path, server.url, "token-of-a-node")) as vault,
    ):
        connected(vault)
        wait_until(lambda: server.count("/dataplane/v1/report") >= 8, "reports")
        assert server.count("/dataplane/v1/vaults") <= 6
