"""Ten thousand references: rotated with one fetch per resource, whoever asked for them."""

from __future__ import annotations

import json
from collections import Counter

from kong_vault_py.agent.bodies import FetchRequest
from kong_vault_py.agent.requested import Requests
from tests.unit.backend import Backend, Clock, make_vault

RESOURCES = 1000
KEYS = 10


def test_ten_thousand_references_rotate_with_one_fetch_per_resource() -> None:
    backend, clock = Backend(), Clock()
    vault = make_vault(backend, clock, vault_test_ttl="60", vault_py_cache_max_entries=20_000)
    requests = Requests(vault, lambda _name: backend.strategy(), frozenset())

    def write(generation: int) -> None:
        for number in range(RESOURCES):
            fields = {f"key-{key}": f"{number}-{key}-{generation}" for key in range(KEYS)}
            backend.answers[f"resource-{number}"] = json.dumps(fields)

    def read() -> list[str]:
        return [
            vault.get(f"{{vault://test/resource-{number}/key-{key}}}").reveal()
            for number in range(RESOURCES)
            for key in range(KEYS)
        ]

    write(0)
    assert len(set(read())) == RESOURCES * KEYS
    for number in range(RESOURCES):
        requests.fetch(FetchRequest("test", {}, f"resource-{number}", None), accepts="own")
    write(1)
    clock.advance(60)
    vault.rotate()

    assert all(value.endswith("-1") for value in read())
    assert len(backend.calls) == RESOURCES * 2
    assert set(Counter(backend.calls).values()) == {2}
