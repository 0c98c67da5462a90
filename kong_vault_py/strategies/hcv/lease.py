"""When to act on a token: arithmetic on moments, nothing else."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.login import Login

__all__ = ["Lease"]

#: A token is renewed, or replaced by a new login, when this much of its life is over.
_ACT_AT = 2 / 3


@dataclass(frozen=True)
class Lease:
    """A token with the moments that matter, in seconds of one clock.

    Attributes:
        token: the client token.
        ttl_s: how long it lived when Vault gave it or prolonged it; 0 for ever.
        renewable: a renewal is worth asking for.
        act_at_s: from then on it is to be renewed or replaced; infinite where neither is possible.
        expires_at_s: from then on Vault refuses it.
    """

    token: Secret
    ttl_s: float
    renewable: bool
    act_at_s: float
    expires_at_s: float

    @classmethod
    def of(cls, login: Login, now_s: float, *, repeatable: bool) -> Lease:
        """Return the lease of a login that was asked for at ``now_s``."""
        expires_at_s = now_s + login.ttl_s if login.ttl_s else math.inf
        lease = cls(login.token, login.ttl_s, login.renewable and bool(login.ttl_s), math.inf, expires_at_s)
        return lease.postponed(now_s) if lease.renewable or repeatable else lease

    def renewed(self, ttl_s: float, now_s: float, *, repeatable: bool) -> Lease:
        """Return the lease after a renewal asked for at ``now_s``, which granted ``ttl_s``.

        Near a token's maximum life Vault grants less and less: there a new login is due, not one more renewal.
        """
        worthwhile = not repeatable or ttl_s >= self.ttl_s / 2
        return Lease.of(Login(self.token, ttl_s, worthwhile), now_s, repeatable=repeatable)

    def postponed(self, now_s: float) -> Lease:
        """Return the lease with the next try after two thirds of what is left."""
        return replace(self, act_at_s=now_s + (self.expires_at_s - now_s) * _ACT_AT)

    def final(self) -> Lease:
        """Return the lease of a token that nothing prolongs."""
        return replace(self, renewable=False, act_at_s=math.inf)
