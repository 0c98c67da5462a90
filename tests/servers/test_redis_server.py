"""The Redis fixture does what its users rely on."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.servers.certificates import Certificates
from tests.servers.redis_server import RedisServer

pytestmark = pytest.mark.real("redis")

StartRedis = Callable[..., RedisServer]


def test_a_password_is_asked_for_and_can_change(redis_server: StartRedis) -> None:
    from redis.exceptions import AuthenticationError

    server = redis_server(password="first pw")
    with server.client() as client, server.client(password="wrong") as intruder:
        assert client.ping()
        with pytest.raises(AuthenticationError):
            intruder.ping()

    server.change_password("second")

    with server.client() as client, server.client(password="first pw") as late:
        assert client.ping()
        with pytest.raises(AuthenticationError):
            late.ping()


def test_users_have_passwords_of_their_own(redis_server: StartRedis) -> None:
    server = redis_server(password="default", users={"kong": "kongs"})

    with server.client(username="kong", password="kongs") as client:
        assert client.set("key", "value")
        assert client.acl_whoami() in ("kong", b"kong")


def test_tls_is_spoken_and_nothing_else(redis_server: StartRedis, certificates: Certificates) -> None:
    from redis.exceptions import ConnectionError as RedisConnectionError

    server = redis_server(password="pw", tls=certificates)

    with server.client() as client, server.client(ssl=False, ssl_ca_certs=None) as plain:
        assert client.ping()
        with pytest.raises(RedisConnectionError):
            plain.ping()


def test_it_starts_again_on_its_port(redis_server: StartRedis) -> None:
    server = redis_server()
    first = server.pid
    server.stop()
    assert server.pid is None

    server.start()

    with server.client() as client:
        assert client.ping()
    assert server.pid != first


def test_disconnected_clients_log_in_anew(redis_server: StartRedis) -> None:
    server = redis_server(password="pw")
    with server.client() as client:
        before = client.client_id()

        server.disconnect_clients()

        assert client.client_id() != before
