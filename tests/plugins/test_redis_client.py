from __future__ import annotations

import gc
import socket
import sys
from typing import Any

import pytest

from kong_vault_py import (
    AuthenticationError,
    MissingDependencyError,
    PermissionDeniedError,
    Secret,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.plugin_kit.redis_client import RedisClient
from kong_vault_py.plugin_kit.redis_settings import REDIS_FIELDS, RedisSettings
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from tests.servers.ports import free_port

pytestmark = pytest.mark.real("redis")


def client(server: Any = None, **config: Any) -> RedisClient:
    if server is not None:
        config = {"host": server.host, "port": server.port} | config
    return RedisClient(RedisSettings.from_config(with_defaults(REDIS_FIELDS, config)))


def test_a_value_is_written_with_its_time_and_read_back(redis_server):
    server = redis_server(password="sesame-open")
    made = client(server, password=Secret("sesame-open"), database=2)

    made.set("key", b"\x00\xff", 30)

    assert made.get("key") == b"\x00\xff"
    assert made.get("absent") is None
    with server.client(db=2) as direct:
        assert 29_000 < direct.pttl("key") <= 30_000


def test_an_acl_user_logs_in_by_name(redis_server):
    server = redis_server(users={"cache": "sesame-open"})
    made = client(server, username=Secret("cache"), password=Secret("sesame-open"))

    made.set("key", b"1", 30)

    assert made.get("key") == b"1"


@pytest.mark.parametrize("password", [None, Secret("wrong-password")])
def test_a_missing_or_wrong_password_is_an_authentication_error(redis_server, password):
    server = redis_server(password="sesame-open")

    with pytest.raises(AuthenticationError, match=r"^Redis at 127\.0\.0\.1:\d+ refuses the username or password$"):
        client(server, password=password).get("key")


def test_what_the_acl_forbids_is_a_permission_error(redis_server):
    server = redis_server()
    with server.client() as direct:
        direct.execute_command("ACL", "SETUSER", "reader", "on", ">sesame", "~*", "+get")
    made = client(server, username="reader", password="sesame")
    assert made.get("key") is None

    with pytest.raises(PermissionDeniedError, match="its ACL doesn't allow"):
        made.set("key", b"1", 30)


def test_a_key_of_another_type_reads_as_a_foreign_value_and_is_overwritten(redis_server):
    server = redis_server()
    made = client(server)
    with server.client() as direct:
        direct.rpush("key", "a")

    assert made.get("key") == b""
    made.set("key", b"1", 30)
    assert made.get("key") == b"1"


def test_nobody_there_is_unavailable():
    with pytest.raises(UnavailableError, match=r"^Redis at 127\.0\.0\.1:\d+ is unavailable: Connection refused$"):
        client(port=free_port()).get("key")


def test_a_host_from_a_vault_is_not_shown():
    with pytest.raises(UnavailableError) as raised:
        client(host=Secret("no-such-host.invalid")).get("key")

    assert "no-such-host" not in str(raised.value)


def test_a_server_that_says_nothing_is_a_timeout():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        made = client(port=silent.getsockname()[1], timeout=100)

        with pytest.raises(StrategyTimeoutError, match="did not answer in time"):
            made.get("key")


def test_a_connection_that_the_server_closed_is_replaced(redis_server):
    server = redis_server(password="sesame-open")
    made = client(server, password="sesame-open")
    made.set("key", b"1", 30)

    server.disconnect_clients()

    assert made.get("key") == b"1"


def test_tls_with_our_own_authority(redis_server, certificates):
    server = redis_server(tls=certificates)
    trusted = {"ssl": True, "ssl_ca_file": str(certificates.authority)}

    made = client(server, **trusted)
    made.set("key", b"1", 30)

    assert client(server, ssl=True, ssl_verify=False).get("key") == b"1"
    assert client(server, **trusted, server_name=Secret("localhost")).get("key") == b"1"
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        client(server, **trusted, server_name="redis.example").get("key")
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        client(server, ssl=True).get("key")


def test_equal_settings_share_a_client_and_its_connections_close_with_the_last_user(redis_server):
    server = redis_server()
    settings = RedisSettings.from_config(with_defaults(REDIS_FIELDS, {"host": server.host, "port": server.port}))
    one, other = RedisClient.shared(settings), RedisClient.shared(settings)
    assert one is other
    one.set("key", b"1", 30)

    with server.client() as direct:
        before = len(direct.client_list())
        del one, other
        gc.collect()
        assert len(direct.client_list()) == before - 1


def test_a_missing_package_is_named_with_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "redis", None)

    with pytest.raises(MissingDependencyError, match=r"pip install 'kong-vault-py\[redis\]'"):
        client()
