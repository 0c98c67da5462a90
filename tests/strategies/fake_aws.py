"""AWS, as far as Vault's aws auth method and its clients ask it: STS and EC2, every signature checked by botocore's."""

from __future__ import annotations

import hmac
import re
from typing import NamedTuple

from tests.strategies.fake_http import Answered, Asked, FakeHttp

ACCOUNT = "123456789012"
REGION = "eu-west-1"
INSTANCE, AMI = "i-0123456789abcdef0", "ami-0123456789abcdef0"

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(\w+)/\d{8}/([\w-]+)/(\w+)/aws4_request, SignedHeaders=([\w;-]+), Signature=(\w+)"
)
_ERROR = "<ErrorResponse><Error><Code>{}</Code><Message>{}</Message></Error></ErrorResponse>"


class Key(NamedTuple):
    """An access key, and whose it is."""

    access: str
    secret: str
    arn: str
    session: str | None = None


GATEWAY = Key("AKIAGATEWAY", "canary-gateway-secret", f"arn:aws:iam::{ACCOUNT}:user/gateway")
VAULT = Key("AKIAVAULT", "vault-secret", f"arn:aws:iam::{ACCOUNT}:user/vault")
ROLE = f"arn:aws:iam::{ACCOUNT}:role/kong"


class FakeAws(FakeHttp):
    """Knows two users and a role that one of them may assume; a context manager."""

    def __init__(self) -> None:
        super().__init__()
        self._keys = {key.access: key for key in (GATEWAY, VAULT)}
        # Vault puts a slash of its own between the endpoint and the path.
        self.routes = {"POST /": self._act, "POST //": self._act}
        self.actions: list[str] = []

    def _act(self, asked: Asked) -> Answered:
        key = self._signer(asked)
        if key is None:
            return _error(403, "SignatureDoesNotMatch", "The request signature does not match.")
        [action] = asked.form["Action"]
        self.actions.append(action)
        if action == "GetCallerIdentity":
            return _result(action, f"<Arn>{key.arn}</Arn><UserId>AIDA{key.access}</UserId><Account>{ACCOUNT}</Account>")
        if action == "AssumeRole":
            return self._assume(key, asked.form)
        if action == "DescribeInstances" and key == VAULT and asked.form["InstanceId.1"] == [INSTANCE]:
            return Answered(_INSTANCES.encode(), headers={"Content-Type": "text/xml"})
        return _error(403, "AccessDenied", f"{key.arn} may not do {action}")

    def _assume(self, key: Key, form: dict[str, list[str]]) -> Answered:
        if key != GATEWAY or form["RoleArn"] != [ROLE]:
            return _error(403, "AccessDenied", f"{key.arn} may not assume {form['RoleArn'][0]}")
        arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/kong/{form['RoleSessionName'][0]}"
        given = Key(f"ASIA{len(self._keys)}", f"canary-temporary-{len(self._keys)}", arn, "session-token")
        self._keys[given.access] = given
        return _result(
            "AssumeRole",
            f"<AssumedRoleUser><Arn>{arn}</Arn><AssumedRoleId>AROA:kong</AssumedRoleId></AssumedRoleUser><Credentials>"
            f"<AccessKeyId>{given.access}</AccessKeyId><SecretAccessKey>{given.secret}</SecretAccessKey>"
            f"<SessionToken>{given.session}</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>",
        )

    def _signer(self, asked: Asked) -> Key | None:
        """Return whose signature is on a request; ``None`` where it isn't right."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials

        found = _AUTHORIZATION.fullmatch(asked.headers.get("authorization", ""))
        key = self._keys.get(found[1]) if found else None
        if found is None or key is None or asked.headers.get("x-amz-security-token") != key.session:
            return None
        signed = {name: asked.headers.get(name, "") for name in found[4].split(";")}
        request = AWSRequest(asked.method, f"https://{asked.headers['host']}/", headers=signed, data=asked.body)
        request.context["timestamp"] = asked.headers["x-amz-date"]
        oracle = SigV4Auth(Credentials(key.access, key.secret, key.session), found[3], found[2])
        expected = oracle.signature(oracle.string_to_sign(request, oracle.canonical_request(request)), request)
        return key if {"host", "x-amz-date"} <= set(signed) and hmac.compare_digest(found[5], expected) else None


_INSTANCES = f"""<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet><item>
<instancesSet><item><instanceId>{INSTANCE}</instanceId><imageId>{AMI}</imageId>
<instanceState><code>16</code><name>running</name></instanceState></item></instancesSet>
</item></reservationSet></DescribeInstancesResponse>"""


def _result(action: str, inner: str) -> Answered:
    body = (
        f'<{action}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><{action}Result>{inner}</{action}Result>'
        f"<ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></{action}Response>"
    )
    return Answered(body.encode(), headers={"Content-Type": "text/xml"})


def _error(status: int, code: str, message: str) -> Answered:
    return Answered(_ERROR.format(code, message).encode(), status, {"Content-Type": "text/xml"})
