"""A real Vault that is sealed, stopped and started again, and one behind TLS."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from kong_vault_py.errors import ConfigError, InvalidResponseError, StrategyTimeoutError, UnavailableError
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvStrategy
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.vault_server import FileVault
from tests.strategies.hcv_backends import HcvBackend, hcv_strategy

pytestmark = pytest.mark.real("vault")

_TIMEOUT_S = 10.0

StartVault = Callable[..., FileVault]


def _value(strategy: HcvStrategy) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=_TIMEOUT_S).value


def test_sealed_then_unsealed_then_stopped_then_started(own_vault: StartVault) -> None:
    vault = own_vault()
    backend = HcvBackend(vault, kv=2)
    backend.put("redis", "pw")
    strategy = backend.strategy()
    assert _value(strategy) == '{"value":"pw"}'

    vault.seal()
    with pytest.raises(UnavailableError, match="Vault is sealed; unseal it"):
        _value(strategy)
    health = strategy.check(timeout_s=_TIMEOUT_S)
    assert (health.status, "sealed" in health.detail) == (HealthStatus.UNAVAILABLE, True)

    vault.unseal()
    assert _value(strategy) == '{"value":"pw"}'

    vault.stop()
    with pytest.raises(UnavailableError, match=r"no connection to http://127.0.0.1:.*Connection refused") as caught:
        _value(strategy)
    assert not isinstance(caught.value, StrategyTimeoutError)

    vault.start()
    assert _value(strategy) == '{"value":"pw"}'
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK


def test_a_strategy_made_while_vault_is_sealed_recovers(own_vault: StartVault) -> None:
    vault = own_vault()
    backend = HcvBackend(vault, kv=1)
    backend.put("redis", "pw")
    vault.seal()
    strategy = backend.strategy()

    with pytest.raises(UnavailableError, match="Vault is sealed"):
        _value(strategy)
    vault.unseal()

    assert _value(strategy) == '{"value":"pw"}'


def test_https_is_verified_against_the_configured_authority(
    own_vault: StartVault, certificates: Certificates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    vault = own_vault(tls=certificates)
    vault.enable_kv("kv", 1)
    vault.call("POST", "kv/redis", {"value": "pw"})
    common = {"mount": "kv", "token": vault.root_token}
    others = tmp_path / "others"
    others.mkdir()

    assert _value(hcv_strategy(vault, **common)) == '{"value":"pw"}'
    for untrusting in ({"ca_cert": None}, {"ca_cert": str(make_certificates(others).authority)}):
        with pytest.raises(UnavailableError, match=r"is not trusted .*option 'ca_cert'"):
            _value(hcv_strategy(vault, **common, **untrusting))
    assert _value(hcv_strategy(vault, **common, ca_cert=None, ssl_verify="off")) == '{"value":"pw"}'
    assert "ssl_verify is off" in caplog.text
    with pytest.raises(InvalidResponseError, match="check options 'protocol'"):
        _value(hcv_strategy(vault, **common, protocol="http"))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_ca_cert_that_is_none(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)
    nobody = FileVault(Path("unused"), tmp_path)

    with pytest.raises(ConfigError, match=r"option 'ca_cert': .*ca.pem' holds no readable PEM certificate"):
        _value(hcv_strategy(nobody, token="t", protocol="https", ca_cert=str(file)))
