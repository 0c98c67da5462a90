"""The metrics of a resolver, and the dashboard that shows them."""

import json
import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from kong_vault_py import SecretNotFoundError, UnavailableError, Vault
from kong_vault_py.agent.metrics import Metrics as AgentMetrics
from kong_vault_py.entities import VaultEntity
from kong_vault_py.manager.metrics import Metrics as ManagerMetrics
from kong_vault_py.metrics import HistogramObserver, collector
from kong_vault_py.settings import RuntimeSettings, Settings
from tests.data_plane.nodes import CANARY, connected, new_token, node_settings, put_fs_vault
from tests.unit.backend import Backend, Clock, make_vault

DASHBOARD = Path(__file__).parents[2] / "examples" / "grafana" / "kong-vault.json"


class Watched:
    """A registry with a vault's metrics."""

    def __init__(self):
        self.registry = CollectorRegistry()
        self.observer = HistogramObserver(self.registry)

    def page(self, vault=None):
        if vault is not None:
            self.registry.register(collector(vault))
        return generate_latest(self.registry).decode()


def test_a_vaults_state_and_its_fetches_are_shown_without_references_and_values():
    backend, clock, watched = Backend(), Clock(), Watched()
    backend.answers["db"] = CANARY
    vault = make_vault(backend, clock, observer=watched.observer, vault_test_ttl="30")
    vault.get("{vault://test/db}")
    vault.get("{vault://test/db}")
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/name-made-up-by-a-client}")
    clock.advance(32)
    backend.answers["db"] = UnavailableError("sealed")
    vault.rotate()

    page = watched.page(vault)

    for line in (
        "kong_vault_cache_hits_total 1.0",
        "kong_vault_cache_misses_total 2.0",
        "kong_vault_fetches_total 3.0",
        "kong_vault_fetch_failures_total 2.0",
        "kong_vault_cache_evictions_total 0.0",
        'kong_vault_fetch_seconds_count{outcome="ok",strategy="test"} 1.0',
        'kong_vault_fetch_seconds_count{outcome="SecretNotFoundError",strategy="test"} 1.0',
        'kong_vault_refresh_late_seconds_sum{strategy="test"} 2.0',
        'kong_vault_resources_failing{prefix="other",strategy="test"} 1.0',
        'kong_vault_value_age_seconds{prefix="other",strategy="test"} 32.0',
    ):
        assert line in page.splitlines(), page
    assert "db" not in page
    assert "made-up" not in page
    assert CANARY not in page
    assert "kong_vault_sync" not in page, "there is no manager"


def test_a_prefix_is_a_label_if_it_is_a_vaults_and_not_if_a_request_brought_it(tmp_path):
    declared = tmp_path / "kong.yml"
    declared.write_text(f"vaults: [{{name: fs, prefix: shop, config: {{prefix: {tmp_path}}}}}]")
    (tmp_path / "db").write_text("value")
    with Vault(Settings({}, RuntimeSettings(entities=str(declared))), background=False) as vault:
        vault.get("{vault://shop/db}")
        for number in range(3):
            vault.lookup_in(VaultEntity("kong", "fs", {"prefix": str(tmp_path), "ttl": number + 1}, "request"), "db")

        page = Watched().page(vault)

    assert 'kong_vault_resources{prefix="shop",strategy="fs"} 1.0' in page
    assert 'kong_vault_resources{prefix="other",strategy="fs"} 3.0' in page
    assert len(re.findall(r"^kong_vault_resources\{", page, re.MULTILINE)) == 2


def test_a_node_shows_how_its_manager_does(api, group, secrets, tmp_path):
    put_fs_vault(api, group, "shop", secrets)
    with Vault(node_settings(tmp_path, api.url, new_token(api, group))) as vault:
        connected(vault)
        page = Watched().page(vault)

    assert "kong_vault_sync_connected 1.0" in page
    assert "kong_vault_sync_vaults 1.0" in page
    assert re.search(r"^kong_vault_sync_last_success_timestamp_seconds \d", page, re.MULTILINE)
    assert re.search(r"^kong_vault_sync_revision \d", page, re.MULTILINE)
    assert "kong_vault_audit_dropped_total 0.0" in page


@pytest.fixture(scope="module")
def dashboard():
    return json.loads(DASHBOARD.read_text())


def _panels(dashboard):
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def test_every_metric_of_the_dashboard_exists(dashboard, api, group, tmp_path):
    agent = AgentMetrics()
    with Vault(node_settings(tmp_path, api.url, new_token(api, group)), observer=agent) as vault:
        connected(vault)
        agent.watch(vault)
        pages = agent.page().decode() + generate_latest(ManagerMetrics(lambda: 0).registry).decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", pages, re.MULTILINE))
    known = set(kinds)
    for name, kind in kinds.items():
        if kind == "histogram":
            known |= {f"{name}_bucket", f"{name}_count", f"{name}_sum"}
    queries = [target["expr"] for panel in _panels(dashboard) for target in panel["targets"]]
    queries += [variable.get("definition", "") for variable in dashboard["templating"]["list"]]

    named = {name for query in queries for name in re.findall(r"\bkong_vault_\w+", query)}

    assert named <= known
    assert {name for name in known if "sync" in name or "cache" in name} - {
        name for name in known if name.endswith("_created")
    } <= named, "and what is there is shown"


def test_the_dashboard_is_one_that_grafana_imports(dashboard):
    panels = _panels(dashboard)
    ids = [panel["id"] for panel in dashboard["panels"]]
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}

    assert dashboard["schemaVersion"] >= 36
    assert len(ids) == len(set(ids))
    places = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not cells & places, f"{panel['title']} covers another panel"
        places |= cells
        assert panel["title"]
        assert {target["refId"] for target in panel["targets"]} == set("ABC"[: len(panel["targets"])])
        for target in panel["targets"]:
            used = set(re.findall(r"\$(?!__)(\w+)", target["expr"]))
            assert used <= variables
            assert target["expr"].count("(") == target["expr"].count(")")
            assert target["expr"].count("{") == target["expr"].count("}")
