"""Which node, and which plugin on it, may resolve which references: the rules, apart from where they are kept.

A policy is for the vaults whose prefix matches. A denial that matches wins. Where a vault has any policy that
allows, nothing else of it is allowed; where it has none, everything that isn't denied is. Patterns are shell
patterns (``*``, ``?``, ``[abc]``) and match a whole name; ``resource`` matches ``<resource>`` or ``<resource>/<key>``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

__all__ = ["Policy", "may_resolve", "may_use_vault"]

_ANY = "*"


@dataclass(frozen=True)
class Policy:
    """One rule; the fields are patterns but for ``effect``, which is ``allow`` or ``deny``."""

    effect: str
    prefix: str
    node: str = _ANY
    plugin: str = _ANY
    resource: str = _ANY

    def is_about(self, prefix: str) -> bool:
        """Say whether the policy is for the vaults of this prefix."""
        return fnmatchcase(prefix, self.prefix)


def may_use_vault(policies: Iterable[Policy], prefix: str, node: str) -> bool:
    """Say whether a node may resolve anything behind a prefix."""
    about = [policy for policy in policies if policy.is_about(prefix)]
    for policy in about:
        if policy.effect == "deny" and fnmatchcase(node, policy.node) and policy.plugin == policy.resource == _ANY:
            return False
    allowed = [policy for policy in about if policy.effect == "allow"]
    return not allowed or any(fnmatchcase(node, policy.node) for policy in allowed)


def may_resolve(
    policies: Iterable[Policy], prefix: str, resource: str, *, node: str, plugin: str | None = None
) -> bool:
    """Say whether a node may resolve a reference.

    Args:
        policies: the group's.
        prefix: the reference's name.
        resource: its resource, with ``/<key>`` if it has one.
        node: the node's name.
        plugin: who asks there; ``None`` where that isn't known: then what any plugin may is allowed.
    """
    about = [policy for policy in policies if policy.is_about(prefix)]

    def matches(policy: Policy) -> bool:
        if not (fnmatchcase(node, policy.node) and fnmatchcase(resource, policy.resource)):
            return False
        if plugin is None:
            return policy.effect == "allow" or policy.plugin == _ANY
        return fnmatchcase(plugin, policy.plugin)

    if any(policy.effect == "deny" and matches(policy) for policy in about):
        return False
    allowed = [policy for policy in about if policy.effect == "allow"]
    return not allowed or any(matches(policy) for policy in allowed)
