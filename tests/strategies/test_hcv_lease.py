"""When a token is renewed or replaced: pure arithmetic."""

from __future__ import annotations

import math

import pytest

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.lease import Lease
from kong_vault_py.strategies.hcv.login import Login

TOKEN = Secret("hvs.token")


@pytest.mark.parametrize(
    ("ttl_s", "renewable", "repeatable", "act_at_s"),
    [
        (60, True, True, 140),
        (60, True, False, 140),
        (60, False, True, 140),
        (60, False, False, math.inf),
        (0, False, True, math.inf),
        (0, True, False, math.inf),
    ],
    ids=["approle", "token", "batch token", "last token", "approle without end", "root token"],
)
def test_when_to_act(ttl_s: float, renewable: bool, repeatable: bool, act_at_s: float) -> None:
    lease = Lease.of(Login(TOKEN, ttl_s, renewable), 100, repeatable=repeatable)

    assert lease.act_at_s == act_at_s
    assert lease.expires_at_s == (100 + ttl_s if ttl_s else math.inf)


def test_what_never_expires_is_not_renewed() -> None:
    assert not Lease.of(Login(TOKEN, 0, renewable=True), 100, repeatable=True).renewable


def test_a_renewal_starts_over() -> None:
    lease = Lease.of(Login(TOKEN, 60, renewable=True), 100, repeatable=True)

    renewed = lease.renewed(60, 140, repeatable=True)

    assert (renewed.renewable, renewed.act_at_s, renewed.expires_at_s) == (True, 180, 200)


def test_near_the_maximum_life_a_new_login_is_due_instead() -> None:
    lease = Lease.of(Login(TOKEN, 60, renewable=True), 100, repeatable=True)

    assert not lease.renewed(29, 140, repeatable=True).renewable
    assert lease.renewed(29, 140, repeatable=False).renewable, "a configured token has nothing else"


def test_a_failed_renewal_is_tried_again_after_two_thirds_of_what_is_left() -> None:
    lease = Lease.of(Login(TOKEN, 60, renewable=True), 100, repeatable=True)

    assert lease.postponed(151).act_at_s == 157


def test_what_cannot_be_prolonged_is_left_alone() -> None:
    final = Lease.of(Login(TOKEN, 60, renewable=True), 100, repeatable=False).final()

    assert (final.renewable, final.act_at_s, final.expires_at_s) == (False, math.inf, 160)
