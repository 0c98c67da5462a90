"""Every route of the OpenAPI document, for everybody who might ask."""

import re

import pytest

from tests.manager.running import ON_SQLITE, PASSWORD

GROUP = "/groups/{group}"
STORES = "/v2/control-planes/{group}/config-stores"
#: Who may, of: anyone, user (signed in), viewer, editor and admin of the path's group, superadmin, node (of a group).
WHO = {
    "anyone": ["GET /health", "POST /auth/login", "POST /auth/bootstrap"],
    "user": [
        "POST /auth/logout",
        "GET /auth/me",
        "GET /auth/tokens",
        "POST /auth/tokens",
        "DELETE /auth/tokens/{token_id}",
        "GET /metrics",
        "GET /groups",
    ],
    "viewer": [
        f"GET {GROUP}",
        f"GET {GROUP}/",
        f"GET {GROUP}/status",
        f"GET {GROUP}/{{collection}}",
        f"GET {GROUP}/vaults",
        f"GET {GROUP}/vaults/{{vault}}",
        f"GET {GROUP}/schemas/vaults/{{name}}",
        f"POST {GROUP}/schemas/vaults/validate",
        f"GET {GROUP}/deck",
        f"GET {GROUP}/nodes",
        f"GET {GROUP}/policies",
        f"GET {STORES}",
        f"GET {STORES}/{{store}}",
        f"GET {STORES}/{{store}}/secrets",
        f"GET {STORES}/{{store}}/secrets/{{key}}",
    ],
    "editor": [
        f"POST {GROUP}/vaults",
        f"PUT {GROUP}/vaults/{{vault}}",
        f"PATCH {GROUP}/vaults/{{vault}}",
        f"DELETE {GROUP}/vaults/{{vault}}",
        f"POST {GROUP}/deck",
        f"POST {STORES}",
        f"PUT {STORES}/{{store}}",
        f"DELETE {STORES}/{{store}}",
        f"POST {STORES}/{{store}}/secrets",
        f"PUT {STORES}/{{store}}/secrets/{{key}}",
        f"DELETE {STORES}/{{store}}/secrets/{{key}}",
    ],
    "admin": [
        f"PATCH {GROUP}",
        f"GET {GROUP}/node-tokens",
        f"POST {GROUP}/node-tokens",
        f"DELETE {GROUP}/node-tokens/{{token_id}}",
        f"POST {GROUP}/policies",
        f"DELETE {GROUP}/policies/{{policy_id}}",
        f"PUT {GROUP}/roles/{{user}}",
        f"DELETE {GROUP}/roles/{{user}}",
        "GET /audit",
        "GET /audit/export",
    ],
    "superadmin": [
        "POST /groups",
        f"DELETE {GROUP}",
        "GET /users",
        "POST /users",
        "GET /users/{user}",
        "PATCH /users/{user}",
        "DELETE /users/{user}",
    ],
    "node": [
        "GET /dataplane/v1/vaults",
        "GET /dataplane/v1/config-stores/{store}/secrets/{key}",
        "POST /dataplane/v1/report",
    ],
}
RANKS = ["anyone", "user", "viewer", "editor", "admin", "superadmin"]
ROUTES = [(needed, *route.split(" ")) for needed, routes in WHO.items() for route in routes]
#: Logs its asker out, or answers without an end.
NOT_ALLOWED_HERE = {("POST", "/auth/logout")}
CHANGES = [route for route in ROUTES if route[1] != "GET" and route[0] not in ("anyone", "node")]


def path_of(path, group):
    """The path, in this group, of something that isn't there."""
    return re.sub(r"\{\w+\}", "00000000-0000-4000-8000-000000000000", path.replace("{group}", group))


@pytest.fixture(scope="module")
def everybody(api):
    """Their clients by what they are; ``group`` is the one that they are it in."""
    group, other = api.group(), api.group()
    clients = {role: api.user({group: role}) for role in ("viewer", "editor", "admin")}
    clients |= {
        "stranger": api.client(),
        "user": api.user(),
        "admin elsewhere": api.user({other: "admin"}),
        "superadmin": api.root,
        "node": api.node(group),
        "node elsewhere": api.node(other),
    }
    return group, clients


@ON_SQLITE
def test_the_table_has_every_route(api):
    document = api.root.get("/openapi.json").json()
    told = {f"{method.upper()} {path}" for path, found in document["paths"].items() for method in found}

    assert told == {route for routes in WHO.values() for route in routes}


@ON_SQLITE
@pytest.mark.parametrize("who", ["stranger", "node", "node elsewhere", "user", "viewer", "editor", "admin"])
def test_each_opens_what_their_role_does_and_nothing_else(everybody, who):
    group, clients = everybody
    rank = RANKS.index(who) if who in RANKS else 0

    for needed, method, path in ROUTES:
        if (method, path) in NOT_ALLOWED_HERE:
            continue
        answer = clients[who].request(method, path_of(path, group), json={} if method != "GET" else None)
        allowed = needed == "anyone" or (who.startswith("node") if needed == "node" else rank >= RANKS.index(needed))
        if allowed:
            # Whatever they did wrong: they may.
            assert answer.status_code not in (401, 403) or path == "/auth/bootstrap", (method, path, answer.text)
        elif needed == "node" or rank == 0:
            assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"}), (method, path)
        elif who == "user" and "{group}" in path:
            assert (answer.status_code, answer.json()) == (404, {"message": "Not found"}), (method, path)
        else:
            assert answer.status_code == 403, (method, path, answer.text)


@ON_SQLITE
def test_a_role_in_one_group_opens_nothing_of_another(everybody):
    group, clients = everybody

    for _, method, path in ROUTES:
        if "{group}" in path:
            answer = clients["admin elsewhere"].request(method, path_of(path, group), json={})
            assert (answer.status_code, answer.json()) == (404, {"message": "Not found"}), (method, path)


@ON_SQLITE
def test_no_change_goes_by_a_session_without_its_csrf_token(api, everybody):
    group, _ = everybody
    browser = api.client()
    login = browser.post("/auth/login", json={"username": "root", "password": PASSWORD}).json()

    for sent in ({}, {"X-CSRF-Token": "wrong"}, {"X-CSRF-Token": ""}):
        for _, method, path in CHANGES:
            answer = browser.request(method, path_of(path, group), json={}, headers=sent)
            assert answer.status_code == 403, (method, path)
            assert "CSRF" in answer.json()["message"]
    kept = browser.request(
        "DELETE", path_of(f"{GROUP}/vaults/{{vault}}", group), headers={"X-CSRF-Token": login["csrf_token"]}
    )
    assert kept.status_code == 204


@ON_SQLITE
def test_ids_of_another_group_are_not_there(api):
    """An admin of one group with every id of another one."""
    theirs, ours = api.group(), api.group()
    admin = api.user({ours: "admin"})
    vault = api.root.put(
        f"/groups/{theirs}/vaults/my-env", json={"name": "env", "config": {"prefix": "THEIRS_"}}
    ).json()["id"]
    stores = f"/v2/control-planes/{theirs}/config-stores"
    store = api.root.post(stores, json={"name": "s"}).json()["id"]
    api.root.put(f"{stores}/{store}/secrets/k", json={"value": "v"})
    token = api.root.post(f"/groups/{theirs}/node-tokens", json={"node": "n"}).json()["id"]
    policy = api.root.post(f"/groups/{theirs}/policies", json={"effect": "deny", "prefix": "x"}).json()["id"]
    before = everything_of(api.root, theirs)

    asked = [
        ("GET", f"/groups/{ours}/vaults/{vault}", 404),
        ("PATCH", f"/groups/{ours}/vaults/{vault}", 404),
        ("DELETE", f"/groups/{ours}/vaults/{vault}", 204),
        ("PUT", f"/groups/{ours}/vaults/{vault}", 409),
        ("DELETE", f"/groups/{ours}/node-tokens/{token}", 404),
        ("DELETE", f"/groups/{ours}/policies/{policy}", 404),
    ]
    own_stores = f"/v2/control-planes/{ours}/config-stores"
    for method in ("GET", "PUT", "DELETE"):
        asked.append((method, f"{own_stores}/{store}", 404))
        asked.append((method, f"{own_stores}/{store}/secrets/k", 404))
    asked += [("GET", f"{own_stores}/{store}/secrets", 404), ("POST", f"{own_stores}/{store}/secrets", 404)]
    for method, path, status in asked:
        body = (
            {"name": "env", "prefix": "our-env"}
            if "/vaults/" in path
            else {"value": "w"}
            if "/secrets" in path
            else {"name": "x"}
        )
        body = body | {"key": "k"} if method == "POST" else body
        answer = admin.request(method, path, json=None if method == "GET" else body)
        assert answer.status_code == status, (method, path, answer.text)

    assert everything_of(api.root, theirs) == before


def everything_of(root, group):
    stores = f"/v2/control-planes/{group}/config-stores"
    found = [root.get(f"/groups/{group}/{kind}").json() for kind in ("vaults", "policies", "node-tokens")]
    found.append(root.get(stores).json())
    return [*found, *(root.get(f"{stores}/{store['id']}/secrets").json() for store in found[-1]["data"])]


@ON_SQLITE
def test_a_user_gets_no_token_of_another(api):
    one, other = api.user(), api.user()
    token = one.post("/auth/tokens", json={"name": "x"}).json()["id"]

    assert other.delete(f"/auth/tokens/{token}").status_code == 404
    assert token not in other.get("/auth/tokens").text
    assert token in one.get("/auth/tokens").text
