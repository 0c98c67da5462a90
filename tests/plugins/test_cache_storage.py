from __future__ import annotations

import pickle
from dataclasses import replace

import msgpack
import pytest

from kong_vault_py.plugin_kit.caching.entry import Entry, storable_headers
from kong_vault_py.plugin_kit.caching.outage import Outage
from kong_vault_py.plugin_kit.caching.storage_memory import MemoryStorage

ENTRY = Entry(200, {"content-type": ["image/png"], "x-many": ["1", "2"]}, bytes(range(256)), 1_800_000_000.5, 60.0)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_entry_survives_packing_byte_for_byte():
    odd = replace(ENTRY, headers={"x-latin": ["caf\udce9"]})

    assert Entry.unpack(ENTRY.pack()) == ENTRY
    assert Entry.unpack(odd.pack()) == odd


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{}",
        b"\x01",
        b"\x02" + ENTRY.pack()[1:],
        ENTRY.pack()[:-9],
        ENTRY.pack() + b"x",
        pickle.dumps(ENTRY.body),
        b"\x01" + msgpack.packb({"status": 200}),
        b"\x01" + msgpack.packb([200, {}, b"", 1.0]),
        b"\x01" + msgpack.packb([200, {}, "text", 1.0, 1.0]),
        b"\x01" + msgpack.packb(["200", {}, b"", 1.0, 1.0]),
        b"\x01" + msgpack.packb([9, {}, b"", 1.0, 1.0]),
        b"\x01" + msgpack.packb([200, {"a": "b"}, b"", 1.0, 1.0]),
        b"\x01" + msgpack.packb([200, {"a": [1]}, b"", 1.0, 1.0]),
        b"\x01" + msgpack.packb([200, [], b"", 1.0, 1.0]),
        b"\x01" + msgpack.packb([200, {}, b"", "now", 1.0]),
        b"\x01" + b"\x91" * 5000,
        b"\x01\xdd\xff\xff\xff\xff",
    ],
)
def test_damaged_and_foreign_values_are_no_entries(value):
    assert Entry.unpack(value) is None


def test_only_headers_that_may_be_replayed_are_stored():
    headers = {
        "content-type": ["text/plain"],
        "etag": ['"1"'],
        "connection": ["close, X-Hop"],
        "x-hop": ["1"],
        "transfer-encoding": ["chunked"],
        "content-length": ["3"],
        "x-ratelimit-remaining-minute": ["3"],
        "ratelimit-remaining": ["3"],
        "age": ["30"],
        "x-cache-status": ["Hit"],
    }

    assert storable_headers(headers) == {"content-type": ["text/plain"], "etag": ['"1"']}


def test_memory_gives_back_what_was_stored_until_its_time_is_over():
    clock = Clock()
    memory = MemoryStorage(10_000, clock)

    memory.store("long", b"1", 60)
    memory.store("short", b"2", 5)

    assert (memory.fetch("long"), memory.fetch("short"), memory.fetch("none")) == (b"1", b"2", None)
    clock.now += 5
    assert (memory.fetch("long"), memory.fetch("short")) == (b"1", None)


def test_memory_stays_within_its_size_and_drops_what_was_not_used():
    memory = MemoryStorage(5_000, Clock())

    memory.store("a", b"a" * 1500, 60)
    memory.store("b", b"b" * 1500, 60)
    memory.fetch("a")
    memory.store("c", b"c" * 1500, 60)

    assert [key for key in "abc" if memory.fetch(key)] == ["a", "c"]


def test_memory_does_not_keep_an_old_value_for_one_that_is_too_large():
    memory = MemoryStorage(5_000, Clock())
    memory.store("a", b"old", 60)

    memory.store("a", b"x" * 5_000, 60)

    assert memory.fetch("a") is None


def test_instances_that_name_the_same_memory_share_it():
    one = MemoryStorage.shared("dictionary", 10_000)
    one.store("a", b"1", 60)

    assert MemoryStorage.shared("dictionary", 10_000).fetch("a") == b"1"
    assert MemoryStorage.shared("another", 10_000).fetch("a") is None


def test_an_outage_is_news_once_and_again_for_another_reason():
    outage = Outage(Clock())

    assert [outage.began("refused"), outage.began("refused"), outage.began("timeout")] == [True, False, True]
    assert [outage.ended(), outage.ended()] == [True, False]


def test_while_it_is_out_one_caller_per_pause_tries():
    clock = Clock()
    outage = Outage(clock, pause_s=1)
    assert not outage.forbids()
    outage.began("refused")

    assert [outage.forbids(), outage.forbids()] == [True, True]
    clock.now += 1
    assert [outage.forbids(), outage.forbids()] == [False, True]
    outage.ended()
    assert not outage.forbids()
