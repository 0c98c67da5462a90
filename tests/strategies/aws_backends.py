"""Prepares moto's AWS for the tests of the aws strategy, with the permissions that the documentation recommends."""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kong_vault_py.options import build_config
from kong_vault_py.strategies.aws import AwsConfig, AwsStrategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.moto_server import REGION, Keys, MotoServer
from tests.servers.ports import free_port

READ = ["secretsmanager:GetSecretValue", "secretsmanager:BatchGetSecretValue"]
_MALFORMED = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"SecretString":1}',
    b'HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{"SecretBinary":"x"}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
]


def aws_strategy(**options: object) -> AwsStrategy:
    """Make a strategy; ``options`` as an operator writes them."""
    return AwsStrategy(build_config(AwsConfig, {"region": REGION} | options, where="vault 'test'"))


def isolate(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Take everything out of the environment that the SDK could find an identity by."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def be(monkeypatch: pytest.MonkeyPatch, keys: Keys) -> None:
    """Put an access key where the SDK's default chain looks first."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", keys.key_id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", keys.secret)


def unique(name: str) -> str:
    """Return a name that no other test uses."""
    return f"{name}-{secrets.token_hex(4)}"


@contextmanager
def _unlogged() -> Iterator[None]:
    """Keep the SDK from logging the administrator's requests: the suite searches the logs for the strategy's."""
    logging.disable(logging.DEBUG)
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


class AwsBackend(StrategyBackend):
    """Secrets of one moto server, and a user who may read them.

    Args:
        server: the emulator.
        monkeypatch: sets the environment that credentials are found in, when a strategy is made.
    """

    malformed_answers = _MALFORMED

    def __init__(self, server: MotoServer, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server = server
        self._monkeypatch = monkeypatch
        self.user = unique("reader")
        self.reader = server.make_user(self.user, READ)
        self.credentials = [self.reader.secret]

    def strategy(self, **options: object) -> AwsStrategy:
        return self.strategy_as(self.reader, **options)

    def strategy_as(self, keys: Keys, **options: object) -> AwsStrategy:
        be(self._monkeypatch, keys)
        return aws_strategy(**{"endpoint_url": self.server.url} | options)

    def put(self, resource: str, value: str) -> None:
        client = self.server.secrets
        with _unlogged():
            try:
                client.create_secret(Name=resource, SecretString=value)
                # AWS takes no empty value; moto takes it as a later version.
                exists = not value
            except client.exceptions.ResourceExistsException:
                exists = True
            if exists:
                client.update_secret(SecretId=resource, SecretString=value)

    def put_bytes(self, resource: str, value: bytes) -> None:
        self.server.secrets.create_secret(Name=resource, SecretBinary=value)

    def remove(self, resource: str) -> None:
        self.server.secrets.delete_secret(SecretId=resource, RecoveryWindowInDays=7)

    def arn(self, resource: str) -> str:
        return str(self.server.secrets.describe_secret(SecretId=resource)["ARN"])

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.put(resource, new)
        return 2.0, 1.0

    def strategy_denied(self, resource: str) -> AwsStrategy:
        return self.strategy_as(self.server.make_user(unique("nobody"), []))

    def strategy_with_wrong_credentials(self) -> AwsStrategy:
        return self.strategy_as(self.reader._replace(secret="wrong"))

    def strategy_unreachable(self) -> AwsStrategy:
        return self.strategy(endpoint_url=f"http://127.0.0.1:{free_port()}")

    def strategy_at(self, host: str, port: int) -> AwsStrategy:
        return self.strategy(endpoint_url=f"http://{host}:{port}")
