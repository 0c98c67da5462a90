from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from kong_vault_py import AuthenticationError, SecretNotFoundError, UnavailableError
from kong_vault_py.plugin import bind
from kong_vault_py.plugin_kit.caching.storage_redis import KEY_PREFIX, RedisStorage
from kong_vault_py.plugin_kit.redis_settings import REDIS_FIELDS
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from kong_vault_py.strategies.fs import FsStrategy

pytestmark = [pytest.mark.real("redis"), pytest.mark.usefixtures("installed_vault")]

PASSWORD = "{vault://fs/password}"


def storage(server: Any, clock: Callable[[], float] = time.monotonic, **redis: Any) -> RedisStorage:
    section = {"host": server.host, "port": server.port, "password": PASSWORD, "timeout": 500} | redis
    return RedisStorage(bind({"redis": with_defaults(REDIS_FIELDS, section)}), clock)


def test_entries_are_stored_under_our_own_prefix(redis_server, secrets):
    secrets.write("password", "sesame-open")
    server = redis_server(password="sesame-open")
    cache = storage(server)

    cache.store("abc", b"1", 30)

    assert cache.fetch("abc") == b"1"
    with server.client() as direct:
        assert direct.keys() == [f"{KEY_PREFIX}abc".encode()]


def test_a_rotated_password_is_picked_up_at_the_first_refusal(redis_server, secrets):
    secrets.write("password", "sesame-one")
    server = redis_server(password="sesame-one")
    cache = storage(server)
    cache.store("abc", b"1", 30)

    secrets.write("password", "sesame-two")
    server.change_password("sesame-two")
    assert cache.fetch("abc") == b"1", "a connection that is logged in stays so"
    server.disconnect_clients()

    assert cache.fetch("abc") == b"1"


def test_a_vault_that_is_ahead_of_redis_does_not_disturb(redis_server, secrets, installed_vault):
    secrets.write("password", "sesame-one")
    server = redis_server(password="sesame-one")
    cache = storage(server)
    cache.store("abc", b"1", 30)

    secrets.write("password", "sesame-two")
    installed_vault.flush()
    assert [cache.fetch("abc") for _ in range(3)] == [b"1"] * 3, "by the connections of the old password"
    server.change_password("sesame-two")
    server.disconnect_clients()

    assert [cache.fetch("abc") for _ in range(3)] == [b"1"] * 3, "by the new one"


def test_a_password_that_the_vault_has_too_early_is_tried_once_per_pause(redis_server, secrets, installed_vault):
    secrets.write("password", "sesame-one")
    server = redis_server(password="sesame-one")
    now_s = [1000.0]
    cache = storage(server, clock=lambda: now_s[0])
    cache.store("abc", b"1", 30)
    secrets.write("password", "sesame-two")
    installed_vault.flush()

    for pause in range(3):
        now_s[0] += pause
        for _ in range(5):
            cache.fetch("abc")

    with server.client() as direct:
        assert sum(int(entry["count"]) for entry in direct.acl_log()) == 3


def test_username_and_password_rotate_together(redis_server, secrets):
    secrets.write("redis", '{"user": "blue", "password": "sesame-one"}')
    server = redis_server(users={"blue": "sesame-one", "green": "sesame-two"})
    cache = storage(server, username="{vault://fs/redis/user}", password="{vault://fs/redis/password}")
    cache.store("abc", b"1", 30)

    secrets.write("redis", '{"user": "green", "password": "sesame-two"}')
    with server.client() as direct:
        direct.acl_deluser("blue")

    assert cache.fetch("abc") == b"1"


def test_references_stand_in_every_option(redis_server, secrets, certificates):
    server = redis_server(password="sesame-open", tls=certificates)
    values = {
        "host": server.host,
        "port": str(server.port),
        "user": "default",
        "password": "open",
        "database": "1",
        "ssl": "true",
        "verify": "on",
        "name": "localhost",
        "timeout": "750",
    }
    for name, value in values.items():
        secrets.write(name, value)
    cache = storage(
        server,
        host="{vault://fs/host}",
        port=1,
        username="{vault://fs/user}",
        password="sesame-{vault://fs/password}",
        server_name="{vault://fs/name}",
        ssl_ca_file=str(certificates.authority),
        references={
            "port": "{vault://fs/port}",
            "database": "{vault://fs/database}",
            "ssl": "{vault://fs/ssl}",
            "ssl_verify": "{vault://fs/verify}",
            "timeout": "{vault://fs/timeout}",
        },
    )

    cache.store("abc", b"1", 30)

    with server.client(db=1) as direct:
        assert direct.keys() == [f"{KEY_PREFIX}abc".encode()]


def test_a_password_that_stays_wrong_is_refused_after_one_refresh(redis_server, secrets):
    secrets.write("password", "wrong-password")
    server = redis_server(password="sesame-open")

    with pytest.raises(AuthenticationError, match="refuses the username or password"):
        storage(server).fetch("abc")


def test_a_redis_that_is_down_is_no_reason_to_ask_the_vault(redis_server, secrets, monkeypatch):
    secrets.write("password", "sesame-open")
    server = redis_server(password="sesame-open")
    cache = storage(server)
    assert cache.fetch("abc") is None
    asked: list[str] = []
    monkeypatch.setattr(FsStrategy, "fetch", lambda _, resource, *__, **___: asked.append(resource))
    server.stop()

    with pytest.raises(UnavailableError, match="Connection refused"):
        cache.fetch("abc")

    assert asked == []


def test_a_secret_that_is_missing_is_an_error_of_the_vault(redis_server, secrets):
    with pytest.raises(SecretNotFoundError, match="vault://fs/password"):
        storage(redis_server()).fetch("abc")
