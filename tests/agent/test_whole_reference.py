"""References that the agent and its clients write: they parse as what was meant, overrides and all."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import Reference, parse_reference, whole_reference

text = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(resource=text, config=st.dictionaries(text, text | st.just(True), min_size=1, max_size=5), version=st.none())
@example(resource="a/b", config={"ttl": "30", "prefix": "a&b=c#d}?{", "flag": True}, version=2)
@example(resource="caf\udce9", config={"p\udce9": "\udce9", "twice": ["1", "2"]}, version=None)
def test_a_reference_with_overrides_parses_as_itself(
    resource: str, config: dict[str, str | bool], version: int | None
) -> None:
    meant = Reference("hcv", resource, config=config, version=version)

    assert parse_reference(whole_reference(meant)) == meant


@pytest.mark.parametrize("reference", [Reference("hcv", ""), Reference("hcv", "a", key="b")])
def test_what_is_no_whole_resource_is_refused(reference: Reference) -> None:
    with pytest.raises(InvalidReferenceError, match="only a reference to a whole resource"):
        whole_reference(reference)
