"""What the page never does: act for another site, act above a role, show a secret, or run what somebody wrote."""

import re

import pytest
from fastapi.routing import APIRoute

from kong_vault_py.manager.middleware import CONTENT_SECURITY_POLICY
from kong_vault_py.manager.page import page_routers
from tests.manager.page.page_server import PASSWORD
from tests.manager.page.screens import CANARY, SCRIPT, screens

ROUTES = [route for router in page_routers() for route in router.routes if isinstance(route, APIRoute)]
FORMS = sorted({route.path for route in ROUTES if "POST" in route.methods})
OPEN = {"/ui/sign-in", "/ui/first-administrator"}
PARTS = {"group": "prod", "vault": "no-vault", "store": "no-store", "policy": "p", "token": "t", "username": "u"}


def filled(path):
    return re.sub(r"{(\w+)}", lambda found: PARTS.get(found[1], "x"), path)


def test_the_page_is_no_part_of_the_apis_document(server):
    assert not [path for path in server.api.get("/openapi.json").json()["paths"] if path.startswith("/ui")]


@pytest.mark.parametrize("path", FORMS)
def test_no_form_is_taken_without_its_csrf_token_nor_another_sessions(visitors, path):
    visitor, other = visitors("root"), visitors("adam")
    other.send("/ui/groups/prod/vaults/no-vault/delete")

    for token in ("", "wrong", other.csrf_token):
        answer = visitor.client.post(filled(path), data={"csrf_token": token, "username": "root", "password": PASSWORD})
        assert answer.status_code == 403, token
        assert "load the page again" in answer.text
    assert visitor.get("/ui/tokens").status_code == 200, "and the session goes on"


@pytest.mark.parametrize("path", [path for path in FORMS if path not in OPEN])
def test_without_a_session_every_form_leads_to_signing_in(server, path):
    with server.stranger() as stranger:
        answer = stranger.client.post(filled(path), data={"csrf_token": ""})
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in")


def test_every_form_is_refused_below_its_role(server, visitors):
    vault, store = server.vault("guarded"), server.store("guarded", key="value")
    prod = "/ui/groups/prod"
    below = {
        "vera": [
            f"{prod}/vaults/new?strategy=env", f"{prod}/vaults/{vault}/edit", f"{prod}/vaults/{vault}/delete",
            f"{prod}/vaults/{vault}/check", f"{prod}/config-stores", f"{prod}/config-stores/{store}/rename",
            f"{prod}/config-stores/{store}/delete", f"{prod}/config-stores/{store}/secrets",
            f"{prod}/config-stores/{store}/secret", f"{prod}/config-stores/{store}/secret/delete",
        ],
        "edith": [
            f"{prod}/policies", f"{prod}/policies/p/delete", f"{prod}/node-tokens", f"{prod}/node-tokens/t/delete",
            f"{prod}/members", f"{prod}/members/vera/delete", f"{prod}/settings",
        ],
        "adam": [f"{prod}/delete", "/ui/groups", "/ui/users", "/ui/users/root", "/ui/users/root/delete"],
    }  # fmt: skip
    everybodys = {f"{prod}/references", "/ui/tokens", "/ui/tokens/t/delete", "/ui/sign-out", *OPEN}
    told = {
        re.sub(r"[^/]+-[^/]+-[^/]+-[^/]+-[^/]+", "X", path.partition("?")[0])
        for paths in below.values()
        for path in paths
    }
    assert len(told | everybodys) == len(FORMS), "a new form has to be listed here"

    for username, paths in below.items():
        visitor = visitors(username)
        fields = {"prefix": "made", "name": "made", "key": "key", "value": "new", "node": "n", "username": "vera"}
        for path in paths:
            answer = visitor.send(path, **fields, role="admin", effect="deny", password=PASSWORD)
            assert answer.status_code == 403, (username, path)
    assert server.api.get("/groups/prod/vaults/made").status_code == 404
    assert server.api.get(f"/v2/control-planes/prod/config-stores/{store}/secrets/key").json()["version"] == 1
    denied = server.api.get("/audit?outcome=denied&actor=user:vera&action=access").json()["data"]
    assert f"POST {prod}/vaults/{vault}/delete" in [entry["target"] for entry in denied]


def test_screens_for_others_look_as_if_they_were_not_there(server, visitors):
    server.api.post("/groups", json={"name": "hidden"})

    hidden, absent = (visitors("vera").get(f"/ui/groups/{name}/vaults") for name in ("hidden", "absent"))

    assert hidden.status_code == absent.status_code == 404
    assert hidden.text == absent.text
    for path in ("/ui/users", "/ui/audit", "/ui/groups/prod/audit", "/ui/groups/prod/members"):
        assert visitors("edith").get(path).status_code == 403
    assert visitors("edith").get("/ui/groups/prod/node-tokens").text.count("<form") == 1, "but for signing out"


def test_no_screen_shows_a_secret_or_runs_what_somebody_wrote_and_all_have_the_headers(server, visitors):
    root = visitors("root")

    for path in screens(server):
        answer = root.get(path)
        assert answer.status_code in (200, 400), path
        assert CANARY not in answer.text, path
        assert "<script>" not in answer.text, path
        assert "<img" not in answer.text, path
        assert not re.search(r"<style|\sstyle=|\son\w+=\"|javascript:", answer.text), path
        assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "unsafe" not in CONTENT_SECURITY_POLICY
    assert "&lt;script&gt;" in root.get("/ui/groups/prod/vaults?prefix=shown").text
    assert CANARY not in server.log()


def test_what_was_typed_comes_back_escaped_and_secrets_do_not_come_back(server, visitors):
    edith, adam = visitors("edith"), visitors("adam")
    new = "/ui/groups/prod/vaults/new?strategy=hcv"

    vault = edith.send(new, prefix=SCRIPT, tags=SCRIPT, **{"config.host": SCRIPT, "config.token": CANARY})
    store_id = server.store(f"typed {SCRIPT}")
    value = edith.send(f"/ui/groups/prod/config-stores/{store_id}/secrets", key="k", value=CANARY * 300)
    parsed = edith.send("/ui/groups/prod/references", reference=f"{{vault://a/{SCRIPT}}}")
    node = adam.send("/ui/groups/prod/node-tokens", node=SCRIPT)
    user = visitors("root").send("/ui/users", username=SCRIPT, password=CANARY[:5])

    for answer in (vault, value, parsed, node, user):
        assert "<script>alert" not in answer.text
        assert CANARY[:5] not in answer.text.replace("canary-that-no-screen-shows-", "")
    assert [answer.status_code for answer in (vault, value, node, user)] == [400] * 4


def test_static_files_are_two_and_nothing_else(server):
    with server.stranger() as stranger:
        for name, kind in (("page.css", "text/css"), ("page.js", "text/javascript")):
            answer = stranger.get(f"/ui/static/{name}")
            assert answer.headers["content-type"].startswith(kind)
            assert "immutable" in answer.headers["cache-control"]
        for name in ("..%2Fscreen.py", "../screen.py", "page.html"):
            assert stranger.get(f"/ui/static/{name}").status_code != 200


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ("/ui/groups/prod/audit", "/ui/groups/prod/audit"),
        ("https://elsewhere.test/ui/", "/ui"),
        ("//elsewhere.test/ui/", "/ui"),
        ("/ui//elsewhere.test", "/ui"),
        ("/ui/\\elsewhere.test", "/ui"),
        ("/ui/\r\nX: y", "/ui"),
        ("/audit/export", "/ui"),
    ],
)
def test_signing_in_leads_to_the_page_only(server, given, leads_to):
    with server.stranger() as stranger:
        answer = stranger.send("/ui/sign-in", screen="/ui/sign-in", username="vera", password=PASSWORD, next=given)
        assert answer.headers["location"] == leads_to


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"json": {"name": "x"}}, 415),
        ({"files": {"name": b"x"}}, 415),
        ({"data": {"name": "\0"}}, 400),
        ({"content": b"name=%ff", "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400),
        ({"content": b"a=1&" * 600, "headers": {"content-type": "application/x-www-form-urlencoded"}}, 400),
        ({"data": {"name": "x" * 2_000_000}}, 413),
    ],
)
def test_bodies_that_are_no_form_of_ours_are_refused(visitors, options, status):
    answer = visitors("root").client.post("/ui/groups", **options)

    assert answer.status_code == status
    assert "<h1>" in answer.text
