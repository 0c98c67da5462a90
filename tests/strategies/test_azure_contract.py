"""The azure vault passes the contract, through Microsoft's SDK and with TLS, logins and challenges as in Azure."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.servers.azure_cloud import AzureCloud
from tests.servers.certificates import Certificates
from tests.strategies.azure_backends import AzureBackend


@pytest.fixture(scope="module")
def azure(certificates: Certificates) -> Iterator[AzureBackend]:
    with AzureCloud(certificates) as cloud:
        backend = AzureBackend(cloud)
        with backend.stack:
            yield backend


class TestAzure(StrategyContract):
    @pytest.fixture
    def backend(self, azure: AzureBackend) -> AzureBackend:
        return azure
