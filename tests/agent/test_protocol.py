"""The agent's protocol, on the application itself: what is answered, what is refused, and what is kept of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import falcon.testing
import pytest

from kong_vault_py.agent.admission import DOOR
from kong_vault_py.agent.app import make_app
from kong_vault_py.agent.metrics import Metrics
from kong_vault_py.agent.options import Door
from kong_vault_py.agent.requested import Requests
from kong_vault_py.agent.token_file import TokenFile
from kong_vault_py.agent.warmup import Warmup
from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    StrategyError,
    StrategyTimeoutError,
    UnavailableError,
    UnknownStrategyError,
)
from kong_vault_py.strategies.base import Fetched
from kong_vault_py.vault import Vault
from tests.unit.backend import Backend, Clock, make_vault

PASSWORD = "{vault://test/db/password}"
TOKEN = "a-token-of-thirty-two-characters"


class AgentApp:
    """The application over a vault whose answers the test writes."""

    def __init__(self, backend: Backend, clock: Clock, token: TokenFile | None = None, **settings: str) -> None:
        self.metrics = Metrics()
        self.vault: Vault = make_vault(backend, clock, observer=self.metrics, **settings)
        self.metrics.watch(self.vault)
        allowed = frozenset(settings.get("vault_py_allowed_overrides", "").split(","))
        requests = Requests(self.vault, _loader(backend), allowed)
        self.warmup = Warmup(self.vault, ())
        app = make_app(self.vault, requests, warmup=self.warmup, metrics=self.metrics, token=token)
        self._client = falcon.testing.TestClient(app)
        self.door = Door("socket", accepts="any")

    def get(self, path: str, **headers: str) -> falcon.testing.Result:
        return self._client.simulate_get(path, headers=_headers(headers), extras={DOOR: self.door})

    def post(self, path: str, body: Any, **headers: str) -> falcon.testing.Result:
        text = body if isinstance(body, (bytes, str)) else json.dumps(body)
        sent = {"Content-Type": "application/json", **_headers(headers)}
        return self._client.simulate_post(path, body=text, headers=sent, extras={DOOR: self.door})

    def resolve(self, reference: str, **headers: str) -> falcon.testing.Result:
        return self.post("/v1/resolve", {"reference": reference}, **headers)

    def fetch(self, resource: str, config: Any = None, version: Any = None) -> falcon.testing.Result:
        body = {"strategy": "test", "config": config, "resource": resource, "version": version}
        return self.post("/v1/fetch", body)


def _headers(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def _loader(backend: Backend) -> Callable[[str], Any]:
    strategy = backend.strategy()

    def load(name: str) -> Any:
        if name != "test":
            raise UnknownStrategyError(f"no vault strategy '{name}'")
        return strategy

    return load


@pytest.fixture
def backend() -> Backend:
    made = Backend()
    made.answers["db"] = '{"username": "app", "password": "pw-1"}'
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_agent(backend: Backend, clock: Clock) -> Callable[..., AgentApp]:
    def make(**settings: Any) -> AgentApp:
        return AgentApp(backend, clock, **settings)

    return make


@pytest.fixture
def agent(make_agent: Callable[..., AgentApp]) -> AgentApp:
    return make_agent(vault_test_ttl="30", vault_test_token="agents-own-token")


def code(result: falcon.testing.Result) -> tuple[int, str]:
    error = result.json["error"]
    assert "\n" not in error["message"]
    return result.status_code, error["code"]


# What is answered


def test_a_reference_is_resolved_with_the_time_to_ask_again(agent: AgentApp, clock: Clock) -> None:
    first = agent.resolve(PASSWORD)
    clock.advance(10)
    second = agent.resolve(PASSWORD)

    told = {"value": "pw-1", "encoding": "utf-8", "strategy": "test", "version": None}
    assert first.json == told | {"ttl": 30.5}
    assert second.json == told | {"ttl": 20.5}
    assert first.headers["cache-control"] == "no-store"


def test_who_asks_again_when_told_gets_the_new_value(agent: AgentApp, backend: Backend, clock: Clock) -> None:
    ttl = agent.resolve(PASSWORD).json["ttl"]
    backend.answers["db"] = '{"password": "pw-2"}'

    clock.advance(ttl)
    agent.vault.rotate()

    assert agent.resolve(PASSWORD).json["value"] == "pw-2"


def test_a_ttl_is_never_0_which_means_for_ever_to_kong(agent: AgentApp, backend: Backend, clock: Clock) -> None:
    agent.resolve(PASSWORD)
    clock.advance(100)

    assert agent.resolve(PASSWORD).json["ttl"] == 1.0


def test_without_a_ttl_there_is_no_time_to_ask_again(make_agent: Callable[..., AgentApp]) -> None:
    assert make_agent().resolve(PASSWORD).json["ttl"] is None


def test_a_fetch_brings_the_whole_resource_from_the_agents_own_vault(agent: AgentApp, backend: Backend) -> None:
    answer = agent.fetch("db")

    assert json.loads(answer.json["value"]) == {"username": "app", "password": "pw-1"}
    assert (answer.json["encoding"], answer.json["ttl"]) == ("utf-8", 30.5)
    assert backend.configs[0].token.reveal() == "agents-own-token"


def test_a_reference_and_a_fetch_of_one_resource_are_one_fetch(agent: AgentApp, backend: Backend) -> None:
    agent.resolve(PASSWORD)
    agent.fetch("db")
    agent.fetch("db", {"ttl": 0, "host": "127.0.0.1", "prefix": None})

    assert backend.calls == ["db"]


def test_what_a_request_may_set_counts_where_it_is_the_default_too(
    make_agent: Callable[..., AgentApp], backend: Backend
) -> None:
    agent = make_agent(vault_test_base64_decode="on")
    backend.answers["plain"] = base64.b64encode(b"whole").decode()

    assert agent.fetch("plain").json["value"] == "whole"
    assert agent.fetch("plain", {"base64_decode": False}).json["value"] == backend.answers["plain"]


@pytest.mark.parametrize("resource", ["a/b", "a%2Fb?c#d;e{}", "päss", "caf\udce9", " "])
def test_a_resource_of_any_name_arrives_as_it_is(agent: AgentApp, backend: Backend, resource: str) -> None:
    backend.answers[resource] = "found"

    assert agent.fetch(resource).json["value"] == "found"
    assert agent.fetch(resource, {"host": "other"}).json["value"] == "found"
    assert backend.calls == [resource, resource]


def test_a_resource_that_is_no_utf_8_arrives_as_it_is(agent: AgentApp, backend: Backend) -> None:
    backend.answers["caf\udce9"] = "found"

    answer = agent.post("/v1/fetch", b'{"strategy": "test", "resource": "caf\xe9"}')

    assert answer.json["value"] == "found"


@pytest.mark.parametrize("version", [2, 2.0])
def test_a_version_is_handed_on(agent: AgentApp, backend: Backend, version: float) -> None:
    backend.answers["db#2"] = "older"

    assert agent.fetch("db", version=version).json["value"] == "older"
    assert agent.resolve("{vault://test/db/#2}").json["version"] == 2


@pytest.mark.parametrize("version", ["nan", "inf", "-inf"])
def test_versions_that_json_cannot_write_are_null(agent: AgentApp, backend: Backend, version: str) -> None:
    backend.answers[f"db#{version}"] = "odd"

    answer = agent.resolve(f"{{vault://test/db#{version}}}")

    assert json.loads(answer.text, parse_constant=pytest.fail)["version"] is None


def test_a_ttl_without_end_is_a_number(agent: AgentApp, backend: Backend) -> None:
    backend.answers["lasting"] = Fetched("x", ttl_s=float("inf"))

    answer = json.loads(agent.resolve("{vault://test/lasting}").text, parse_constant=pytest.fail)

    assert answer["ttl"] is None or answer["ttl"] <= 1e8 + 1


def test_bytes_that_are_no_text_travel_as_base64(agent: AgentApp, backend: Backend) -> None:
    backend.answers["key"] = Fetched(b"\xff\x00\xfe")

    answer = agent.resolve("{vault://test/key}").json

    assert (base64.b64decode(answer["value"]), answer["encoding"]) == (b"\xff\x00\xfe", "base64")


def test_base64_is_decoded_in_the_fields_for_kong_takes_the_key_later(agent: AgentApp, backend: Backend) -> None:
    backend.answers["db"] = json.dumps({"password": base64.b64encode(b"pw-1").decode(), "note": "no base64!", "n": 1})
    backend.answers["plain"] = base64.b64encode(b"whole").decode()

    for config in ({"base64_decode": True}, {"decode_base64": "on", "host": "other"}):
        fields = json.loads(agent.fetch("db", config).json["value"])
        assert fields == {"password": "pw-1", "note": "no base64!", "n": 1}
        assert agent.fetch("plain", config).json["value"] == "whole"
    backend.answers["deep"] = "[" * 100_000
    assert code(agent.fetch("deep", {"base64_decode": True})) == (502, "invalid_response")
    backend.answers["junk"] = "no base64!"
    assert code(agent.fetch("junk", {"base64_decode": True})) == (502, "invalid_response")


def test_a_resource_for_another_cache_comes_undecoded_with_the_options_to_keep_it_by(
    make_agent: Callable[..., AgentApp], backend: Backend
) -> None:
    agent = make_agent(vault_test_ttl="30", vault_test_base64_decode="on", vault_test_resurrect_ttl="60")

    answer = agent.post("/v1/resource", {"reference": PASSWORD}).json

    assert json.loads(answer.pop("value"))["password"] == "pw-1"
    assert answer == {
        "encoding": "utf-8",
        "ttl": 30.5,
        "immutable": False,
        "base64_decode": True,
        "resurrect_ttl": 60.0,
    }


def test_the_agent_tells_how_it_stands(agent: AgentApp, backend: Backend, clock: Clock) -> None:
    agent.resolve(PASSWORD)
    agent.resolve("{vault://test/absent}")
    clock.advance(31)
    backend.answers["db"] = UnavailableError("sealed")
    agent.vault.rotate()

    page = agent.get("/metrics").text
    status = agent.get("/v1/status").json

    assert 'kong_vault_agent_requests_total{route="/v1/resolve",status="404"} 1.0' in page
    assert 'kong_vault_fetch_seconds_count{outcome="UnavailableError",strategy="test"} 1.0' in page
    assert 'kong_vault_refresh_late_seconds_sum{strategy="test"} 1.0' in page
    assert 'kong_vault_resources_failing{prefix="other",strategy="test"} 1.0' in page
    assert "kong_vault_fetches_total 3.0" in page
    assert status["counts"]["fetches"] == 3
    assert status["resources"][0]["references"] == [PASSWORD]
    assert agent.get("/v1/health").json == {"status": "ok"}


def test_readiness_follows_the_warm_up(agent: AgentApp) -> None:
    assert agent.get("/v1/ready").status_code == 503

    agent.warmup.run()
    assert (agent.get("/v1/ready").status_code, agent.get("/v1/ready").json["status"]) == (200, "ready")

    agent.warmup.stop()
    assert (agent.get("/v1/ready").status_code, agent.get("/v1/ready").json["status"]) == (503, "stopping")


# What goes wrong


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (AuthenticationError("who are you"), (502, "authentication")),
        (PermissionDeniedError("not for you"), (403, "permission_denied")),
        (InvalidResponseError("what?"), (502, "invalid_response")),
        (UnavailableError("sealed"), (503, "unavailable")),
        (StrategyTimeoutError("too slow"), (504, "timeout")),
        (StrategyError("broken"), (502, "invalid_response")),
        (RuntimeError("canary-in-a-bug"), (502, "invalid_response")),
        (None, (404, "not_found")),
    ],
)
def test_each_failure_of_a_vault_has_its_status(
    agent: AgentApp, backend: Backend, error: Exception | None, expected: tuple[int, str]
) -> None:
    backend.answers["x"] = error

    resolved, fetched = agent.resolve("{vault://test/x}"), agent.fetch("x")

    assert code(resolved) == code(fetched) == expected
    assert "canary" not in resolved.text + fetched.text


def test_a_missing_key_is_not_found_and_named_by_its_class(agent: AgentApp) -> None:
    answer = agent.resolve("{vault://test/db/nope}")

    assert code(answer) == (404, "not_found")
    assert answer.json["error"]["type"] == "KeyNotFoundError"


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("plain text", (400, "invalid_reference")),
        ("{vault://test}", (400, "invalid_reference")),
        ("{vault://test/db#x}", (400, "invalid_reference")),
        ("{vault://nowhere/db}", (400, "config")),
        ("{vault://test/db?host=evil.example}", (400, "config")),
        ("{vault://test/db?ttl=soon}", (400, "config")),
        ("", (400, "invalid_reference")),
    ],
)
@pytest.mark.parametrize("path", ["/v1/resolve", "/v1/resource"])
def test_a_wrong_reference_is_400_and_leaves_nothing(
    agent: AgentApp, backend: Backend, path: str, reference: str, expected: tuple[int, str]
) -> None:
    assert code(agent.post(path, {"reference": reference})) == expected
    assert backend.calls == []
    assert agent.vault.status().resources == ()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "invalid_request")),
        (b"{", (400, "invalid_request")),
        (b"\xff\xfe", (400, "invalid_request")),
        (b"[]", (400, "invalid_request")),
        (b"[" * 60_000, (400, "invalid_request")),
        (b'{"strategy": "test", "resource": "db", "resource": "x"}', (400, "invalid_request")),
        (b'{"strategy": "test", "resource": "db", "version": NaN}', (400, "invalid_request")),
        (b'{"strategy": "test", "resource": "db", "version": 1e999}', (400, "invalid_request")),
        ({"strategy": "test"}, (400, "invalid_request")),
        ({"strategy": "test", "resource": ""}, (400, "invalid_request")),
        ({"strategy": "test", "resource": 1}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "\ud800"}, (400, "invalid_request")),
        ({"strategy": 1, "resource": "db"}, (400, "invalid_request")),
        ({"strategy": "t" * 101, "resource": "db"}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "version": "1"}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "version": True}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "version": 10**400}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "config": {"ttl": 10**400}}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "config": {"prefix": "\ud800"}}, (400, "invalid_request")),
        ({"strategy": "\ud800", "resource": "db"}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "config": []}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "config": {"ttl": {}}}, (400, "invalid_request")),
        ({"strategy": "test", "resource": "db", "more": 1}, (400, "invalid_request")),
        ({"strategy": "nope", "resource": "db"}, (400, "config")),
        ({"strategy": "../env", "resource": "db"}, (400, "config")),
        ({"strategy": "test", "resource": "db", "config": {"hots": "x"}}, (400, "config")),
        ({"strategy": "test", "resource": "db", "config": {"ttl": -1}}, (400, "config")),
        ({"strategy": "test", "resource": "db", "config": {"ttl": "soon", "host": "x"}}, (400, "config")),
        ({"strategy": "test", "resource": "db", "config": {"token": "{vault://test/db}"}}, (400, "config")),
        (b" " * 65_537, (413, "too_large")),
    ],
)
def test_a_wrong_request_is_refused_and_leaves_nothing(
    agent: AgentApp, backend: Backend, body: Any, expected: tuple[int, str]
) -> None:
    assert code(agent.post("/v1/fetch", body)) == expected
    assert backend.calls == []
    assert agent.vault.status().resources == ()


def test_another_content_type_is_415(agent: AgentApp) -> None:
    assert code(agent.resolve(PASSWORD, Content_Type="text/plain")) == (415, "unsupported_media_type")
    assert agent.resolve(PASSWORD, Content_Type="application/json; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/fetch/", "//v1/fetch", "/v1/../metrics", "/v1/%2e%2e/metrics", "/v2/fetch", "/v1/fetch;x"]
)
def test_no_other_path_leads_anywhere(agent: AgentApp, path: str) -> None:
    assert code(agent.get(path)) == (404, "unknown_path")


def test_another_method_is_405(agent: AgentApp) -> None:
    answer = agent.get("/v1/fetch")

    assert code(answer) == (405, "method_not_allowed")
    assert "POST" in answer.headers["allow"]


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "Via", "X-Real-Ip"])
def test_a_forwarded_request_is_refused(agent: AgentApp, backend: Backend, header: str) -> None:
    assert code(agent.resolve(PASSWORD, **{header: "10.0.0.1"})) == (403, "forwarded")
    assert backend.calls == []


# Whose vault it is


def test_safe_options_of_a_request_go_upon_the_agents_settings(agent: AgentApp, backend: Backend) -> None:
    backend.answers["db"] = "whole"

    answer = agent.fetch("db", {"ttl": 5, "prefix": "a&b=c#d", "host": "127.0.0.1"})

    assert answer.json["ttl"] == 5.5
    assert backend.configs[0].prefix == "a&b=c#d"
    assert backend.configs[0].token.reveal() == "agents-own-token"


def test_who_names_another_vault_never_gets_the_agents_credentials_sent_there(
    agent: AgentApp, backend: Backend
) -> None:
    agent.fetch("db", {"host": "evil.example"})
    answer = agent.fetch("db", {"host": "other.internal", "token": "requests-own", "ttl": 7})

    evil, other = backend.configs
    assert (evil.host, evil.token) == ("evil.example", None)
    assert (other.host, other.token.reveal(), answer.json["ttl"]) == ("other.internal", "requests-own", 7.5)


def test_configs_that_differ_share_nothing(agent: AgentApp, backend: Backend) -> None:
    agent.fetch("db", {"host": "one"})
    agent.fetch("db", {"host": "one"})
    backend.answers["db"] = "another's"

    assert agent.fetch("db", {"host": "two"}).json["value"] == "another's"
    assert len(backend.calls) == 2


def test_a_locked_agent_takes_only_what_is_safe(make_agent: Callable[..., AgentApp], backend: Backend) -> None:
    agent = make_agent(vault_test_token="own", vault_py_allowed_overrides="test.host")
    agent.door = Door("socket", accepts="none")

    refused = agent.fetch("db", {"token": "canary-token"})

    assert code(refused) == (400, "config")
    assert "set vault_test_token in the agent's own settings" in refused.json["error"]["message"]
    assert "canary" not in refused.text
    assert agent.fetch("db", {"ttl": 5, "prefix": ""}).status_code == 200
    assert agent.fetch("db", {"host": "allowed.internal"}).status_code == 200
    assert backend.configs[-1].host == "allowed.internal"


def test_what_is_no_reference_may_be_a_secret_and_is_not_logged(
    agent: AgentApp, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("DEBUG"):
        for text in ("canary-4711", "{vault://canary-4711", "{vault://test/db?token=canary-4711}"):
            agent.resolve(text)
        agent.resolve("{vault://test/" + "x" * 10_000 + "}")
        agent.fetch("y" * 10_000)

    assert len([record for record in caplog.records if "400" in record.getMessage()]) == 3
    assert "canary" not in caplog.text
    assert max(len(record.getMessage()) for record in caplog.records if record.name.endswith("agent.app")) < 400


def test_an_error_names_the_vault_as_the_request_did(agent: AgentApp) -> None:
    message = agent.fetch("absent", {"host": "other", "token": "canary-token"}).json["error"]["message"]

    assert message.startswith("{vault://test/absent}: ")
    assert "canary" not in message


# Over TCP


def test_the_token_door(make_agent: Callable[..., AgentApp], tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(TOKEN)
    agent = make_agent(token=TokenFile(path))
    agent.door = Door("tcp", hosts=frozenset({"localhost:8811"}), needs_token=True, accepts="none")

    def ask(host: str = "localhost:8811", token: str | None = TOKEN) -> falcon.testing.Result:
        sent = {"Host": host} | ({} if token is None else {"X_Kong_Vault_Token": token})
        return agent.resolve(PASSWORD, **sent)

    assert ask().status_code == 200
    assert ask(host="LOCALHOST:8811").status_code == 200
    assert code(ask(token=None)) == code(ask(token="x")) == code(ask(token=TOKEN + "x")) == (401, "token")
    assert code(ask(host="localhost:1")) == code(ask(host="evil.example:8811")) == (403, "forwarded")
    assert agent.get("/v1/health", Host="localhost:8811").status_code == 200
    assert code(agent.get("/metrics", Host="localhost:8811")) == (401, "token")


def test_a_token_file_that_breaks_keeps_the_old_token(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.touch(mode=0o600)
    path.write_text(TOKEN)
    token = TokenFile(path)

    path.write_text("")
    token.reload()

    assert token.matches(TOKEN)
