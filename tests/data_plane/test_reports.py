"""What a node tells its manager: how it stands and what it resolved; never a value, nothing lost in silence."""

import json

import pytest

from kong_vault_py import SecretNotFoundError, Vault
from kong_vault_py.data_plane.audit_buffer import AuditBuffer
from kong_vault_py.data_plane.usage import Usage
from kong_vault_py.plan import Plan
from tests.data_plane.nodes import CANARY, connected, new_token, node_settings, put_fs_vault
from tests.servers.json_server import JsonServer, Reply
from tests.servers.polling import wait_until

PASSWORD = "{vault://shop/db/password}"


@pytest.fixture
def shop(api, group, secrets):
    (secrets / "db").write_text(f'{{"username": "app", "password": "{CANARY}"}}')
    put_fs_vault(api, group, "shop", secrets)
    return group


def resolutions(api, group, **wanted):
    entries = api.root.get(f"/audit?group={group}&action=secret.resolve&size=200").json()["data"]
    return [entry for entry in entries if all(entry["details"].get(name) == value for name, value in wanted.items())]


def test_fetches_and_hits_are_in_the_managers_audit_with_their_plugin_and_without_their_value(
    api, shop, tmp_path, caplog
):
    with Vault(node_settings(tmp_path, api.url, new_token(api, shop))) as vault:
        plan = Plan.of({"password": PASSWORD}, "vault-proxy-cache")
        for _ in range(5):
            vault.update(plan)
        vault.get("{vault://shop/db/username?ttl=60}")
        with pytest.raises(SecretNotFoundError):
            vault.get("{vault://shop/absent}")
        wait_until(lambda: len(resolutions(api, shop, cached=True)) >= 1, "the hits")
        wait_until(lambda: len(resolutions(api, shop, cached=False)) >= 3, "the fetches")
        told = json.dumps(vault.status().as_dict())

    entries = resolutions(api, shop)
    assert {entry["actor"] for entry in entries} == {"node:gw-1"}
    fetched = {(entry["target"], entry["outcome"]) for entry in entries if not entry["details"]["cached"]}
    assert fetched == {
        (PASSWORD, "ok"),
        ("{vault://shop/db/username}", "ok"),
        ("{vault://shop/absent}", "SecretNotFoundError"),
    }
    hits = [entry["details"] for entry in entries if entry["details"]["cached"]]
    assert sum(details["count"] for details in hits) == 4
    assert {(details["plugin"], details["strategy"]) for details in hits} == {("vault-proxy-cache", "fs")}
    assert len({entry["details"]["id"] for entry in entries}) == len(entries)
    for text in (json.dumps(entries), told, api.root.get(f"/groups/{shop}/nodes").text, caplog.text):
        assert CANARY not in text


def test_the_manager_knows_how_each_node_stands(api, shop, tmp_path):
    settings = node_settings(tmp_path, api.url, new_token(api, shop), node_name="gateway-one")
    with Vault(settings) as vault:
        vault.get(PASSWORD)

        def node():
            found = api.root.get(f"/groups/{shop}/nodes").json()["data"]
            return found[0] if found and found[0]["status"].get("resources") else None

        wait_until(lambda: node() is not None, "the report")
        found = node()

    assert (found["node"], found["about"]["name"]) == ("gw-1", "gateway-one")
    assert found["about"]["version"] == "0.1.0"
    assert found["about"]["pid"] > 0
    assert found["status"]["resources"][0]["references"] == [PASSWORD]
    assert found["status"]["counts"]["fetches"] == 1
    assert found["status"]["manager"]["connected"] is True


def test_what_happened_last_is_reported_at_the_end(api, shop, tmp_path):
    with Vault(node_settings(tmp_path, api.url, new_token(api, shop), report_interval_s=3600)) as vault:
        vault.get(PASSWORD)
        vault.get(PASSWORD)

    assert [entry["details"].get("count") for entry in resolutions(api, shop)] == [1, None]


def test_hits_are_not_told_where_nobody_wants_them(api, shop, tmp_path):
    settings = node_settings(tmp_path, api.url, new_token(api, shop), audit_hits_interval_s=0)
    with Vault(settings) as vault:
        vault.get(PASSWORD)
        vault.get(PASSWORD)

    assert [entry["details"]["cached"] for entry in resolutions(api, shop)] == [False]


class Manager:
    """A manager whose moods a test sets."""

    def __init__(self, folder):
        self.vaults = [{"prefix": "shop", "name": "fs", "config": {"prefix": str(folder)}}]
        self.report_status = 204
        self.taken = []

    def __call__(self, request):
        if request.path.endswith("/vaults"):
            return Reply({"revision": 1, "vaults": self.vaults})
        if self.report_status == 204:
            self.taken.append(json.loads(request.body))
        return Reply({"message": "in a mood"}, self.report_status)

    @property
    def references(self):
        return [entry["reference"] for report in self.taken for entry in report["audit"]]


def test_entries_wait_for_a_manager_that_is_away_and_the_oldest_go_first_and_are_counted(tmp_path, secrets):
    manager = Manager(secrets)
    manager.report_status = 503
    for number in range(130):
        (secrets / f"s-{number}").write_text("value")
    with JsonServer(manager) as server:
        settings = node_settings(tmp_path, server.url, "token-of-a-node", audit_buffer=100, audit_hits_interval_s=0)
        with Vault(settings) as vault:
            for number in range(130):
                vault.get(f"{{vault://shop/s-{number}}}")
            wait_until(lambda: server.count("/dataplane/v1/report") > 1, "reports in vain")
            assert manager.taken == []
            assert (vault.status().manager.audit_waiting, vault.status().manager.audit_dropped) == (100, 30)

            manager.report_status = 204
            wait_until(lambda: vault.status().manager.audit_waiting == 0, "the manager's return")

    assert manager.references == [f"{{vault://shop/s-{number}}}" for number in range(30, 130)]
    assert manager.taken[-1]["node"]["audit_dropped"] == 30


def test_entries_that_the_manager_finds_fault_with_do_not_hold_up_others(tmp_path, secrets, caplog):
    manager = Manager(secrets)
    manager.report_status = 400
    with (
        JsonServer(manager) as server,
        Vault(node_settings(tmp_path, server.url, "token-of-a-node", audit_hits_interval_s=0)) as vault,
    ):
        vault.get(PASSWORD)
        wait_until(lambda: vault.status().manager.audit_dropped == 1, "the refusal")
        manager.report_status = 204
        (secrets / "next").write_text("value")
        vault.get("{vault://shop/next}")
        wait_until(lambda: "{vault://shop/next}" in manager.references, "the next entry")

    assert PASSWORD not in manager.references
    assert "no report to the manager" in caplog.text


def test_a_report_has_no_more_than_the_manager_takes(tmp_path, secrets):
    manager = Manager(secrets)
    long = "x" * 200
    for number in range(2500):
        (secrets / f"{long}-{number}").write_text("value")
    with JsonServer(manager) as server:
        settings = node_settings(tmp_path, server.url, "token-of-a-node", report_interval_s=3600)
        with Vault(settings) as vault:
            connected(vault)
            vault.warmup([f"{{vault://shop/{long}-{number}}}" for number in range(2500)])

    bodies = [request.body for request in server.requests if request.path.endswith("/report")]
    assert max(map(len, bodies)) < 1024 * 1024
    assert max(len(report["audit"]) for report in manager.taken) <= 1000
    assert len(set(manager.references)) == 2500
    assert manager.taken[0]["status"]["resources_total"] == 2500


def test_a_buffers_entries_are_fit_for_a_database_and_stay_until_they_are_done():
    buffer = AuditBuffer(10)
    buffer.add(reference="{vault://a/\udce9\0}", count=1)
    buffer.add(reference="b" * 5000)

    batch = buffer.oldest(10, 10**6)

    assert [entry["reference"] for entry in batch.entries] == ["{vault://a/??}", "b" * 1024]
    assert buffer.oldest(10, 10**6) == batch
    buffer.add(reference="c")
    buffer.done(batch.last)
    assert [entry["reference"] for entry in buffer.oldest(10, 10**6).entries] == ["c"]


def test_a_batch_ends_where_its_bytes_do_but_has_one_entry_at_least():
    buffer = AuditBuffer(10)
    for number in range(3):
        buffer.add(reference="x" * 100, number=number)

    assert len(buffer.oldest(10, 1).entries) == 1
    assert len(buffer.oldest(10, 400).entries) == 2
    assert len(buffer.oldest(1, 10**6).entries) == 1


def test_hits_are_counted_from_one_time_to_the_next_and_summed_over_queries():
    usage = Usage()
    usage.note("cache", ["{vault://a/b?ttl=1}"])
    usage.note("auth", ["{vault://a/b}"])

    assert usage.new_hits({"{vault://a/b}": 3, "{vault://a/b?ttl=1}": 2}) == {"{vault://a/b}": 5}
    assert usage.new_hits({"{vault://a/b}": 3, "{vault://a/b?ttl=1}": 2}) == {}
    assert usage.new_hits({"{vault://a/b}": 1}) == {"{vault://a/b}": 1}, "it left the cache and came back"
    assert usage.plugins("{vault://a/b}") == "auth, cache"
    assert usage.plugins("{vault://a/c}") is None
