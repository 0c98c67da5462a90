"""The gcp vault: who we are to Google, how a token is got, and what happens where none is to be had."""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError, InvalidResponseError, StrategyTimeoutError, UnavailableError
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.gcp import GcpStrategy
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.google_metadata import GoogleMetadata
from tests.servers.http_service import Answer
from tests.servers.ports import free_port
from tests.strategies.gcp_backends import GcpBackend

_TIMEOUT_S = 10.0
_AT_ONCE_S = 0.9


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An environment without any credentials of the developer's."""
    for name in ("GCP_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))


@pytest.fixture
def metadata_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Says where the metadata server is, as GCE_METADATA_HOST does for a new process."""

    def at(host: str, port: int) -> None:
        monkeypatch.setattr("google.auth.compute_engine._metadata._GCE_METADATA_HOST", f"{host}:{port}")

    return at


@pytest.fixture
def backend(own_gcp: GcpBackend) -> GcpBackend:
    own_gcp.put("redis", "pw")
    return own_gcp


def _value(strategy: GcpStrategy) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=_TIMEOUT_S).value


def test_the_key_comes_from_the_environment_variable(backend: GcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCP_SERVICE_ACCOUNT", json.dumps(backend.key))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/not/asked")

    assert _value(backend.strategy(service_account=None)) == b"pw"


def test_the_option_wins_over_the_environment(backend: GcpBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCP_SERVICE_ACCOUNT", "{}")

    assert _value(backend.strategy()) == b"pw"


@pytest.mark.parametrize("variable", [True, False], ids=["GOOGLE_APPLICATION_CREDENTIALS", "gcloud's file"])
def test_application_default_credentials(
    backend: GcpBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: bool
) -> None:
    file = tmp_path / "key.json" if variable else tmp_path / "gcloud" / "application_default_credentials.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps(backend.key))
    if variable:
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    assert _value(backend.strategy(service_account=None)) == b"pw"


def test_workload_identity(backend: GcpBackend, metadata_at: Callable[[str, int], None]) -> None:
    with GoogleMetadata(backend.accounts, backend.key["client_email"]) as machine:
        metadata_at(machine.host, machine.port)
        strategy = backend.strategy(service_account=None)

        assert _value(strategy) == b"pw"
        assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK
        assert sum(path.endswith("/token") for path in machine.paths) == 1


def test_a_machine_without_service_account(backend: GcpBackend, metadata_at: Callable[[str, int], None]) -> None:
    with GoogleMetadata(backend.accounts, email="") as machine:
        metadata_at(machine.host, machine.port)

        with pytest.raises(AuthenticationError, match=r"the metadata server\): refused .* set GCP_SERVICE_ACCOUNT"):
            _value(backend.strategy(service_account=None))


def test_no_credentials_anywhere_is_said_at_once(backend: GcpBackend, metadata_at: Callable[[str, int], None]) -> None:
    metadata_at("127.0.0.1", free_port())
    strategy = backend.strategy(service_account=None)
    started_s = time.monotonic()

    with pytest.raises(AuthenticationError, match="no connection to .*; set GCP_SERVICE_ACCOUNT or option"):
        _value(strategy)

    assert time.monotonic() - started_s < _AT_ONCE_S
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.UNKNOWN


@pytest.mark.parametrize("broken", ["", "private_key", "client_email"])
def test_what_is_no_key_is_named_and_not_quoted(
    backend: GcpBackend, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    key = json.dumps(backend.key | {broken: "canary"}) if broken == "private_key" else "canary"
    if broken == "client_email":
        key = json.dumps({name: value for name, value in backend.key.items() if name != broken})
    monkeypatch.setenv("GCP_SERVICE_ACCOUNT", key)

    with pytest.raises(AuthenticationError, match="variable GCP_SERVICE_ACCOUNT: this is not the JSON key") as caught:
        _value(backend.strategy(service_account=None))

    shown = "".join(traceback.format_exception(caught.value))
    assert "canary" not in shown
    assert backend.key["private_key"].splitlines()[1] not in shown


@pytest.mark.parametrize("content", ["nothing", "{}", '{"type": "else"}', None])
def test_a_credentials_file_that_is_none(
    backend: GcpBackend, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    file = tmp_path / "adc.json"
    if content:
        file.write_text(content)
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(AuthenticationError, match=r"adc.json'.* can't be read, or hold no credentials"):
        _value(backend.strategy(service_account=None))


def test_a_key_that_was_replaced_is_refused(backend: GcpBackend) -> None:
    stolen = backend.accounts.make_account("kong", known=False) | {"private_key_id": backend.key["private_key_id"]}

    with pytest.raises(AuthenticationError, match=r"refused \(invalid_grant: Invalid JWT Signature\)"):
        _value(backend.strategy(service_account=json.dumps(stolen)))


def test_one_login_serves_everyone(backend: GcpBackend) -> None:
    strategy = backend.strategy()

    with ThreadPoolExecutor(max_workers=8) as pool:
        values = set(pool.map(lambda _: _value(strategy), range(24)))

    assert (values, backend.accounts.logins) == ({b"pw"}, 1)


def test_a_revoked_token_is_replaced_once(backend: GcpBackend) -> None:
    strategy = backend.strategy()
    _value(strategy)

    backend.accounts.revoke_all()

    assert (_value(strategy), backend.accounts.logins) == (b"pw", 2)


def test_a_token_that_is_refused_again_is_an_error(backend: GcpBackend) -> None:
    refusal = {"error": {"code": 401, "message": "No.", "status": "UNAUTHENTICATED"}}
    backend.server.answer_with = lambda request: Answer.of_json(401, refusal)

    with pytest.raises(AuthenticationError, match="Google does not accept the access token"):
        _value(backend.strategy())

    assert backend.accounts.logins == 2


def test_a_token_near_its_end_is_replaced_before(backend: GcpBackend) -> None:
    backend.accounts.lifetime_s = 60
    strategy = backend.strategy()

    assert (_value(strategy), _value(strategy), backend.accounts.logins) == (b"pw", b"pw", 2)


def test_close_forgets_the_token(backend: GcpBackend) -> None:
    strategy = backend.strategy()
    _value(strategy)

    strategy.close()

    assert (_value(strategy), backend.accounts.logins) == (b"pw", 2)


def test_a_token_endpoint_that_never_answers_costs_the_deadline_and_no_more(backend: GcpBackend) -> None:
    with LoopbackServer(answer=None) as silent:
        key = backend.key | {"token_uri": f"http://{silent.host}:{silent.port}/token"}
        strategy = backend.strategy(service_account=json.dumps(key))
        started_s = time.monotonic()
        with pytest.raises(StrategyTimeoutError, match=r"took longer than 0.3 s"):
            strategy.fetch("redis", None, timeout_s=0.3)

    assert time.monotonic() - started_s < 0.3 + _AT_ONCE_S


@pytest.mark.parametrize(
    "answer",
    [
        Answer(503, b"<html>later</html>", "text/html"),
        Answer(429, b""),
        Answer.of_json(400, {"error": "temporarily_unavailable"}),
    ],
    ids=["503", "429", "oauth"],
)
def test_a_token_endpoint_that_can_not_now_is_not_slept_over(backend: GcpBackend, answer: Answer) -> None:
    backend.accounts.refuse_with = answer
    strategy = backend.strategy()
    started_s = time.monotonic()

    with pytest.raises(UnavailableError, match=r"getting an access token from Google \(option 'service_account'\)"):
        _value(strategy)

    assert time.monotonic() - started_s < _AT_ONCE_S
    assert backend.accounts.logins == 1


@pytest.mark.parametrize(
    "answer",
    [Answer(200, b"<html></html>", "text/html"), Answer(404, b"not found"), Answer.of_json(200, ["canary"])],
    ids=["page", "404", "array"],
)
def test_what_is_no_token_endpoint(backend: GcpBackend, answer: Answer) -> None:
    backend.accounts.refuse_with = answer

    with pytest.raises(InvalidResponseError, match="no JSON object; check the 'token_uri'"):
        _value(backend.strategy())


def test_an_unreachable_token_endpoint_is_unavailable(backend: GcpBackend) -> None:
    key = backend.key | {"token_uri": f"http://127.0.0.1:{free_port()}/token"}

    with pytest.raises(UnavailableError, match=r"no connection to http://127.0.0.1:\d+: Connection refused"):
        _value(backend.strategy(service_account=json.dumps(key)))
