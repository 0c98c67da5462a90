"""Config Stores as Konnect has them, and their values, which only nodes get."""

import pytest

from tests.manager.running import ON_SQLITE

VALUE = "canary-91c2-of-a-store"


@pytest.fixture
def stores(api, group):
    client = api.client(api.root.headers["Authorization"].removeprefix("Bearer "))
    client.base_url = f"{api.url}/v2/control-planes/{group}/config-stores/"
    return client


@pytest.fixture
def store(stores):
    return stores.post("../config-stores", json={"name": "ours"}).json()["id"]


@ON_SQLITE
def test_a_store_is_made_renamed_and_removed(stores):
    made = stores.post("../config-stores", json={"name": "ours"})
    unnamed = stores.post("../config-stores", json={})

    assert made.status_code == unnamed.status_code == 201
    assert made.json()["created_at"] == "2027-01-15T08:00:00Z"
    store = made.json()["id"]
    assert stores.post("../config-stores", json={"name": "ours"}).status_code == 409
    assert stores.put(store, json={"name": "theirs"}).json()["name"] == "theirs"
    assert {item["name"] for item in stores.get("../config-stores").json()["data"]} == {
        "theirs",
        unnamed.json()["name"],
    }
    assert stores.delete(store).status_code == 204
    assert stores.get(store).status_code == 404


@ON_SQLITE
def test_a_value_goes_in_and_no_api_of_people_shows_it(stores, store):
    answers = [
        stores.post(f"{store}/secrets", json={"key": "k", "value": VALUE}),
        stores.get(f"{store}/secrets/k"),
        stores.get(f"{store}/secrets"),
        stores.put(f"{store}/secrets/k", json={"value": VALUE}),
        stores.post(f"{store}/secrets", json={"key": "k", "value": VALUE}),
    ]

    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 409]
    assert answers[0].json()["key"] == "k"
    assert not any(VALUE in answer.text for answer in answers)


def test_versions_are_kept_for_nodes(stores, store, api, group):
    for number in range(1, 13):
        stores.put(f"{store}/secrets/team/redis", json={"value": f"value-{number}"})
    node = api.node(group)

    def read(query=""):
        answer = node.get(f"/dataplane/v1/config-stores/{store}/secrets/team/redis{query}")
        return answer.json().get("value", answer.status_code)

    assert read() == "value-12"
    assert read("?version=3") == read("?version=3.0") == "value-3"
    assert node.get(f"/dataplane/v1/config-stores/{store}/secrets/team/redis").json()["version"] == 12
    missing = node.get(f"/dataplane/v1/config-stores/{store}/secrets/team/redis?version=2")
    assert (missing.status_code, missing.json()) == (404, {"message": "Not found"}), "ten are kept"
    assert node.get(f"/dataplane/v1/config-stores/{store}/secrets/absent").status_code == 404
    assert node.get(f"/dataplane/v1/config-stores/{store}/secrets/team/redis?version=x").status_code == 404


@ON_SQLITE
def test_a_store_of_another_group_is_not_there(stores, store, api):
    stores.put(f"{store}/secrets/k", json={"value": VALUE})
    stranger = api.node(api.group())

    assert stranger.get(f"/dataplane/v1/config-stores/{store}/secrets/k").status_code == 404


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"key": "", "value": "v"}, "key"),
        ({"key": "k" * 513, "value": "v"}, "key"),
        ({"key": "k", "value": "v" * 5121}, "value"),
        ({"key": "k", "value": 1}, "value"),
        ({"key": "k"}, "value"),
    ],
    ids=["empty", "long-key", "long-value", "number", "none"],
)
def test_konnects_limits_hold(stores, store, body, field):
    refused = stores.post(f"{store}/secrets", json=body)

    assert refused.status_code == 400
    assert field in refused.json()["fields"]


def test_the_longest_key_and_value_fit(stores, store, api, group):
    key, value = "k" * 512, "\u00e9" * 5120

    assert stores.post(f"{store}/secrets", json={"key": key, "value": value}).status_code == 201
    assert api.node(group).get(f"/dataplane/v1/config-stores/{store}/secrets/{key}").json()["value"] == value


def test_pages_are_walked_by_cursor(stores, store):
    for number in range(5):
        stores.put(f"{store}/secrets/k{number}", json={"value": "v"})

    seen, path = [], f"{store}/secrets?page[size]=2"
    while path:
        page = stores.get(path).json()
        seen += [item["key"] for item in page["data"]]
        path = page["meta"]["page"]["next"] and str(
            stores.base_url.copy_with(raw_path=page["meta"]["page"]["next"].encode())
        )

    assert seen == ["k0", "k1", "k2", "k3", "k4"]


def test_a_store_with_secrets_is_removed_by_force_only(stores, store, api, group):
    stores.put(f"{store}/secrets/k", json={"value": VALUE})

    assert stores.delete(store).status_code == 409
    assert stores.delete(f"{store}?force=true").status_code == 204
    assert api.node(group).get(f"/dataplane/v1/config-stores/{store}/secrets/k").status_code == 404


def test_a_removed_secret_is_gone_with_its_versions(stores, store, api, group):
    stores.put(f"{store}/secrets/k", json={"value": "one"})
    stores.put(f"{store}/secrets/k", json={"value": "two"})

    assert stores.delete(f"{store}/secrets/k").status_code == 204
    assert stores.delete(f"{store}/secrets/k").status_code == 404
    stores.put(f"{store}/secrets/k", json={"value": "three"})
    answer = api.node(group).get(f"/dataplane/v1/config-stores/{store}/secrets/k")
    assert answer.json() == {"key": "k", "value": "three", "version": 1}
