"""The strategy ``konnect`` against the manager itself: what its own tests have a double for."""

import pytest

from kong_vault_py.errors import AuthenticationError, PermissionDeniedError, SecretNotFoundError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.registry import load_strategy
from tests.manager.running import ON_SQLITE


@pytest.fixture
def stored(api, group):
    """The path of a store with two versions of a secret."""
    path = f"/v2/control-planes/{group}/config-stores"
    store = api.root.post(path, json={"name": "s"}).json()["id"]
    for value in ("one", "two"):
        api.root.put(f"{path}/{store}/secrets/team/redis", json={"value": value})
    return store


@pytest.fixture
def strategy_of(api, group, stored):
    """The strategy with a node's token."""
    made = []

    def make(token):
        config = {"config_store_id": stored, "manager_url": api.url, "node_token": token}
        strategy_class = load_strategy("konnect")
        made.append(strategy_class(build_config(strategy_class.config_class, config, where="test")))
        return made[-1]

    yield make
    for strategy in made:
        strategy.close()


@ON_SQLITE
def test_it_reads_values_and_versions(api, group, strategy_of):
    strategy = strategy_of(api.node(group).headers["Authorization"].removeprefix("Bearer "))

    assert strategy.fetch("team/redis", None, timeout_s=5).value == "two"
    assert strategy.fetch("team/redis", 1.0, timeout_s=5).value == "one"
    with pytest.raises(SecretNotFoundError):
        strategy.fetch("absent", None, timeout_s=5)


@ON_SQLITE
def test_it_tells_a_wrong_token_from_a_policy(api, group, kong, strategy_of):
    kong.post("/policies", json={"effect": "deny", "prefix": "konnect", "resource": "team/*"})
    strategy = strategy_of(api.node(group).headers["Authorization"].removeprefix("Bearer "))

    with pytest.raises(PermissionDeniedError):
        strategy.fetch("team/redis", None, timeout_s=5)
    with pytest.raises(AuthenticationError):
        strategy_of("kvn_nobodys").fetch("team/redis", None, timeout_s=5)
