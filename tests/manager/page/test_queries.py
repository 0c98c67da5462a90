"""What the page asks the database itself: the same on SQLite and on PostgreSQL."""

import pytest

from kong_vault_py.manager.page.vault_search import PAGE_SIZE, prefixes, search_vaults
from kong_vault_py.manager.page.vault_uses import store_uses, vault_uses
from tests.manager.running import open_manager

ACTOR = "user:test"


@pytest.fixture
def manager(tmp_path, database_url):
    made = open_manager(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def group(manager):
    return manager.groups.create(ACTOR, {"name": "prod"})["id"]


def test_what_uses_a_vault_or_a_store_is_found_and_nothing_that_is_only_alike(manager, group):
    def vault(prefix, name="hcv", **config):
        manager.vaults.create(ACTOR, group, {"name": name, "prefix": prefix, "config": config})

    vault("used", "env")
    vault("user-1", token="{vault://used/token}")
    vault("other", token="{vault://used2/x}")
    vault("written", mount="used", token="t")
    manager.policies.create(ACTOR, group, {"effect": "deny", "prefix": "used", "node": "gw-*"})
    manager.policies.create(ACTOR, group, {"effect": "deny", "prefix": "other"})
    node = manager.nodes.by_token(manager.nodes.create_token(ACTOR, group, {"node": "gw-1"})["token"])
    resources = [
        {"references": ["{vault://used/a}", "{vault://used/b}"], "prefix": "used"},
        {"references": ["{vault://x/a}"], "prefix": "x"},
    ]
    manager.reports.take(node, {"status": {"resources": resources}})
    store = manager.stores.create(ACTOR, group, {"name": "store"})["id"]
    vault("leads-there", "konnect", config_store_id=store)
    vault("leads-elsewhere", "konnect", config_store_id="elsewhere")

    assert vault_uses(manager, group, "used") == [
        ("node gw-1", "resolves {vault://used/a}, {vault://used/b}"),
        ("vault user-1", "refers to it in its config"),
        ("policy for used", "denies it to nodes gw-*"),
    ]
    assert vault_uses(manager, group, "written") == []
    assert store_uses(manager, group, store) == [("vault leads-there", "reads its values from it")]


def test_vaults_are_found_in_order_page_by_page(manager, group):
    other = manager.groups.create(ACTOR, {"name": "other"})["id"]
    entities = [{"name": "env", "prefix": f"v-{number:03}", "tags": [f"t{number % 2}"]} for number in range(70)]
    manager.vaults.put_many(ACTOR, group, entities)
    manager.vaults.put_many(ACTOR, other, entities[:3])

    def found(**wanted):
        page = search_vaults(manager.records, group, **{"prefix": "", "tag": "", "after": "", **wanted})
        return [vault["prefix"] for vault in page.vaults], page.more_after

    first, more = found()
    assert (len(first), more) == (PAGE_SIZE, "v-049")
    assert found(after=more) == ([f"v-{number:03}" for number in range(50, 70)], None)
    assert found(prefix="-06", tag="t1")[0] == ["v-061", "v-063", "v-065", "v-067", "v-069"]
    assert found(prefix="%") == found(tag="t") == ([], None)
    assert prefixes(manager.records, other) == ["v-000", "v-001", "v-002"]
