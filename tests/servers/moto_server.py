"""AWS on the loopback interface: moto's server, with its check of signatures and IAM policies switched on."""

from __future__ import annotations

import http.client
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tests.servers.ports import free_port
from tests.servers.process import ServerProcess

REGION = "eu-west-1"
ACCOUNT = "123456789012"
_APP = Path(__file__).with_name("moto_app.py")
_TIMEOUT_S = 10


class Keys(NamedTuple):
    """An access key."""

    key_id: str
    secret: str


class MotoServer:
    """Secrets Manager, STS and IAM, with what a test's administrator does there; a context manager."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.admin = Keys("bootstrap", "bootstrap")
        self._clients: dict[str, Any] = {}
        # The first calls make the administrator: nobody can be checked before.
        self._process = ServerProcess(
            [sys.executable, _APP, str(self.port)], folder, self._answers, {"INITIAL_NO_AUTH_ACTION_COUNT": "inf"}
        )

    def __enter__(self) -> MotoServer:
        self._process.start()
        admin = self.make_user("admin", ["*"])
        self._exchange("POST", "/moto-api/reset-auth", b"0")
        self.admin = admin
        self._close_clients()
        return self

    def __exit__(self, *_: object) -> None:
        self._close_clients()
        self._process.stop()

    @property
    def secrets(self) -> Any:
        """Secrets Manager, as the administrator."""
        return self._client("secretsmanager")

    def make_user(self, name: str, actions: Sequence[str]) -> Keys:
        """Make a user who may do ``actions`` on everything (moto knows no resources)."""
        iam = self._client("iam")
        iam.create_user(UserName=name)
        if actions:
            iam.put_user_policy(UserName=name, PolicyName="given", PolicyDocument=policy(actions))
        made = iam.create_access_key(UserName=name)["AccessKey"]
        return Keys(made["AccessKeyId"], made["SecretAccessKey"])

    def make_role(self, name: str, actions: Sequence[str], *, trusted_user: str) -> str:
        """Make a role that one user may assume; returns its ARN."""
        iam = self._client("iam")
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{trusted_user}"},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=policy(actions))
        return str(made["Role"]["Arn"])

    def _client(self, service: str) -> Any:
        import boto3

        if service not in self._clients:
            self._clients[service] = boto3.session.Session().client(
                service,
                endpoint_url=self.url,
                region_name=REGION,
                aws_access_key_id=self.admin.key_id,
                aws_secret_access_key=self.admin.secret,
                config=boto3.session.Config(parameter_validation=False),
            )
        return self._clients[service]

    def _close_clients(self) -> None:
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _answers(self) -> bool:
        try:
            return self._exchange("GET", "/moto-api/data.json") == 200
        except OSError:
            return False

    def _exchange(self, method: str, path: str, body: bytes | None = None) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, {"Content-Type": "text/plain"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()


def policy(actions: Sequence[str]) -> str:
    """Return an IAM policy document that allows ``actions`` on everything."""
    return _document({"Effect": "Allow", "Action": list(actions), "Resource": "*"})


def _document(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
