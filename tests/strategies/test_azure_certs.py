"""The azure-certs vault: certificate, key and chain of one fetch, and what is no certificate."""

from __future__ import annotations

import base64
import json
import logging
import traceback

import pytest
from cryptography import x509

from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError, VaultError
from kong_vault_py.strategies.registry import load_strategy
from tests.servers.azure_cloud import AzureCloud
from tests.strategies.azure_backends import certs_strategy
from tests.strategies.azure_certificates import PEM, PFX, make

_TIMEOUT_S = 10.0
_STORED = pytest.mark.parametrize("content_type", [PFX, PEM])


def _parts(azure: AzureCloud) -> dict[str, str]:
    fetched = certs_strategy(azure).fetch("gateway", None, timeout_s=_TIMEOUT_S)
    parts = json.loads(fetched.value)
    assert isinstance(parts, dict)
    return parts


def _error(azure: AzureCloud, kind: type[VaultError]) -> str:
    with pytest.raises(kind) as caught:
        _parts(azure)
    assert "PRIVATE" not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


@_STORED
def test_one_fetch_brings_the_certificate_its_key_and_its_chain_in_order(azure: AzureCloud, content_type: str) -> None:
    made = make()
    azure.vault.put("gateway", made.stored(content_type), content_type)

    parts = _parts(azure)

    assert parts == made.parts
    chain = x509.load_pem_x509_certificates(parts["fullchain"].encode())
    assert [found.subject.rfc4514_string() for found in chain] == ["CN=gateway", "CN=middle", "CN=root"]
    assert len([request for request in azure.server.requests if "authorization" in request.headers]) == 1


@_STORED
def test_a_key_that_the_vault_does_not_export(azure: AzureCloud, content_type: str) -> None:
    made = make()
    azure.vault.put("gateway", made.stored(content_type, with_key=False), content_type)

    parts = _parts(azure)

    assert "key" not in parts
    assert set(x509.load_pem_x509_certificates(parts["fullchain"].encode())) == {made.leaf, *made.issuers}


def test_a_stranger_in_the_store_comes_last(azure: AzureCloud) -> None:
    made, stranger = make(), make()
    azure.vault.put("gateway", stranger.parts["cert"] + made.stored(PEM), PEM)

    assert _parts(azure)["fullchain"] == made.parts["fullchain"] + stranger.parts["cert"]


def test_a_plain_secret_is_no_certificate(azure: AzureCloud) -> None:
    azure.vault.put("gateway", "pw", "text/plain")

    message = _error(azure, SecretNotFoundError)

    assert "no certificate but a plain secret (content type 'text/plain'); read it by the vault 'azure'" in message


@pytest.mark.parametrize(
    ("content_type", "text"),
    [
        (PFX, "no base64!"),
        (PFX, base64.b64encode(b"no store").decode()),
        (PEM, "no blocks"),
        (PEM, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
        (PEM, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
    ],
)
def test_what_can_not_be_read(azure: AzureCloud, content_type: str, text: str) -> None:
    azure.vault.put("gateway", text, content_type)

    message = _error(azure, InvalidResponseError)

    assert f"certificate 'gateway' in Azure Key Vault can't be read as '{content_type}'" in message


def test_the_key_shows_in_no_log(azure: AzureCloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    made = make()
    azure.vault.put("gateway", made.stored(PEM), PEM)

    _parts(azure)

    assert "/secrets/gateway/" in caplog.text, "the SDK logs its requests, so there was something to look at"
    assert made.key_pem.splitlines()[1] not in caplog.text


def test_kongs_name_and_its_default_of_an_hour(azure: AzureCloud) -> None:
    strategy = certs_strategy(azure)

    assert load_strategy("azure-certs") is type(strategy)
    assert strategy.config.ttl == 3600
    assert certs_strategy(azure, ttl="60").config.ttl == 60
