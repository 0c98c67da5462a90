"""What the resolver tells of itself: look-ups with their age, statuses, counts, and fetches as they happen."""

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kong_vault_py import Settings, Vault
from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import ConfigError, InvalidReferenceError, SecretNotFoundError, UnavailableError
from kong_vault_py.reference import Reference, parse_reference, reference_text
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.base import HealthStatus
from tests.unit.backend import Backend, Clock, make_vault

PASSWORD = "{vault://test/db/password}"


@pytest.fixture
def backend():
    found = Backend()
    found.answers["db"] = '{"username": "app", "password": "pw-1"}'
    return found


@pytest.fixture
def clock():
    return Clock()


class Heard:
    """An observer that remembers."""

    def __init__(self):
        self.events = []

    def fetched(self, event):
        self.events.append(event)


def test_a_look_up_says_where_the_value_came_from_and_how_old_it_is(backend, clock):
    vault = make_vault(backend, clock, vault_test_ttl="30")

    first = vault.lookup(PASSWORD)
    clock.advance(10)
    second = vault.lookup(PASSWORD)

    assert first.secret.reveal() == second.secret.reveal() == "pw-1"
    assert (first.cached, first.age_s, first.ttl_s) == (False, 0.0, 30.0)
    assert (second.cached, second.age_s, second.ttl_s) == (True, 10.0, 20.0)
    assert (second.strategy, second.prefix, second.version) == ("test", "test", None)


def test_a_value_without_a_ttl_has_no_next_refresh(backend, clock):
    vault = make_vault(backend, clock)

    assert vault.lookup(PASSWORD).ttl_s is None


def test_a_vault_that_comes_with_the_request_is_cached_and_refreshed_like_any_other(backend, clock):
    vault = make_vault(backend, clock)
    entity = VaultEntity("kong", "test", {"ttl": 10}, "request")

    first = vault.lookup_in(entity, "db")
    again = vault.lookup_in(VaultEntity("kong", "test", {"ttl": 10}, "request"), "db")
    backend.answers["db"] = "rotated"
    clock.advance(10)
    vault.rotate()

    assert json.loads(first.secret.reveal())["password"] == "pw-1"
    assert (first.prefix, first.ttl_s, first.cached, again.cached) == ("kong", 10.0, False, True)
    assert vault.lookup_in(entity, "db").secret.reveal() == "rotated"
    assert backend.calls == ["db", "db"]


def test_two_configs_never_share_a_value(backend, clock):
    vault = make_vault(backend, clock)
    vault.lookup_in(VaultEntity("kong", "test", {"ttl": 10}, "request"), "db")
    backend.answers["db"] = "another account's"

    other = vault.lookup_in(VaultEntity("kong", "test", {"ttl": 11}, "request"), "db")

    assert (other.secret.reveal(), other.cached) == ("another account's", False)


def test_an_error_of_such_a_vault_names_what_the_caller_knows(backend, clock):
    vault = make_vault(backend, clock)

    with pytest.raises(SecretNotFoundError, match=r"^\{vault://kong/absent\}: ") as raised:
        vault.lookup_in(VaultEntity("kong", "test", {}, "request"), "absent")

    assert "test-" not in str(raised.value)


def test_a_config_that_is_no_data_is_refused(backend, clock):
    vault = make_vault(backend, clock)

    with pytest.raises(ConfigError, match="request: the config of a vault must be plain data"):
        vault.lookup_in(VaultEntity("kong", "test", {"ttl": float("nan")}, "request"), "db")


def test_configs_of_requests_are_forgotten_before_they_fill_the_memory(backend, clock):
    vault = make_vault(backend, clock)
    first = VaultEntity("kong", "test", {"ttl": 10}, "request")
    vault.lookup_in(first, "db")

    for number in range(1000):
        vault.lookup_in(VaultEntity("kong", "test", {"ttl": 11 + number}, "request"), "db")
    clock.advance(10)
    vault.rotate()

    assert all(resource.serve_for_s is not None for resource in vault.status().resources)
    assert len(vault.status().resources) == 1000
    assert vault.lookup_in(first, "db").cached is False


def test_the_status_counts_hits_misses_fetches_and_failures(backend, clock):
    vault = make_vault(backend, clock, vault_test_ttl="30")
    vault.get(PASSWORD)
    vault.get(PASSWORD)
    vault.get("{vault://test/db/username}")
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/absent}")

    counts = vault.status().counts

    assert (counts.hits, counts.misses, counts.fetches, counts.failures) == (1, 3, 2, 1)


def test_hits_outlive_a_refresh_and_a_flush(backend, clock):
    vault = make_vault(backend, clock, vault_test_ttl="30")
    vault.get(PASSWORD)
    vault.get(PASSWORD)
    backend.answers["db"] = '{"password": "pw-2"}'
    clock.advance(30)
    vault.rotate()
    vault.get(PASSWORD)

    assert vault.status().resources[0].hits == 2
    vault.flush()
    assert vault.status().counts.hits == 2


def test_the_status_of_a_resource_says_what_is_wrong_and_how_long_it_can_be_served(backend, clock):
    vault = make_vault(backend, clock, vault_test_ttl="30", vault_test_resurrect_ttl="60")
    vault.get(PASSWORD)
    backend.answers["db"] = UnavailableError("vault is sealed")
    clock.advance(30)
    vault.rotate()
    clock.advance(5)

    status = vault.status().resources[0]

    assert (status.references, status.strategy, status.failures) == ((PASSWORD,), "test", 1)
    assert (status.age_s, status.serve_for_s, status.refresh_in_s) == (35.0, 55.0, -4.0)
    assert "vault is sealed" in status.error
    json.dumps(vault.status().as_dict())


def test_a_status_shows_no_override(backend, clock):
    backend.answers["canary-db"] = backend.answers["db"]
    vault = make_vault(backend, clock)
    vault.get("{vault://test/db/password?prefix=canary-}")

    assert "canary" not in str(vault.status())


def test_an_observer_hears_of_each_fetch_and_of_how_late_it_was(backend, clock):
    heard = Heard()
    vault = make_vault(backend, clock, observer=heard, vault_test_ttl="30")
    vault.get(PASSWORD)
    backend.answers["db"] = '{"password": "pw-2"}'
    clock.advance(32)
    vault.rotate()
    backend.answers["db"] = UnavailableError("sealed")
    clock.advance(30)
    vault.rotate()

    told = [(event.outcome, event.changed, event.late_s) for event in heard.events]
    assert told == [("ok", False, None), ("ok", True, 2.0), ("UnavailableError", False, 0.0)]
    assert {(event.strategy, event.prefix, event.reference) for event in heard.events} == {("test", "test", PASSWORD)}


def test_a_vault_is_asked_how_it_is(backend, clock):
    vault = make_vault(backend, clock)

    assert vault.check("test").status is HealthStatus.OK
    unknown = vault.check("nowhere")
    assert unknown.status is HealthStatus.UNKNOWN
    assert "no vault entity has the prefix 'nowhere'" in unknown.detail


def test_entities_are_those_declared_and_those_of_settings(tmp_path):
    declared = tmp_path / "kong.yml"
    declared.write_text("vaults: [{name: env, prefix: mine, config: {prefix: MINE_}}]")
    values = {"vault_fs_prefix": "/run/secrets"}

    with Vault(Settings(values, RuntimeSettings(entities=str(declared))), background=False) as vault:
        assert [(entity.prefix, entity.name) for entity in vault.entities()] == [("mine", "env"), ("fs", "fs")]


@given(resource=st.text(min_size=1).filter(lambda text: _is_text(text)), version=st.none() | st.integers(0, 10**9))
@example(resource="a/b%2Fc;d?e#f{}", version=2)
@example(resource="caf\udce9", version=None)
@example(resource="..", version=1.5)
def test_a_written_reference_parses_as_itself(resource, version):
    written = Reference("hcv-0af3", resource, version=version)

    assert parse_reference(reference_text(written)) == written


def _is_text(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


@pytest.mark.parametrize(
    "reference", [Reference("hcv", ""), Reference("hcv", "a", key="b"), Reference("hcv", "a", config={"ttl": "1"})]
)
def test_what_cannot_be_written_is_refused(reference):
    with pytest.raises(InvalidReferenceError, match="only a reference to a whole resource"):
        reference_text(reference)
