from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kong_vault_py.dialect.lua_value import to_bytes
from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import Reference, find_references, is_reference, parse_reference

# Lone surrogates included.
ANY_TEXT = st.text(st.characters(exclude_categories=()))


def test_a_reference_with_everything_in_it():
    reference = parse_reference("{vault://hcv/team/redis/password?ttl=60&prefix=x#2}")

    assert reference == Reference(
        name="hcv",
        resource="team/redis",
        key="password",
        config={"ttl": "60", "prefix": "x"},
        version=2,
    )


def test_a_trailing_slash_makes_everything_the_resource():
    assert parse_reference("{vault://hcv/team/redis/}").resource == "team/redis"
    assert parse_reference("{vault://hcv/team/redis/}").key is None


def test_bytes_are_parsed_like_text():
    assert parse_reference(b"{vault://env/\xff}") == parse_reference("{vault://env/\udcff}")


def test_the_error_says_what_is_missing():
    with pytest.raises(InvalidReferenceError, match=r"^reference url is missing host \[\{vault:///a\}\]$"):
        parse_reference("{vault:///a}")


def test_a_surrogate_that_escapes_no_byte_is_kept_as_its_bytes():
    assert to_bytes(parse_reference("{vault://env/\ud800}").resource) == b"\xed\xa0\x80"


@pytest.mark.parametrize("value", [None, True, 42, 10**400, 1.5, [], {}, object(), print])
def test_only_text_is_a_reference(value):
    with pytest.raises(InvalidReferenceError, match=r"^not a reference \["):
        parse_reference(value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Bearer {vault://hcv/api/token}", ["{vault://hcv/api/token}"]),
        ("{vault://env/user}:{vault://env/password}", ["{vault://env/user}", "{vault://env/password}"]),
        ("{vault://env/a}}", ["{vault://env/a}"]),
        ('{"token": "{vault://env/a?ttl=1#2}"}', ["{vault://env/a?ttl=1#2}"]),
        ("{vault://env/a {vault://env/b}", ["{vault://env/b}"]),
        ("{vault://env/a", []),
        ("vault://env/a}", []),
        ("{Vault://env/a}", []),
        ("", []),
    ],
)
def test_references_in_a_longer_text(text, found):
    assert [text[start:end] for start, end in find_references(text)] == found


@given(st.one_of(ANY_TEXT, st.binary(), ANY_TEXT.map(lambda text: f"{{vault://{text}}}")))
def test_any_text_is_a_reference_or_a_clean_refusal(text):
    try:
        reference = parse_reference(text)
    except InvalidReferenceError:
        return
    assert is_reference(text)
    assert reference.name
    assert isinstance(reference.resource, str)


@given(
    name=st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True),
    segments=st.lists(st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True), min_size=1, max_size=5),
    version=st.none() | st.integers(0, 1000),
)
def test_what_is_written_plainly_is_read_plainly(name, segments, version):
    suffix = "" if version is None else f"#{version}"

    reference = parse_reference(f"{{vault://{name}/{'/'.join(segments)}{suffix}}}")

    read = [reference.resource] if reference.key is None else [reference.resource, reference.key]
    assert (reference.name, "/".join(read), reference.version) == (name, "/".join(segments), version)


@given(st.text())
def test_embedded_references_never_overlap(text):
    end_of_last = 0
    for start, end in find_references(text + "{vault://env/a}" + text):
        assert start >= end_of_last
        assert is_reference((text + "{vault://env/a}" + text)[start:end])
        end_of_last = end
