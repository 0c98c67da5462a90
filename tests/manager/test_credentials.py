"""A vault's credentials go in, and never come out again but to the group's nodes."""

import sqlite3

import pytest

from kong_vault_py.config_store.key_file import create_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.errors import ConfigError
from tests.manager.running import ON_SQLITE, open_manager

CANARY = "canary-f3a9-of-a-vault"
HCV = {"name": "hcv", "config": {"host": "vault.internal", "token": CANARY}}
REFERENCE = "{vault://env/hcv-token}"


def config_at_node(api, group, prefix="my-hcv"):
    vaults = api.node(group).get("/dataplane/v1/vaults").json()["vaults"]
    return next(vault["config"] for vault in vaults if vault["prefix"] == prefix)


def test_no_answer_shows_a_credential(kong):
    answers = [
        kong.put("/vaults/my-hcv", json=HCV),
        kong.get("/vaults/my-hcv"),
        kong.get("/vaults"),
        kong.patch("/vaults/my-hcv", json={"config": {"ttl": 1}}),
        kong.get("/deck"),
        kong.post("/vaults", json={**HCV, "prefix": "my-hcv"}),
        kong.post("/vaults", json={**HCV, "prefix": "other", "config": {"token": CANARY, "port": CANARY}}),
        kong.post("/vaults", json={**HCV, "prefix": "other", "config": {"token": [CANARY]}}),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 200, 409, 400, 400]
    assert answers[0].json()["config"]["token"] == "***"
    for answer in answers[:6]:
        assert CANARY not in answer.text
    assert "token: expected a string" in answers[7].text


@ON_SQLITE
def test_nodes_get_it_and_what_is_unset_is_left_out(kong, api, group):
    kong.put("/vaults/my-hcv", json=HCV)

    config = config_at_node(api, group)

    assert config["token"] == CANARY
    assert config["host"] == "vault.internal"
    assert "ttl" not in config


def test_the_mask_keeps_what_is_stored(kong, api, group):
    shown = kong.put("/vaults/my-hcv", json=HCV).json()

    put = kong.put("/vaults/my-hcv", json=shown)
    patched = kong.patch("/vaults/my-hcv", json={"config": {"token": "***", "ttl": 9}})

    assert (put.status_code, patched.status_code) == (200, 200)
    assert config_at_node(api, group)["token"] == CANARY


@ON_SQLITE
def test_without_the_mask_a_put_removes_it_and_a_new_one_replaces_it(kong, api, group):
    kong.put("/vaults/my-hcv", json=HCV)

    kong.patch("/vaults/my-hcv", json={"config": {"token": "another"}})
    assert config_at_node(api, group)["token"] == "another"

    kong.put("/vaults/my-hcv", json={"name": "hcv", "config": {"auth_method": "kubernetes", "kube_role": "x"}})
    assert "token" not in config_at_node(api, group)


@ON_SQLITE
def test_a_mask_of_nothing_is_refused(kong):
    refused = kong.put("/vaults/my-hcv", json={"name": "hcv", "config": {"token": "***"}})

    assert refused.status_code == 400
    assert refused.json()["fields"]["config"]["token"] == "this is the mask of a credential, and none is stored"


@ON_SQLITE
@pytest.mark.parametrize("change", [{"host": "evil.example"}, {"ssl_verify": False}, {"port": 1}])
def test_whoever_may_edit_a_vault_can_not_send_its_credential_elsewhere(kong, api, group, change):
    kong.put("/vaults/my-hcv", json=HCV)

    refused = kong.patch("/vaults/my-hcv", json={"config": change})
    moved = kong.patch("/vaults/my-hcv", json={"config": {**change, "token": "a-new-one"}})

    assert refused.status_code == 400
    assert "give it again" in refused.json()["fields"]["config"]["token"]
    assert moved.status_code == 200
    assert config_at_node(api, group)["token"] == "a-new-one"


@ON_SQLITE
def test_references_are_no_secret_and_stay_readable(kong, api, group):
    made = kong.put("/vaults/my-hcv", json={"name": "hcv", "config": {"token": REFERENCE}}).json()

    assert made["config"]["token"] == REFERENCE
    assert config_at_node(api, group)["token"] == REFERENCE
    assert REFERENCE in kong.get("/deck").text


def test_deck_files_go_out_without_credentials_and_in_again(kong, api):
    kong.put("/vaults/my-hcv", json={**HCV, "tags": ["x"], "description": "ours"})
    kong.put("/vaults/my-env", json={"name": "env", "config": {"prefix": "A_"}})

    file = kong.get("/deck")
    elsewhere = api.root.post(
        f"/groups/{api.group()}/deck",
        content=file.text.replace("host:", f"token: '{REFERENCE}'\n    host:"),
        headers={"Content-Type": "application/yaml"},
    )

    assert file.headers["X-Credentials-Left-Out"] == "my-hcv.token"
    assert elsewhere.json() == {"created": 2, "updated": 0}


@ON_SQLITE
@pytest.mark.parametrize(
    "text",
    [
        "vaults: [{name: env, prefix: good-one}, {name: env, prefix: env}]",
        "vaults: 5",
        "- 1",
        "a: &a [1]\nb: *a",
        "{",
        'vaults: [{name: env, prefix: abc, description: "\\0"}]',
        pytest.param("[" * 1_000_000, id="deep"),
        pytest.param("- " * 1_000_000, id="deep-blocks"),
        pytest.param("{a: " * 500_000, id="deep-maps"),
        pytest.param("? " * 500_000, id="deep-keys"),
        pytest.param("&a " * 500_000, id="anchors"),
        pytest.param("!a " * 500_000, id="tags"),
        pytest.param("a" * 4_000_000, id="long"),
        pytest.param("a: 1\n" * 500_000, id="wide"),
        "vaults: [{name: env, prefix: abc, description: 2020-01-01}]",
    ],
)
def test_a_deck_file_that_will_not_do_changes_nothing(kong, text):
    refused = kong.post("/deck", content=text)

    assert refused.status_code == 400
    assert refused.json()["message"]
    assert kong.get("/vaults").json()["data"] == []


def test_the_database_file_holds_no_credential_and_no_value(tmp_path):
    manager = open_manager(tmp_path)
    group_id = manager.groups.create("user:x", {"name": "prod"})["id"]
    manager.vaults.put("user:x", group_id, "my-hcv", HCV)
    store = manager.stores.create("user:x", group_id, {"name": "s"})["id"]
    manager.secrets.put("user:x", group_id, store, "key", {"value": CANARY})
    manager.close()

    for file in tmp_path.iterdir():
        assert CANARY.encode() not in file.read_bytes(), file
    assert (tmp_path / "manager.db").stat().st_mode & 0o077 == 0
    with sqlite3.connect(tmp_path / "manager.db") as connection:
        assert connection.execute("SELECT count(*) FROM vaults WHERE sealed IS NOT NULL").fetchone() == (1,)
    connection.close()


def test_another_master_key_is_refused_at_the_start(tmp_path):
    open_manager(tmp_path).close()
    (tmp_path / "master.key").unlink()
    create_key_file(tmp_path / "master.key", new_key_text())

    with pytest.raises(ConfigError, match="wrong master key"):
        open_manager(tmp_path)
