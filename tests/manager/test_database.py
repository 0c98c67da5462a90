"""Migrations: they make what the models say, once, whoever starts first; and both kinds of key stay private."""

import threading

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from kong_vault_py.config_store.key_file import add_to_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.database import Database
from kong_vault_py.manager.database.migrating import check_migrated, migrate
from kong_vault_py.manager.database.models import Base
from kong_vault_py.manager.key_rotation import rotate_master_key
from kong_vault_py.manager.service import Manager
from tests.manager.running import CHEAP, OWN_ON_SQLITE, manager_settings, open_manager


@pytest.fixture
def database(database_url):
    made = Database(database_url)
    yield made
    made.close()


def test_the_migrations_make_what_the_models_say(database):
    migrate(database)

    with database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_managers_that_start_together_take_turns(tmp_path, database_url):
    opened, failures = [], []
    settings = manager_settings(tmp_path, database_url)

    def start():
        try:
            opened.append(Manager.open(settings, hasher=CHEAP))
        except Exception as error:
            failures.append(error)

    # On an empty database, then on one that is up to date.
    for _ in range(2):
        threads = [threading.Thread(target=start) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    opened[0].groups.create("user:x", {"name": "prod"})
    opened[-1].groups.create("user:x", {"name": "test"})

    assert failures == []
    with opened[1].records.database.read() as session:
        assert opened[1].records.audit.verify(session).entries == 2, "all have one audit key"
    for manager in opened:
        manager.close()


@OWN_ON_SQLITE
def test_a_database_that_is_not_up_to_date_is_refused_unless_it_may_be_migrated(tmp_path, database, database_url):
    with pytest.raises(ConfigError, match="run kong-vault manager migrate"):
        Manager.open(manager_settings(tmp_path, database_url, migrate=False))
    migrate(database)
    assert check_migrated(database) == "0001"
    Manager.open(manager_settings(tmp_path, database_url, migrate=False), hasher=CHEAP).close()


@pytest.mark.parametrize(
    "url", ["nonsense", "mysql://u:canary@h/d", "sqlite://", "postgresql://u:canary@127.0.0.1:1/d"]
)
def test_a_database_that_can_not_be_used_is_told_without_its_password(tmp_path, url):
    with pytest.raises(ConfigError, match="manager database") as caught:
        open_manager(tmp_path, url)
    assert "canary" not in str(caught.value)


def test_a_running_manager_goes_on_while_the_master_key_changes(tmp_path, database_url):
    running, rotating = (open_manager(tmp_path, database_url) for _ in range(2))
    group_id = running.groups.create("user:x", {"name": "prod"})["id"]
    vault = {"name": "hcv", "config": {"token": "canary-token"}}
    running.vaults.put("user:x", group_id, "my-hcv", vault)
    store = running.stores.create("user:x", group_id, {})["id"]
    running.secrets.put("user:x", group_id, store, "k", {"value": "one"})
    running.secrets.put("user:x", group_id, store, "k", {"value": "two"})

    add_to_key_file(tmp_path / "master.key", new_key_text())
    rotating.records.envelope.reload()
    assert rotate_master_key(rotating.records) == 4, "a vault, two versions, the audit's key"

    changed = running.vaults.patch("user:x", group_id, "my-hcv", {"config": {"ttl": 5}})
    assert changed["config"]["token"] == "***"
    only_new = (tmp_path / "master.key").read_text().splitlines()[0]
    (tmp_path / "master.key").write_text(only_new + "\n")
    later = open_manager(tmp_path, database_url)
    later.vaults.patch("user:x", group_id, "my-hcv", {"config": {"token": "***"}})
    for manager in (running, rotating, later):
        manager.close()
