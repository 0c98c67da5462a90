"""The audit: complete, append-only, and any change of it shows."""

import json

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.audit.log import AuditBrokenError
from kong_vault_py.manager.key_rotation import rotate_master_key
from tests.manager.running import ON_SQLITE, OWN_ON_SQLITE


def verify(manager):
    with manager.records.database.read() as session:
        return manager.records.audit.verify(session)


def fill(manager, count=5):
    for number in range(count):
        with manager.records.database.write() as session:
            manager.records.audit.append(
                session, Event("user:ann", "vault.update", f"v-{number}", details={"n": number})
            )


def tamper(manager, *statements):
    """Do what somebody with all rights on the database could."""
    with manager.records.database.write() as session:
        if manager.records.database.is_sqlite:
            session.execute(text("DROP TRIGGER audit_no_update"))
            session.execute(text("DROP TRIGGER audit_no_delete"))
        else:
            session.execute(text("DROP TRIGGER audit_append_only ON audit"))
        for statement in statements:
            session.execute(text(statement))


def test_an_untouched_audit_is_whole(manager):
    assert verify(manager).entries == 0
    fill(manager)
    assert verify(manager).entries == 5


@OWN_ON_SQLITE
@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE audit SET actor = 'user:bob' WHERE seq = 3", "entry 3 was changed"),
        ("UPDATE audit SET details = '{}' WHERE seq = 2", "entry 2 was changed"),
        ("DELETE FROM audit WHERE seq = 3", "entry 3 is missing"),
        ("DELETE FROM audit WHERE seq = 1", "entry 1 is missing"),
        ("DELETE FROM audit WHERE seq = 5", "ends at entry 4"),
        ("DELETE FROM audit", "ends at entry 0"),
        ("UPDATE audit_head SET seq = 4, mac = (SELECT mac FROM audit WHERE seq = 4)", "ends at entry 5"),
    ],
)
def test_a_changed_or_removed_entry_shows(manager, statement, message):
    fill(manager)
    tamper(manager, statement)

    with pytest.raises(AuditBrokenError, match=message):
        verify(manager)


@OWN_ON_SQLITE
def test_an_end_that_is_cut_off_together_with_its_head_shows(manager):
    fill(manager)
    cut = "UPDATE audit_head SET seq = 4, mac = (SELECT mac FROM audit WHERE seq = 4)"
    tamper(manager, "DELETE FROM audit WHERE seq = 5", cut)

    with pytest.raises(AuditBrokenError, match="ends at entry 4"):
        verify(manager)


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit"])
def test_the_database_itself_refuses_to_change_an_entry(manager, statement):
    fill(manager, 1)

    with pytest.raises(DBAPIError, match="append-only"), manager.records.database.write() as session:
        session.execute(text(statement))


@OWN_ON_SQLITE
def test_a_change_that_fails_leaves_no_entry(manager):
    def fail():
        with manager.records.database.write() as session:
            manager.records.audit.append(session, Event("user:ann", "vault.update", "v"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()

    assert verify(manager).entries == 0


@OWN_ON_SQLITE
def test_it_is_still_whole_under_a_new_master_key(manager):
    fill(manager)
    assert rotate_master_key(manager.records) == 0, "all is under the current key already"
    assert verify(manager).entries == 6


def test_filters_pages_and_export(own_api):
    group = own_api.group()
    for number in range(5):
        own_api.root.put(f"/groups/{group}/vaults/v-{number}", json={"name": "env"})
    own_api.root.delete(f"/groups/{group}/vaults/v-0")

    def found(query):
        return [entry["target"] for entry in own_api.root.get(f"/audit?{query}").json()["data"]]

    assert found(f"group={group}&action=vault.") == ["v-0", "v-4", "v-3", "v-2", "v-1", "v-0"]
    assert found("action=vault.delete") == ["v-0"]
    assert found("action=vault.create&target=3") == ["v-3"]
    assert found("actor=user:nobody") == []
    assert found("until=1800000000") == []
    page = own_api.root.get("/audit?action=vault.create&size=2").json()
    assert [entry["target"] for entry in page["data"]] == ["v-4", "v-3"]
    assert found(f"action=vault.create&size=2&before={page['next']}") == ["v-2", "v-1"]
    lines = own_api.root.get("/audit/export?action=vault.").text.splitlines()
    assert [json.loads(line)["target"] for line in lines] == ["v-0", "v-1", "v-2", "v-3", "v-4", "v-0"]
    assert own_api.root.get("/audit?since=x").status_code == 400


@ON_SQLITE
def test_an_admin_sees_their_own_groups_only(api, group):
    other = api.group()
    for name in (group, other):
        api.root.put(f"/groups/{name}/vaults/abc", json={"name": "env"})
    admin = api.user({group: "admin"})

    groups = {entry["group"] for entry in admin.get("/audit").json()["data"]}

    assert groups == {api.root.get(f"/groups/{group}").json()["id"]}
    assert admin.get(f"/audit?group={other}").status_code == 404
    assert api.user({group: "editor"}).get("/audit/export").status_code == 403
