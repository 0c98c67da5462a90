"""Every secret's reference reads as itself, and plain names stay plain."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.manager.page.reference_text import write_reference
from kong_vault_py.reference import parse_reference

TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (("env", "redis-password"), "{vault://env/redis-password}"),
        (("hcv", "redis", "password"), "{vault://hcv/redis/password}"),
        (("hcv", "team/redis", "password", "2"), "{vault://hcv/team/redis/password#2}"),
        (("hcv", "team/redis"), "{vault://hcv/team/redis/}"),
        (("aws", "a b"), "{vault://aws/a%2520b}"),
        (("aws", "/leading"), "{vault://aws/%252Fleading/}"),
        (("aws", "a//b", "k"), "{vault://aws/a%252F%252Fb/k}"),
        (("aws", "100%", "a/b"), "{vault://aws/100%2525/a%252Fb}"),
        (("aws", "x", "", "007"), "{vault://aws/x#7}"),
    ],
)
def test_plain_names_stay_plain_and_the_rest_is_escaped(parts, text):
    assert write_reference(*parts) == text


@given(resource=TEXT, key=TEXT | st.just(""), version=st.integers(0, 10**9).map(str) | st.just(""))
@settings(max_examples=200, deadline=None)
def test_whatever_it_is_called_it_reads_as_itself(resource, key, version):
    read = parse_reference(write_reference("my-vault", resource, key, version))

    assert (read.name, read.resource, read.key or "", read.config) == ("my-vault", resource, key, None)
    assert read.version == (int(version) if version else None)


@pytest.mark.parametrize(
    "parts",
    [
        ("", "a"),
        ("v", ""),
        ("a/b", "c"),
        ("a#b", "c"),
        ("a:1", "c"),
        ("a@b", "c"),
        ("v", "r", "", "-1"),
        ("v", "r", "", "x"),
    ],
)
def test_what_no_reference_says_is_refused(parts):
    with pytest.raises(InvalidReferenceError):
        write_reference(*parts)
