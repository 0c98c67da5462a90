"""The azure-certs vault passes the contract, for both ways in which Azure stores a certificate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.azure_cloud import AzureCloud
from tests.servers.certificates import Certificates
from tests.strategies.azure_backends import AzureCertsBackend
from tests.strategies.azure_certificates import PEM, PFX

_NO_TEXT = {
    "test_secrets_never_show": "a certificate holds no text of the suite's; test_azure_certs.py looks for its key"
}


@pytest.fixture(scope="module")
def azure(certificates: Certificates) -> Iterator[AzureCloud]:
    with AzureCloud(certificates) as cloud:
        yield cloud


class TestPfx(StrategyContract):
    not_applicable = _NO_TEXT

    @pytest.fixture
    def backend(self, azure: AzureCloud) -> Iterator[AzureCertsBackend]:
        backend = AzureCertsBackend(azure, PFX)
        with backend.stack:
            yield backend


class TestPem(StrategyContract):
    not_applicable = _NO_TEXT

    @pytest.fixture
    def backend(self, azure: AzureCloud) -> Iterator[AzureCertsBackend]:
        backend = AzureCertsBackend(azure, PEM)
        with backend.stack:
            yield backend
