"""Certificates of three generations, stored as Azure Key Vault stores them."""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

PFX, PEM = "application/x-pkcs12", "application/x-pem-file"
_LIFE = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate with its key, and who issued it: the intermediate authority, then the root."""

    key: ec.EllipticCurvePrivateKey
    leaf: x509.Certificate
    issuers: list[x509.Certificate]

    @property
    def parts(self) -> dict[str, str]:
        """What the strategy is to make of it."""
        cert, chain = _pem(self.leaf), "".join(map(_pem, self.issuers))
        return {"cert": cert, "chain": chain, "fullchain": cert + chain, "key": self.key_pem}

    @property
    def key_pem(self) -> str:
        plain = serialization.NoEncryption()
        return self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()

    def stored(self, content_type: str, *, with_key: bool = True) -> str:
        """Return the secret's text; the issuers stand in the wrong order, as they may."""
        issuers = self.issuers[::-1]
        if content_type == PEM:
            return (self.key_pem if with_key else "") + "".join(map(_pem, [self.leaf, *issuers]))
        key = self.key if with_key else None
        return base64.b64encode(
            pkcs12.serialize_key_and_certificates(None, key, self.leaf, issuers, serialization.NoEncryption())
        ).decode()


def make() -> Made:
    """Make a new certificate, with authorities of its own."""
    root_key, middle_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))
    root = _sign("root", root_key, "root", root_key)
    middle = _sign("middle", middle_key, "root", root_key)
    return Made(key, _sign("gateway", key, "middle", middle_key), [middle, root])


def _sign(
    name: str, key: ec.EllipticCurvePrivateKey, issuer: str, issuer_key: ec.EllipticCurvePrivateKey
) -> x509.Certificate:
    now = datetime.datetime.now(datetime.timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFE)
        .not_valid_after(now + _LIFE)
        .sign(issuer_key, hashes.SHA256())
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()
