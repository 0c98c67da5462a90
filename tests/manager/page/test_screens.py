"""The screens without a browser: what is rarely done, and what needs a manager of its own."""

import re

import pytest

from tests.manager.page.page_server import PASSWORD, Visitor
from tests.manager.running import Clock, open_manager, running

ROOT = "user:root"


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(tmp_path, clock):
    made = open_manager(tmp_path, now=clock)
    made.bootstrap.prepare()
    yield made
    made.close()


@pytest.fixture
def visitor(manager):
    """Somebody who isn't signed in."""
    with running(manager) as served:
        yield Visitor(served.client())


@pytest.fixture
def root(manager, visitor):
    """The first administrator, made and signed in by the page."""
    made = visitor
    screen, token = "/ui/first-administrator", manager.settings.bootstrap_file.read_text().strip()
    assert made.send(screen, screen=screen, token="wrong", username="root", password=PASSWORD).status_code == 401
    made.csrf_token = ""
    assert made.send(screen, screen=screen, token=token, username="root", password=PASSWORD).status_code == 303
    made.csrf_token = ""
    assert made.sign_in("root").status_code == 303
    return made


def test_wrong_logins_are_limited_and_the_right_one_waits_too(manager, visitor, clock):
    manager.users.create(ROOT, {"username": "ann", "password": PASSWORD})

    for _ in range(10):
        refused = visitor.sign_in("ann", "wrong password")
        assert refused.status_code == 401
        assert "wrong user name or password" in refused.text
    limited = visitor.sign_in("ann")

    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) > 0
    assert "Too many failed attempts" in limited.text
    clock.seconds += 301
    assert visitor.sign_in("ann").status_code == 303


def test_with_tls_its_cookies_are_for_this_host_over_tls_alone(tmp_path):
    manager = open_manager(tmp_path, tls_cert="cert.pem", tls_key="key.pem")
    manager.users.create(ROOT, {"username": "ann", "password": PASSWORD})
    with running(manager) as served:
        # By hand: no client sends such cookies back without TLS.
        visitor = Visitor(served.client())
        shown = visitor.get("/ui/sign-in")
        visitor.client.headers["Cookie"] = shown.headers["set-cookie"].partition(";")[0]
        visitor.csrf_token = re.search(r'name="csrf_token" value="([^"]+)"', shown.text)[1]
        cookies = [shown.headers["set-cookie"], *visitor.sign_in("ann").headers.get_list("set-cookie")]

    assert len(cookies) == 3
    for cookie in cookies:
        assert cookie.startswith("__Host-kong-vault-")
        for word in ("Secure", "HttpOnly", "Path=/", "SameSite=strict"):
            assert word in cookie


def test_a_session_that_is_over_leads_to_signing_in_and_back(root, clock):
    clock.seconds += 9 * 3600

    answer = root.get("/ui/groups")

    assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in?next=%2Fui%2Fgroups")


def test_a_groups_life(root, manager):
    assert root.send("/ui/groups", name="prod", description="ours").headers["location"].startswith("/ui/groups/prod/")
    taken = root.send("/ui/groups", name="prod")
    assert (taken.status_code, "another one has this already" in taken.text) == (409, True)

    root.send("/ui/groups/prod/settings", name="live", description="")
    assert [(group["name"], group["description"]) for group in manager.groups.all()] == [("live", None)]
    assert root.send("/ui/groups/live/settings", name="a/b").status_code == 400

    root.send("/ui/groups/live/vaults/new?strategy=env", prefix="my-env")
    kept = root.send("/ui/groups/live/delete")
    assert (kept.status_code, "the group still has vaults" in kept.text) == (409, True)
    [vault] = manager.vaults.page(manager.groups.get("live")["id"])[0]
    root.send(f"/ui/groups/live/vaults/{vault['id']}/delete")
    assert root.send("/ui/groups/live/delete").headers["location"] == "/ui/groups?done=deleted"


def test_vaults_are_found_by_prefix_and_tag_page_by_page(root, manager):
    group = manager.groups.create(ROOT, {"name": "prod"})["id"]
    entities = [{"name": "env", "prefix": f"v-{number:03}", "tags": [f"t{number % 2}"]} for number in range(120)]
    manager.vaults.put_many(ROOT, group, entities)

    def seen(path):
        text = root.get(path).text
        following = re.search(r'rel="next" href="([^"]+)"', text)
        return re.findall(r'<th scope="row"><a [^>]+>(v-\d+)</a>', text), following and following[1].replace(
            "&amp;", "&"
        )

    found, path = [], "/ui/groups/prod/vaults"
    while path:
        page, path = seen(path)
        assert 0 < len(page) <= 50
        found += page
    assert found == [f"v-{number:03}" for number in range(120)]
    assert seen("/ui/groups/prod/vaults?prefix=-11")[0] == [f"v-11{digit}" for digit in range(10)]
    assert seen("/ui/groups/prod/vaults?prefix=-11&tag=t1")[0] == ["v-111", "v-113", "v-115", "v-117", "v-119"]
    assert seen("/ui/groups/prod/vaults?prefix=%25") == ([], None)
    assert "No vault matches" in root.get("/ui/groups/prod/vaults?tag=none").text


def test_a_change_on_top_of_anothers_is_not_saved(root, manager, clock):
    group = manager.groups.create(ROOT, {"name": "prod"})["id"]
    vault = manager.vaults.create(ROOT, group, {"name": "env", "prefix": "my-env"})
    path, seen = f"/ui/groups/prod/vaults/{vault['id']}/edit", str(vault["updated_at"])
    clock.seconds += 5
    manager.vaults.patch("user:other", group, "my-env", {"description": "theirs"})

    answer = root.send(path, prefix="my-env", description="mine", updated_at=seen)

    assert (answer.status_code, "somebody changed this vault" in answer.text) == (400, True)
    assert manager.vaults.get(group, "my-env")["description"] == "theirs"
    again = root.send(path, prefix="my-env", description="mine", updated_at=str(clock.seconds))
    assert (again.status_code, manager.vaults.get(group, "my-env")["description"]) == (303, "mine")


def test_a_stored_credential_can_not_be_sent_to_another_server(root, manager):
    group = manager.groups.create(ROOT, {"name": "prod"})["id"]
    given = {"name": "hcv", "prefix": "my-hcv", "config": {"token": "canary-token"}}
    vault = manager.vaults.create(ROOT, group, given)
    path = f"/ui/groups/prod/vaults/{vault['id']}/edit"
    form = {"prefix": "my-hcv", "updated_at": str(vault["updated_at"]), "config.ssl_verify": "on"}

    answer = root.send(path, **form, **{"config.host": "elsewhere.test"})
    assert (answer.status_code, "give it again" in answer.text) == (400, True)

    other = {"config.host": "elsewhere.test", "config.auth_method": "kubernetes", "config.kube_role": "reader"}
    forgotten = root.send(path, **form, **other, **{"forget.token": "on"})
    assert forgotten.status_code == 303
    assert manager.vaults.get(group, "my-hcv")["config"]["token"] is None


def test_the_status_shows_each_nodes_ages_failures_and_silence(root, manager, clock):
    group = manager.groups.create(ROOT, {"name": "prod"})["id"]
    node = manager.nodes.by_token(manager.nodes.create_token(ROOT, group, {"node": "gw-1"})["token"])
    good = {"references": ["{vault://a/good}"], "prefix": "a", "strategy": "env", "age_s": 90, "refresh_in_s": 30}
    bad = {"references": ["{vault://a/bad}"], "prefix": "a", "failures": 3, "error": "denied", "refresh_in_s": -240}
    manager.reports.take(node, {"node": {"version": "9.9"}, "status": {"resources": [good, bad]}})

    def cells(path):
        rows = re.findall(r"<tr>(.*?)</tr>", root.get(path).text, re.DOTALL)
        return [
            [
                " ".join(re.sub(r"<[^>]+>", " ", cell).split())
                for cell in re.findall(r"<t[hd].*?</t[hd]>", row, re.DOTALL)
            ]
            for row in rows[1:]
        ]

    assert cells("/ui/groups/prod/status")[0][:5] == ["gw-1", "0 s ago", "2", "1", "90 s"]
    rows = cells("/ui/groups/prod/status/gw-1")
    assert rows[0][:4] == ["{vault://a/good}", "env", "90 s", "in 30 s"]
    assert [rows[1][place] for place in (0, 2, 3, 6)] == [
        "{vault://a/bad}",
        "never fetched",
        "4 min late",
        "3 failed denied",
    ]
    assert (
        len(cells("/ui/groups/prod/status/gw-1?failing=1"))
        == len(cells("/ui/groups/prod/status/gw-1?reference=good"))
        == 1
    )
    assert root.get("/ui/groups/prod/status/gw-2").status_code == 404
    clock.seconds += 600
    assert "late" in cells("/ui/groups/prod/status")[0][1]


def test_policies_roles_tokens_and_users_come_and_go(root, manager):
    group = manager.groups.create(ROOT, {"name": "prod"})["id"]

    assert root.send("/ui/groups/prod/policies", effect="deny", prefix="my-*", node="").status_code == 303
    [policy] = manager.policies.all(group)
    assert (policy["effect"], policy["prefix"], policy["node"]) == ("deny", "my-*", "*")
    assert root.send("/ui/groups/prod/policies", effect="maybe").status_code == 400
    root.send(f"/ui/groups/prod/policies/{policy['id']}/delete")
    assert manager.policies.all(group) == []

    assert root.send("/ui/users", username="ann", password="short").status_code == 400
    path = root.send("/ui/users", username="ann", password=PASSWORD).headers["location"].partition("?")[0]
    root.send("/ui/groups/prod/members", username="ann", role="viewer")
    assert "ann" in root.get("/ui/groups/prod/members").text
    assert root.send("/ui/groups/prod/members", username="nobody", role="viewer").status_code == 404
    root.send("/ui/groups/prod/members/ann/delete")
    assert manager.users.get("ann")["roles"] == {}
    assert root.send(path, password="another password").status_code == 303
    root.send(path, superadmin="on", disabled="on")
    assert (manager.users.get("ann")["superadmin"], manager.users.get("ann")["disabled"]) == (True, True)
    root.send(f"{path}/delete")
    assert [user["username"] for user in manager.users.all()] == ["root"]
    last = root.send(f"/ui/users/{manager.users.get('root')['id']}")
    assert (last.status_code, "this is the last superadmin" in last.text) == (409, True)

    made = root.send("/ui/tokens", name="mine", days="30")
    token = re.search(r'id="token">([^<]+)<', made.text)[1]
    assert (made.status_code, manager.signing_in.by_token(token).username) == (201, "root")
    assert token not in root.get("/ui/tokens").text
    [shown] = re.findall(r"/ui/tokens/[^/]+/delete", root.get("/ui/tokens").text)
    root.send(shown)
    assert manager.signing_in.by_token(token) is None
    assert root.send("/ui/tokens", name="mine", days="many").status_code == 400


def test_a_database_that_does_not_answer_is_told_on_a_screen(root, manager, caplog):
    manager.records.database.engine.dispose()
    with manager.records.database.write() as session:
        session.connection().exec_driver_sql("DROP TABLE config_stores")
    manager.groups.create(ROOT, {"name": "prod"})

    answer = root.get("/ui/groups/prod/config-stores")

    assert answer.status_code == 503
    assert "<h1>The database does not answer</h1>" in answer.text
    assert "database: OperationalError" in caplog.text
