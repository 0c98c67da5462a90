"""Secrets in a stream of bytes: masked whatever the chunks, and nothing else changed."""

import base64
import itertools
import json
import os
import threading
import urllib.parse

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from kong_vault_py.child_process.masking import StreamMask, spellings
from kong_vault_py.child_process.output import MaskedOutput

SMALL = st.binary(max_size=40).map(lambda raw: bytes(b"abc"[byte % 3] for byte in raw))
PATTERNS = st.sets(SMALL.filter(lambda pattern: 0 < len(pattern) < 9), max_size=4)


def masked_at_once(data, patterns):
    """The definition: bytes that an occurrence covers go, overlapping occurrences being one mask."""
    found = sorted(
        (at, at + len(pattern)) for pattern in patterns for at in range(len(data)) if data.startswith(pattern, at)
    )
    out, end = b"", 0
    for start, stop in found:
        if start >= end:
            out += data[end:start] + b"****"
        end = max(end, stop)
    return out + data[end:]


@settings(max_examples=800, deadline=None, database=None, derandomize=True)
@given(data=SMALL, patterns=PATTERNS, cuts=st.lists(st.integers(0, 40)))
@example(data=b"abcabcab", patterns={b"abca", b"cabc"}, cuts=[1, 2, 3, 4, 5, 6, 7])
@example(data=b"ababab", patterns={b"ab", b"aba", b"ababa"}, cuts=[2, 4])
def test_chunks_make_no_difference(data, patterns, cuts):
    mask = StreamMask(patterns)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]

    out = b"".join(mask.feed(data[start:end]) for start, end in itertools.pairwise(edges)) + mask.finish()

    assert out == masked_at_once(data, patterns)


def test_what_can_be_no_secret_passes_at_once():
    mask = StreamMask([b"secret"])

    assert mask.feed(b"Password: ") == b"Password: "
    assert mask.feed(b"is se") == b"is "
    assert mask.feed(b"nt") == b"sent"
    mask.add([b"sent!"])
    assert (mask.feed(b" sent"), mask.finish()) == (b" ", b"sent")


SECRET = 'p/ä"s: +1'


@pytest.mark.parametrize(
    "printed",
    [
        SECRET,
        base64.b64encode(SECRET.encode()).decode(),
        base64.urlsafe_b64encode(SECRET.encode()).decode(),
        urllib.parse.quote(SECRET),
        urllib.parse.quote(SECRET, safe="").lower(),
        urllib.parse.quote_plus(SECRET),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1].replace("/", "\\/"),
    ],
)
def test_a_secrets_spellings_are_masked(printed):
    mask = StreamMask(spellings(SECRET.encode()))

    assert mask.feed(f"<{printed}>".encode()) + mask.finish() == b"<****>"


@pytest.mark.parametrize("user", ["", "a", "ab", "abc"])
def test_base64_with_more_around_it_is_masked_but_for_the_edges(user):
    coded = base64.b64encode(f"{user}:hunter22-hunter22\n".encode())
    mask = StreamMask(spellings(b"hunter22-hunter22"))

    out = mask.feed(coded) + mask.finish()

    assert out.count(b"****") == 1
    assert len(out.replace(b"****", b"")) <= len(base64.b64encode(f"{user}:\n".encode())) + 4


def test_short_values_are_not_masked_and_long_lines_each():
    key = b"-----BEGIN KEY-----\nMIIabcdefghijklmnop\nqrs=\n-----END KEY-----\n"

    assert spellings(b"on\n") == set()
    mask = StreamMask(spellings(key))
    printed = b"  -----BEGIN KEY-----\n  MIIabcdefghijklmnop\n  qrs=\n"
    assert mask.feed(printed) + mask.finish() == b"  -----BEGIN KEY-----\n  ****\n  qrs=\n"
    assert mask.feed(b"<" + key.strip() + b">") + mask.finish() == b"<****>"


def test_both_streams_go_through_and_nothing_is_lost_at_the_end():
    (out_reader, out), (err_reader, err) = os.pipe(), os.pipe()
    masked = MaskedOutput([b"secret"], (out, err))
    got = {}

    def read(name, descriptor):
        with os.fdopen(descriptor, "rb") as stream:
            got[name] = stream.read()

    readers = [threading.Thread(target=read, args=found) for found in (("out", out_reader), ("err", err_reader))]
    for reader in readers:
        reader.start()

    (_, first, _), (_, second, _) = masked.file_actions
    for piece in (b"\x00" * 100_000, b"sec", b"ret", b"se"):
        os.write(first, piece)
    os.write(second, b"a secret")
    masked.finish()
    os.close(out)
    os.close(err)
    for reader in readers:
        reader.join(10)

    assert got == {"out": b"\x00" * 100_000 + b"****se", "err": b"a ****"}


def test_output_and_error_to_one_file_share_a_pipe_and_a_reader_that_left_is_not_waited_for():
    reader, writer = os.pipe()
    masked = MaskedOutput([], (writer, writer))
    (_, first, _), (_, second, _) = masked.file_actions
    assert first == second

    os.close(reader)
    os.write(first, b"x")
    masked.finish()
    os.close(writer)


def test_a_process_left_behind_is_not_waited_for_longer_than_told():
    reader, writer = os.pipe()
    masked = MaskedOutput([], (writer, writer), drain_s=0.01)
    left_behind = os.dup(masked.file_actions[0][1])

    masked.finish()

    os.write(left_behind, b"later")
    os.close(left_behind)
    assert os.read(reader, 10) == b"later"
    os.close(reader)
    os.close(writer)
