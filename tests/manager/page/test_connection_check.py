"""Testing a vault from the manager: what it tells, and what of the manager's own it never sends anywhere."""

import threading

import pytest

from kong_vault_py.manager.audit.search import AuditFilter, audit_page
from kong_vault_py.manager.page import connection_check
from kong_vault_py.manager.page.connection_check import ask_vault, missing_for_test
from kong_vault_py.manager.problems import ConflictError, NotFoundError
from tests.manager.running import open_manager
from tests.servers.ports import free_port

ACTOR = "user:test"


@pytest.fixture
def manager(tmp_path):
    made = open_manager(tmp_path)
    yield made
    made.close()


@pytest.fixture
def group(manager):
    return manager.groups.create(ACTOR, {"name": "prod"})["id"]


def ask(manager, group, name, config):
    vault = manager.vaults.put(ACTOR, group, "asked", {"name": name, "config": config})
    return ask_vault(manager.records, ACTOR, group, vault["id"])


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("env", {}, "the node's own environment"),
        ("fs", {"prefix": "/"}, "the node's own environment"),
        ("aws", {"endpoint_url": "http://127.0.0.1:1"}, "the node's own environment"),
        ("hcv", {}, "token isn't set"),
        ("hcv", {"token": "{vault://env/master-key}"}, "references"),
        ("hcv", {"token": "t", "host": "{vault://env/host}"}, "references"),
        (
            "hcv",
            {"auth_method": "kubernetes", "kube_role": "r", "kube_api_token_file": "/etc/shadow"},
            "the node's own",
        ),
        ("hcv", {"auth_method": "approle", "approle_role_id": "r", "approle_secret_id_file": "/etc/shadow"}, "files"),
        (
            "azure",
            {"vault_uri": "https://a.test", "credentials_prefix": "AWS"},
            "tenant_id and client_id and client_secret",
        ),
        ("gcp", {"project_id": "p"}, "service_account"),
        ("konnect", {"store_file": "/etc/shadow"}, "files"),
        ("a-third-partys", {"token": "t"}, "the node's own"),
    ],
)
def test_a_vault_that_would_log_in_as_the_manager_is_for_nodes_to_test(name, config, reason):
    assert reason in missing_for_test(name, {"auth_method": "token" if name == "hcv" else None, **config})


def test_such_a_test_is_refused_also_if_it_is_asked_for_all_the_same(manager, group):
    with pytest.raises(ConflictError, match="depends on the node's own"):
        ask(manager, group, "env", {})
    with pytest.raises(NotFoundError):
        ask_vault(manager.records, ACTOR, group, "no-vault")


def test_a_vault_that_is_not_there_is_told_without_its_credential(manager, group):
    found = ask(manager, group, "hcv", {"port": free_port(), "token": "canary-token"})

    assert not found.ok
    assert "The vault can't be used: " in found.text
    assert "canary" not in found.text
    with manager.records.database.read() as session:
        [entry] = audit_page(session, AuditFilter(action="vault.check"), before=None, size=5)
    assert (entry["target"], entry["outcome"]) == ("asked", "unavailable")


@pytest.mark.real("vault")
def test_a_real_vault_answers_and_a_wrong_token_is_told(manager, group, vault):
    where = {"protocol": vault.protocol, "host": vault.host, "port": vault.port}

    good = ask(manager, group, "hcv", {**where, "token": vault.root_token})
    bad = ask(manager, group, "hcv", {**where, "token": "canary-wrong"})

    assert (good.ok, good.text) == (True, "The vault answers, and takes the login.")
    assert not bad.ok
    assert bad.text.startswith("No certain answer: ")
    assert "canary" not in bad.text


def test_a_config_store_is_looked_up_here(manager, group):
    store = manager.stores.create(ACTOR, group, {"name": "store"})

    assert ask(manager, group, "konnect", {"config_store_id": store["id"]}).ok
    assert "no Config Store" in ask(manager, group, "konnect", {"config_store_id": "absent"}).text


def test_so_many_at_once_and_no_more(manager, group, monkeypatch):
    monkeypatch.setattr(connection_check, "_turns", threading.BoundedSemaphore(1))
    with connection_check._turns, pytest.raises(ConflictError, match="too many"):
        ask(manager, group, "hcv", {"token": "t"})
    assert not ask(manager, group, "hcv", {"port": free_port(), "token": "t"}).ok
