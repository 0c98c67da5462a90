"""Who may do what: users, roles, sessions, tokens, the first administrator."""

import pytest

from tests.manager.running import ON_SQLITE, OWN_ON_SQLITE, PASSWORD


def sign_in(api, username="root", password=PASSWORD):
    browser = api.client()
    return browser, browser.post("/auth/login", json={"username": username, "password": password})


@ON_SQLITE
def test_a_group_without_a_role_looks_like_one_that_is_not_there(api, group):
    stranger = api.user()

    hidden = stranger.get(f"/groups/{group}/vaults")
    absent = stranger.get("/groups/no-such-group/vaults")

    assert (hidden.status_code, hidden.text) == (absent.status_code, absent.text) == (404, '{"message":"Not found"}')
    assert stranger.get("/groups").json() == {"data": []}
    denied = api.root.get("/audit?outcome=denied&action=access").json()["data"]
    assert denied[0]["target"] == "GET /groups/no-such-group/vaults"


@ON_SQLITE
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nope"}, {"Kong-Admin-Token": "nope"}])
def test_nothing_answers_strangers_but_health(api, group, headers):
    stranger = api.client()
    stranger.headers.update(headers)

    for path in (
        f"/groups/{group}/vaults",
        "/groups",
        "/audit",
        "/metrics",
        "/users",
        "/auth/me",
        "/dataplane/v1/vaults",
    ):
        answer = stranger.get(path)
        assert (answer.status_code, answer.json()) == (401, {"message": "Unauthorized"}), path
    assert stranger.get("/health").json() == {"status": "ok"}


@ON_SQLITE
def test_kongs_own_header_carries_a_token_too(api, group):
    client = api.client()
    client.headers["Kong-Admin-Token"] = api.token_of("root")

    assert client.get(f"/groups/{group}/vaults").status_code == 200


@ON_SQLITE
def test_a_session_needs_its_csrf_token_for_changes(api, group):
    browser, login = sign_in(api)

    assert browser.get(f"/groups/{group}/vaults").status_code == 200
    assert browser.put(f"/groups/{group}/vaults/abc", json={"name": "env"}).status_code == 403
    csrf = {"X-CSRF-Token": login.json()["csrf_token"]}
    assert browser.put(f"/groups/{group}/vaults/abc", json={"name": "env"}, headers=csrf).status_code == 200
    assert browser.post("/auth/logout", headers=csrf).status_code == 204
    browser.cookies.set("kong-vault-session", login.cookies["kong-vault-session"])
    assert browser.get("/auth/me").status_code == 401, "the session is over, not only the cookie"


@ON_SQLITE
def test_the_cookie_is_out_of_scripts_and_other_sites_reach(api):
    _, login = sign_in(api)

    cookie = login.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert login.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in login.headers["Content-Security-Policy"]
    assert login.headers["X-Content-Type-Options"] == "nosniff"


@OWN_ON_SQLITE
def test_a_session_ends_by_time_and_when_nobody_uses_it(own_api, clock):
    used, _ = sign_in(own_api)
    idle, _ = sign_in(own_api)

    for _ in range(15):
        clock.seconds += 1800
        assert used.get("/auth/me").status_code == 200
    assert idle.get("/auth/me").status_code == 401
    clock.seconds += 1800
    assert used.get("/auth/me").status_code == 401


def test_guessing_a_password_is_slowed_down(own_api, clock):
    own_api.root.post("/users", json={"username": "ann", "password": PASSWORD})
    answers = [sign_in(own_api, "ann", "wrong")[1] for _ in range(11)]

    assert [answer.status_code for answer in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 300
    assert sign_in(own_api, "ann")[1].status_code == 429, "even the right one"
    clock.seconds += 301
    assert sign_in(own_api, "ann")[1].status_code == 200
    denied = own_api.root.get("/audit?action=login&outcome=denied").json()["data"]
    assert [entry["actor"] for entry in denied] == ["user:ann"] * 10


@OWN_ON_SQLITE
def test_an_unknown_user_and_a_wrong_password_look_the_same(own_api):
    wrong, unknown = sign_in(own_api, "root", "wrong")[1], sign_in(own_api, "nobody", "wrong")[1]

    assert (wrong.status_code, wrong.text) == (unknown.status_code, unknown.text)


def test_an_api_token_ends_by_time_and_by_its_owner(own_api, clock):
    made = own_api.root.post("/auth/tokens", json={"name": "ci", "expires_in_s": 60}).json()
    client = own_api.client(made["token"])
    other = own_api.client(own_api.token_of("root"))

    assert client.get("/auth/me").status_code == 200
    clock.seconds += 60
    assert client.get("/auth/me").status_code == 401
    listed = other.get("/auth/tokens").json()["data"]
    assert {entry["name"] for entry in listed} == {"ci", "test"}
    assert made["token"] not in str(listed)
    for entry in listed:
        assert other.delete(f"/auth/tokens/{entry['id']}").status_code in (204, 401)
    assert other.get("/auth/me").status_code == 401


@OWN_ON_SQLITE
def test_a_disabled_user_is_out_at_once(own_api):
    own_api.root.post("/users", json={"username": "ann", "password": PASSWORD})
    token, (browser, _) = own_api.client(own_api.token_of("ann")), sign_in(own_api, "ann")

    assert own_api.root.patch("/users/ann", json={"disabled": True}).status_code == 200

    assert token.get("/auth/me").status_code == browser.get("/auth/me").status_code == 401
    assert sign_in(own_api, "ann")[1].status_code == 401


@OWN_ON_SQLITE
def test_there_is_always_a_superadmin(own_api):
    assert own_api.root.patch("/users/root", json={"superadmin": False}).status_code == 409
    assert own_api.root.delete("/users/root").status_code == 409


def test_the_bootstrap_token_works_once_and_is_for_its_owner_only(manager):
    path = manager.bootstrap.prepare()
    token = path.read_text().strip()
    assert path.stat().st_mode & 0o777 == 0o600
    assert manager.bootstrap.prepare() == path
    assert path.read_text().strip() == token, "a second start doesn't change it"

    manager.bootstrap.use({"token": token, "username": "root", "password": PASSWORD})

    assert not path.exists()
    assert manager.bootstrap.prepare() is None
    with pytest.raises(Exception, match="wrong bootstrap token"):
        manager.bootstrap.use({"token": token, "username": "eve", "password": PASSWORD})


@ON_SQLITE
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"username": "a b", "password": PASSWORD}, "username"),
        ({"username": "bob", "password": "short"}, "password"),
        ({"username": "bob"}, "password"),
        ({"username": "bob", "password": PASSWORD, "superadmin": 1}, "superadmin"),
        ({"username": "bob", "password": PASSWORD, "x": 1}, "x"),
    ],
)
def test_a_user_that_will_not_do_is_refused_without_showing_the_password(api, body, field):
    refused = api.root.post("/users", json=body)

    assert refused.status_code == 400
    assert field in refused.json()["fields"]
    assert PASSWORD not in refused.text
