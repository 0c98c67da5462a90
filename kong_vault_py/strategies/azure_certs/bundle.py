"""A certificate with its key and its chain, out of what Azure Key Vault stores: PFX or PEM."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

__all__ = ["Bundle", "from_pem", "from_pfx"]

_BLOCK = re.compile(r"-----BEGIN ([A-Z0-9 ]+)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True)
class Bundle:
    """A certificate's parts.

    Attributes:
        key: the private key; ``None`` where the vault does not export it.
        leaf: the certificate itself.
        chain: those that issued it, the nearest one first.
    """

    key: PrivateKeyTypes | None
    leaf: x509.Certificate
    chain: list[x509.Certificate]

    def as_pem(self) -> dict[str, str]:
        """Return the parts as PEM texts; ``key`` is missing where there is none."""
        from cryptography.hazmat.primitives import serialization

        pem = serialization.Encoding.PEM
        cert = self.leaf.public_bytes(pem).decode()
        chain = "".join(issuer.public_bytes(pem).decode() for issuer in self.chain)
        parts = {"cert": cert, "chain": chain, "fullchain": cert + chain}
        if self.key is not None:
            plain = serialization.NoEncryption()
            parts["key"] = self.key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain).decode()
        return parts


def from_pfx(text: str) -> Bundle:
    """Read a PKCS#12 store in base64, which Azure protects by no password.

    Raises:
        ValueError: it is none.
    """
    from cryptography.hazmat.primitives.serialization import pkcs12

    key, leaf, others = pkcs12.load_key_and_certificates(base64.b64decode(text), None)
    return _bundle(key, [*([leaf] if leaf else []), *others])


def from_pem(text: str) -> Bundle:
    """Read PEM blocks: certificates, and a private key without a password.

    Raises:
        ValueError: there is no certificate, or something that can't be read.
    """
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    key: PrivateKeyTypes | None = None
    certificates = []
    for block in _BLOCK.finditer(text):
        if block[1] == "CERTIFICATE":
            certificates.append(x509.load_pem_x509_certificate(block[0].encode()))
        elif block[1].endswith("PRIVATE KEY"):
            key = serialization.load_pem_private_key(block[0].encode(), None)
    return _bundle(key, certificates)


def _bundle(key: PrivateKeyTypes | None, certificates: list[x509.Certificate]) -> Bundle:
    if not certificates:
        raise ValueError("no certificate")
    leaf = next((c for c in certificates if key is not None and c.public_key() == key.public_key()), certificates[0])
    return Bundle(key, leaf, _ordered(leaf, [c for c in certificates if c != leaf]))


def _ordered(leaf: x509.Certificate, others: list[x509.Certificate]) -> list[x509.Certificate]:
    """Return the issuers as TLS wants them, each after the one that it issued; strangers last."""
    ordered: list[x509.Certificate] = []
    last = leaf
    while issuer := next((c for c in others if c not in ordered and c.subject == last.issuer), None):
        ordered.append(issuer)
        last = issuer
    return ordered + [c for c in others if c not in ordered]
