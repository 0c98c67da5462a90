"""What goes wrong around the manager: a full disk, a locked or absent database, a clock that jumps, hostile bodies."""

import sqlite3
import threading

import pytest
from sqlalchemy import event, text

from tests.manager.running import ON_SQLITE, PASSWORD, Clock, open_manager, running


@pytest.fixture
def served(tmp_path):
    """A running manager on SQLite that gives up waiting for the database soon."""
    clock = Clock()
    manager = open_manager(tmp_path, now=clock)
    event.listen(manager.records.database.engine, "connect", _hurry)
    manager.records.database.engine.dispose()
    with running(manager) as api:
        api.sign_in_root()
        api.clock = clock
        yield api


def _hurry(connection, _record):
    connection.execute("PRAGMA busy_timeout = 50").close()


def browser_of(api):
    browser = api.client()
    login = browser.post("/auth/login", json={"username": "root", "password": PASSWORD})
    browser.headers["X-CSRF-Token"] = login.json()["csrf_token"]
    return browser


def one_line(answer):
    """The message of an error's body."""
    message = answer.json()["message"]
    assert "\n" not in message
    for inside in ("Traceback", "sqlite", "sqlalchemy", "/", "SELECT", "INSERT"):
        assert inside not in message
    return message


def test_a_full_disk_refuses_changes_goes_on_reading_and_heals(served):
    group = served.group()
    served.root.put(f"/groups/{group}/vaults/kept", json={"name": "env"})
    engine = served.manager.records.database.engine

    def fill(connection, _record):
        connection.execute("PRAGMA max_page_count = 1").close()

    event.listen(engine, "connect", fill)
    engine.dispose()
    large = {"name": "env", "description": "x" * 2000, "tags": [f"tag-{n}" for n in range(500)]}
    refused = [served.root.put(f"/groups/{group}/vaults/more-{n}", json=large) for n in range(3)]

    assert {answer.status_code for answer in refused} == {503}
    assert one_line(refused[0]) == "the database does not answer"
    assert served.root.get(f"/groups/{group}/vaults/kept").status_code == 200
    assert served.client().get("/health").status_code == 200

    event.remove(engine, "connect", fill)
    engine.dispose()
    assert served.root.put(f"/groups/{group}/vaults/more", json=large).status_code == 200
    with served.manager.records.database.read() as session:
        assert served.manager.records.audit.verify(session).entries > 3


def test_a_locked_database_refuses_changes_and_goes_on_reading(served, tmp_path):
    group, browser = served.group(), browser_of(served)
    viewer, node = served.user({group: "viewer"}), served.node(group)
    lock = sqlite3.connect(tmp_path / "manager.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    served.clock.seconds += 300

    try:
        changed = served.root.put(f"/groups/{group}/vaults/abc", json={"name": "env"})
        read = served.root.get(f"/groups/{group}/vaults")
        by_session = browser.get(f"/groups/{group}/vaults")
        denied = viewer.put(f"/groups/{group}/vaults/abc", json={"name": "env"})
        strange = served.client("nobodys").get("/groups")
        synced = node.get("/dataplane/v1/vaults")
    finally:
        lock.execute("ROLLBACK")
        lock.close()

    assert (changed.status_code, one_line(changed)) == (503, "the database does not answer")
    assert read.status_code == synced.status_code == 200
    assert by_session.status_code == 200, "that it was used can be noted later"
    assert denied.status_code == 403, "whether the audit can be written or not"
    assert strange.status_code == 401
    assert served.root.put(f"/groups/{group}/vaults/abc", json={"name": "env"}).status_code == 200


def test_no_connection_left_is_a_503(served):
    pool = served.manager.records.database.engine.pool
    pool._timeout, pool._max_overflow = 0.05, 0
    held = [served.manager.records.database.engine.connect() for _ in range(pool.size())]

    try:
        answer = served.client().get("/health")
    finally:
        for connection in held:
            connection.close()

    assert (answer.status_code, one_line(answer)) == (503, "the database does not answer")


def test_a_broken_seal_is_told_to_the_log_and_not_to_whoever_asks(served, caplog):
    group = served.group()
    served.root.put(f"/groups/{group}/vaults/my-hcv", json={"name": "hcv", "config": {"token": "a-token"}})
    with served.manager.records.database.write() as session:
        session.execute(text("UPDATE vaults SET sealed = (SELECT sealed FROM sealed_keys)"))

    changed = served.root.patch(f"/groups/{group}/vaults/my-hcv", json={"config": {"token": "***"}})
    synced = served.node(group).get("/dataplane/v1/vaults")

    assert changed.status_code == synced.status_code == 500
    assert one_line(changed) == one_line(synced) == "the manager can't do this: its log says why"
    assert "seal" in caplog.text


def test_a_clock_that_was_ahead_locks_nobody_out_and_leaves_no_session_for_ever(served):
    served.clock.seconds += 86400 * 365
    browser = browser_of(served)
    for _ in range(11):
        served.client().post("/auth/login", json={"username": "root", "password": "wrong"})
    served.clock.seconds -= 86400 * 365

    signed_in = served.client().post("/auth/login", json={"username": "root", "password": PASSWORD})

    assert signed_in.status_code == 200
    assert browser.get("/auth/me").status_code == 401
    browser = browser_of(served)
    served.clock.seconds -= 60
    assert browser.get("/auth/me").status_code == 200, "a little is nothing"


@ON_SQLITE
@pytest.mark.parametrize("depth", [70, 200, 400, 900, 100_000])
def test_however_deep_a_body_is_it_is_refused_or_taken(api, group, depth):
    node = api.node(group)
    body = '{"status": {"x": ' + "[" * depth + "]" * depth + "}}"

    answer = node.post("/dataplane/v1/report", content=body, headers={"Content-Type": "application/json"})

    assert answer.status_code == 400
    assert api.root.get(f"/groups/{group}/nodes").json() == {"data": []}


@ON_SQLITE
def test_a_vault_has_so_many_tags_and_a_deck_file_such_a_size(kong):
    tags = [f"tag-{number}" for number in range(1001)]

    refused = kong.put("/vaults/abc", json={"name": "env", "tags": tags})
    large = kong.post("/deck", content=b"#" * (4 * 1024 * 1024 + 1))

    assert (refused.status_code, refused.json()["fields"]) == (400, {"tags": "length must be at most 1000"})
    assert large.status_code == 413


def test_many_who_write_at_once_all_succeed_or_hear_why(served):
    group, answers = served.group(), []

    def write(number):
        client = served.client(served.root.headers["Authorization"].removeprefix("Bearer "))
        answers.extend(
            client.put(f"/groups/{group}/vaults/v-{number}-{turn}", json={"name": "env"}) for turn in range(5)
        )

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    statuses = [answer.status_code for answer in answers]
    assert set(statuses) <= {200, 503}
    kept = served.root.get(f"/groups/{group}/vaults?size=1000").json()["data"]
    assert len(kept) == statuses.count(200)


def test_behind_a_proxy_that_speaks_tls_the_cookie_is_for_tls_only(tmp_path):
    with running(open_manager(tmp_path, plain_http=True)) as api:
        api.sign_in_root()
        login = api.client().post("/auth/login", json={"username": "root", "password": PASSWORD})

    assert login.headers["set-cookie"].startswith("__Host-kong-vault-session=")
    assert "Secure" in login.headers["set-cookie"]
    assert login.headers["Strict-Transport-Security"]
