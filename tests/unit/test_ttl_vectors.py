"""Kong's TTL arithmetic, case by case as recorded: adjust_ttl and get_cache_value_and_ttl.

Kong keeps two caches and we keep one, so the second function's results are derived here from ours: Kong's per-worker
entry lives as long as ours is served (or fresh, without resurrect_ttl), its shared entry at least two rotation
intervals. Two differences are ours on purpose (docs/kong-compatibility.md): a null ttl means "unset" where Kong's Lua
raises (T1), and a configured ttl of 0 means "no rotation" where Kong's value expires at once (T2).
"""

import math

import pytest

from kong_vault_py.cache import MAX_TTL_S, adjust_ttl, lifetime, miss_after
from kong_vault_py.errors import SecretNotFoundError
from kong_vault_py.options import StrategyConfig
from tests.unit.vectors import NULL, load_vectors

ADJUST = load_vectors("ttl", "adjust_ttl")
LIFETIMES = load_vectors("ttl", "get_cache_value_and_ttl")


def options(case):
    return {name: None if value is NULL else value for name, value in (case["input"]["config"] or {}).items()}


def same(ours, kongs):
    return ours == kongs or (math.isnan(ours) and math.isnan(kongs))


@pytest.mark.parametrize("case", ADJUST, ids=lambda case: case["id"])
def test_adjust_ttl(case):
    known = {name: value for name, value in options(case).items() if name in ("ttl", "min_ttl", "max_ttl")}
    expected = case["output"]["ttl"] if "output" in case else None

    ours = adjust_ttl(case["input"]["ttl"], **{"ttl": None, **known})

    if expected is NULL or expected is None:  # T1: Kong hands the null on, or raises
        assert ours == MAX_TTL_S
    else:
        assert same(ours, expected)


@pytest.mark.parametrize("case", LIFETIMES, ids=lambda case: case["id"])
def test_lifetimes(case):
    given = options(case)
    config = StrategyConfig(**{name: given[name] for name in given if name in StrategyConfig.__dataclass_fields__})
    if not isinstance(case["input"]["value"], str):  # Lua's nil and false alike are "nothing found"
        check_miss(case, config)
    else:
        check_value(case, config)


def check_miss(case, config):
    ours_s = miss_after(SecretNotFoundError("absent"), config, None, 0.0).until
    if config.neg_ttl is None:
        assert ours_s > 0
        return
    assert ours_s == config.neg_ttl
    assert same(at_least(case, ours_s), case["output"]["shdict_ttl"])


def check_value(case, config):
    fresh_s, serve_s = lifetime(case["input"]["ttl"], config)
    given_by_vault = isinstance(case["input"]["ttl"], (int, float)) and not isinstance(case["input"]["ttl"], bool)
    if config.ttl == 0 and not given_by_vault:  # T2
        assert fresh_s == MAX_TTL_S
        return
    worker_s = fresh_s if config.resurrect_ttl is None else serve_s
    if "lua_error" in case:  # T1
        assert worker_s > 0
        return
    assert same(worker_s, case["output"]["lru_ttl"])
    assert same(at_least(case, serve_s), case["output"]["shdict_ttl"])


def at_least(case, seconds):
    """Kong's floor under shared entries: two rotation intervals, which may be nan in a recording."""
    floor = case["secrets_cache_min_ttl"]
    return floor if math.isnan(floor) else max(seconds, floor)
