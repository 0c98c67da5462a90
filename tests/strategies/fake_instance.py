"""An EC2 instance, as far as its metadata service (IMDSv2) is asked for the signed identity document."""

from __future__ import annotations

import base64
import datetime
import json
import secrets

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs7
from cryptography.x509.oid import NameOID

from tests.strategies.fake_aws import ACCOUNT, AMI, INSTANCE, REGION
from tests.strategies.fake_http import Answered, Asked, FakeHttp

_TTL = "x-aws-ec2-metadata-token-ttl-seconds"
_DAY = datetime.timedelta(days=1)


class FakeInstance(FakeHttp):
    """Answers sessions alone (IMDSv2); a context manager.

    Attributes:
        certificate: of the region's key, in PEM; Vault has to trust it.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "PUT /latest/api/token": self._open,
                "GET /latest/dynamic/instance-identity/pkcs7": self._document,
            }
        )
        self._key = rsa.generate_private_key(65537, 2048)
        self._certificate = self._signed_certificate()
        self._sessions: set[str] = set()
        self.certificate = self._certificate.public_bytes(serialization.Encoding.PEM)

    def _open(self, asked: Asked) -> Answered:
        if not 1 <= int(asked.headers.get(_TTL, "0")) <= 21600 or "x-forwarded-for" in asked.headers:
            return Answered(b"", 400)
        session = secrets.token_urlsafe(24)
        self._sessions.add(session)
        return Answered(session.encode(), headers={_TTL: asked.headers[_TTL]})

    def _document(self, asked: Asked) -> Answered:
        if asked.headers.get("x-aws-ec2-metadata-token") not in self._sessions:
            return Answered(b"<html>Unauthorized</html>", 401)
        document = {"instanceId": INSTANCE, "imageId": AMI, "accountId": ACCOUNT, "region": REGION}
        document["pendingTime"] = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        signed = (
            pkcs7.PKCS7SignatureBuilder()
            .set_data(json.dumps(document).encode())
            .add_signer(self._certificate, self._key, hashes.SHA256())
            .sign(serialization.Encoding.DER, [pkcs7.PKCS7Options.Binary])
        )
        # In lines, as the real one.
        return Answered(base64.encodebytes(signed).rstrip())

    def _signed_certificate(self) -> x509.Certificate:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "instance identity")])
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _DAY)
            .not_valid_after(now + _DAY)
            .sign(self._key, hashes.SHA256())
        )
