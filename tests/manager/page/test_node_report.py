"""What a node reported is shown as far as it makes sense, and nothing of it breaks the page."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kong_vault_py.manager.page.node_report import NodeReport
from kong_vault_py.manager.page.screen import spoken_age
from kong_vault_py.status import Counts, ResourceStatus, VaultStatus

NAMES = st.sampled_from(
    ["resources_total", "counts", "resources", "references", "failures", "age_s", "hits", "error", "prefix"]
)
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just(10**400)
JUNK = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5))


def report(status, about=None, now=1000, seen_at=990):
    return NodeReport.of({"node": "gw", "about": about or {}, "status": status, "seen_at": seen_at}, now)


def test_a_resolvers_own_status_is_understood():
    fine = ResourceStatus(("{vault://a/b}",), "a", "env", 3, 20.0, 40.0, 100.0, 0, None)
    failing = ResourceStatus(("{vault://a/c}",), "a", None, 0, None, -5.0, None, 2, "no such secret")
    pinned = ResourceStatus(("{vault://a/d#1}",), "a", "hcv", 1, 99999.0, None, 9e9, 0, None)
    status = VaultStatus(Counts(3, 1, 2, 2, 0), (fine, failing, pinned)).as_dict()

    # As JSON brings it: arrays are lists.
    status["resources"] = [{**found, "references": list(found["references"])} for found in status["resources"]]
    shown = report({**status, "resources_total": 12}, {"version": "1.0", "started_at": 1_800_000_000})

    assert shown.counts == {"hits": 3, "misses": 1, "fetches": 2, "failures": 2, "evictions": 0}
    assert [(found.references, found.failing) for found in shown.resources] == [
        (("{vault://a/b}",), False),
        (("{vault://a/c}",), True),
        (("{vault://a/d#1}",), False),
    ]
    assert (shown.failing, shown.oldest_s, shown.total) == (1, 20.0, 12)
    assert shown.about == (("version", "1.0"), ("started_at", "2027-01-15 08:00:00 UTC"))
    assert (shown.silent_s, shown.late) == (10, False)
    assert report({}, seen_at=100).late


@given(status=st.dictionaries(NAMES, JUNK), about=st.dictionaries(st.text(max_size=5) | st.just("x_at"), JUNK))
@settings(max_examples=100, deadline=None)
def test_junk_breaks_nothing(status, about):
    shown = report(status, about)

    assert shown.failing >= 0
    assert all(isinstance(text, str) for pair in shown.about for text in pair)
    for found in shown.resources:
        ages = [age for age in (found.age_s, found.refresh_in_s, found.serve_for_s) if age is not None]
        assert all(spoken_age(age)[-1].isalpha() for age in ages)


def test_ages_are_told_in_a_unit_that_suits_them():
    assert [spoken_age(age).replace("\N{NO-BREAK SPACE}", " ") for age in (0, 119, 120, 7200, 172800, -300)] == [
        "0 s",
        "119 s",
        "2 min",
        "2 h",
        "2 d",
        "-5 min",
    ]
