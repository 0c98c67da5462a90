"""What nodes get, how soon they hear of a change, and what policies keep from them."""

import json
import threading
import time

import pytest

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.access.policies import Policy, may_resolve, may_use_vault
from tests.manager.running import ON_SQLITE, open_manager, running


def test_vaults_come_with_a_revision_that_every_change_raises(kong, api, group):
    node = api.node(group)
    first = node.get("/dataplane/v1/vaults").json()

    kong.put("/vaults/my-env", json={"name": "env"})
    second = node.get(f"/dataplane/v1/vaults?after={first['revision']}").json()
    kong.delete("/vaults/my-env")
    third = node.get(f"/dataplane/v1/vaults?after={second['revision']}").json()

    assert [vault["prefix"] for vault in second["vaults"]] == ["my-env"]
    assert second["vaults"][0]["name"] == "env"
    assert first["revision"] < second["revision"] < third["revision"]
    assert first["vaults"] == third["vaults"] == []
    unchanged = node.get(f"/dataplane/v1/vaults?after={third['revision']}&wait_s=0.05")
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    restored = node.get(f"/dataplane/v1/vaults?after={third['revision'] + 100}&wait_s=20")
    assert restored.status_code == 200, "an older revision is another one: after a restored backup"


def test_a_node_that_waits_hears_of_a_change_made_by_another_manager(tmp_path, database_url):
    with running(open_manager(tmp_path, database_url)) as one, running(open_manager(tmp_path, database_url)) as two:
        one.sign_in_root()
        two.root.headers = one.root.headers
        group = one.group()
        node = one.node(group)
        known = node.get("/dataplane/v1/vaults").json()["revision"]
        node.base_url = two.url
        heard = []

        def wait():
            heard.append(node.get(f"/dataplane/v1/vaults?after={known}&wait_s=25").json())

        waiting = threading.Thread(target=wait)
        waiting.start()
        while "kong_vault_manager_waiting_nodes 1.0" not in two.root.get("/metrics").text:
            time.sleep(0.01)
        one.root.put(f"/groups/{group}/vaults/my-env", json={"name": "env"})
        waiting.join(20)

    assert [vault["prefix"] for vault in heard[0]["vaults"]] == ["my-env"]


def test_two_managers_that_write_at_once_agree(tmp_path, database_url):
    managers = [open_manager(tmp_path, database_url) for _ in range(2)]
    group_id = managers[0].groups.create("user:x", {"name": "prod"})["id"]
    failures = []

    def write(number):
        try:
            for turn in range(8):
                managers[number].vaults.put("user:x", group_id, f"v-{number}-{turn}", {"name": "env"})
                managers[number].vaults.put("user:x", group_id, "contested", {"name": "env"})
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert len(managers[1].vaults.page(group_id)[0]) == 17
    assert managers[0].groups.get(group_id)["revision"] == managers[1].groups.get(group_id)["revision"] == 33
    with managers[1].records.database.read() as session:
        assert managers[1].records.audit.verify(session).entries == 33
    for manager in managers:
        manager.close()


def test_what_was_made_for_one_node_is_kept_for_the_others_until_something_changes(tmp_path, monkeypatch):
    manager = open_manager(tmp_path)
    group_id = manager.groups.create("user:x", {"name": "prod"})["id"]
    for number in range(3):
        manager.vaults.put("user:x", group_id, f"hcv-{number}", {"name": "hcv", "config": {"token": f"t-{number}"}})
    opened, envelope = [], manager.records.envelope
    whole = type(envelope).open
    monkeypatch.setattr(envelope, "open", lambda *args: opened.append(args) or whole(envelope, *args))

    def fetched(node):
        return json.loads(manager.node_vaults.of(NodeIdentity(group_id, node)))

    answers = [fetched(node) for node in ("gw-1", "gw-2", 'gw-"3')]
    assert [answer["node"] for answer in answers] == ["gw-1", "gw-2", 'gw-"3']
    assert [vault["config"]["token"] for vault in answers[2]["vaults"]] == ["t-0", "t-1", "t-2"]
    assert len(opened) == 3, "each once"
    manager.policies.create("user:x", group_id, {"effect": "deny", "prefix": "hcv-1", "node": "gw-2"})
    assert [len(fetched(node)["vaults"]) for node in ("gw-1", "gw-2", "gw-2")] == [3, 2, 2]
    manager.vaults.patch("user:x", group_id, "hcv-0", {"config": {"token": "new"}})
    assert fetched("gw-2")["vaults"][0]["config"]["token"] == "new"
    manager.close()


@ON_SQLITE
def test_a_vault_denied_to_a_node_is_not_sent_to_it(kong, api, group):
    for prefix in ("shop-db", "bank-db"):
        kong.put(f"/vaults/{prefix}", json={"name": "env"})
    kong.post("/policies", json={"effect": "allow", "prefix": "bank-*", "node": "bank-?", "resource": "app/*"})
    kong.post("/policies", json={"effect": "deny", "prefix": "shop-*", "node": "bank-*"})

    def seen(node):
        return {vault["prefix"]: vault for vault in api.node(group, node).get("/dataplane/v1/vaults").json()["vaults"]}

    assert set(seen("bank-1")) == {"bank-db"}
    assert set(seen("shop-1")) == {"shop-db"}
    rule = {"effect": "allow", "node": "bank-?", "plugin": "*", "resource": "app/*"}
    assert seen("bank-1")["bank-db"]["policies"] == [rule], "the node enforces the rest"


def test_a_store_secret_denied_to_a_node_is_a_403_and_in_the_audit(kong, api, group):
    path = f"/v2/control-planes/{group}/config-stores"
    store = api.root.post(path, json={"name": "s"}).json()["id"]
    for key in ("open", "closed"):
        api.root.put(f"{path}/{store}/secrets/{key}", json={"value": f"{key}-value"})
    kong.post("/policies", json={"effect": "deny", "prefix": "konnect", "node": "gw-1", "resource": "closed"})
    node, other = api.node(group, "gw-1"), api.node(group, "gw-2")

    def read(client, key):
        return client.get(f"/dataplane/v1/config-stores/{store}/secrets/{key}").status_code

    assert (read(node, "open"), read(node, "closed"), read(other, "closed")) == (200, 403, 200)
    entry = api.root.get(f"/audit?group={group}&outcome=denied").json()["data"][0]
    assert (entry["actor"], entry["target"]) == ("node:gw-1", "s/closed")


@pytest.mark.parametrize(
    ("policies", "node", "plugin", "resource", "expected"),
    [
        ([], "n", "p", "r", True),
        ([Policy("deny", "v", resource="r")], "n", "p", "r", False),
        ([Policy("deny", "v", resource="r")], "n", "p", "s", True),
        ([Policy("allow", "v", plugin="p")], "n", "p", "r", True),
        ([Policy("allow", "v", plugin="p")], "n", "q", "r", False),
        ([Policy("allow", "v", plugin="p")], "n", None, "r", True),
        ([Policy("deny", "v", plugin="p")], "n", None, "r", True),
        ([Policy("allow", "v"), Policy("deny", "v", node="n")], "n", "p", "r", False),
        ([Policy("allow", "w")], "n", "p", "r", True),
        ([Policy("allow", "*", node="m")], "n", "p", "r", False),
    ],
)
def test_a_denial_wins_and_an_allowance_excludes_the_rest(policies, node, plugin, resource, expected):
    assert may_resolve(policies, "v", resource, node=node, plugin=plugin) is expected


def test_a_vault_of_which_one_secret_is_denied_is_still_used():
    assert may_use_vault([Policy("deny", "v", resource="r")], "v", "n")
    assert not may_use_vault([Policy("deny", "v", node="n")], "v", "n")


def test_a_node_reports_its_state_and_its_resolutions(api, group):
    node = api.node(group)
    resolution = {
        "at": 1_799_999_000, "plugin": "rate-limiting", "reference": "{vault://hcv/redis/password?token=x#2}",
        "outcome": "ok", "cached": True, "strategy": "hcv", "value": "canary-sent-by-mistake",
    }  # fmt: skip

    sent = node.post("/dataplane/v1/report", json={"node": {"host": "h"}, "status": {"x": 1}, "audit": [resolution]})

    assert sent.status_code == 204
    assert api.root.get(f"/groups/{group}/nodes").json()["data"] == [
        {"node": "gw-1", "about": {"host": "h"}, "status": {"x": 1}, "seen_at": 1_800_000_000}
    ]
    entry = api.root.get(f"/audit?group={group}&action=secret.resolve").json()["data"][0]
    assert entry["target"] == "{vault://hcv/redis/password#2}"
    assert entry["details"] == {"cached": True, "plugin": "rate-limiting", "strategy": "hcv"}
    assert (entry["actor"], entry["outcome"], entry["at"]) == ("node:gw-1", "ok", 1_799_999_000)


@ON_SQLITE
@pytest.mark.parametrize("body", [{"audit": 1}, {"audit": [1]}, {"status": []}, {"audit": [{}] * 1001}])
def test_a_report_of_another_form_is_refused(api, group, body):
    assert api.node(group).post("/dataplane/v1/report", json=body).status_code == 400


def test_a_removed_token_is_out_at_once(api, group):
    node = api.node(group)
    token = api.root.get(f"/groups/{group}/node-tokens").json()["data"][0]

    assert api.root.delete(f"/groups/{group}/node-tokens/{token['id']}").status_code == 204

    assert node.get("/dataplane/v1/vaults").status_code == 401


@ON_SQLITE
def test_a_nodes_token_opens_nothing_of_peoples(api, group):
    node = api.node(group)

    assert node.get(f"/groups/{group}/vaults").status_code == 401
    assert node.get("/metrics").status_code == 401
    assert api.root.get("/dataplane/v1/vaults").status_code == 401
