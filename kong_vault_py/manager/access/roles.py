"""Roles in a group, and who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from kong_vault_py.manager.problems import NotAllowedError, NotVisibleError

__all__ = ["Principal", "Role"]


class Role(IntEnum):
    """What a user may do in a group; each role may all that the lower ones may."""

    VIEWER = 1
    """See vaults, Config Stores' keys, nodes and policies."""
    EDITOR = 2
    """Change vaults and Config Stores' secrets."""
    ADMIN = 3
    """Give out node tokens, set policies and roles, read the audit."""

    @property
    def word(self) -> str:
        """The role as written in the API."""
        return self.name.lower()


@dataclass(frozen=True)
class Principal:
    """A user who is signed in.

    Attributes:
        superadmin: may do everything in every group, and make groups and users.
        roles: group id -> role.
        csrf_token: what a browser's session has to send with every change; ``None`` for API tokens.
    """

    id: str
    username: str
    superadmin: bool = False
    roles: Mapping[str, Role] = field(default_factory=dict)
    csrf_token: str | None = None

    @property
    def actor(self) -> str:
        """The name in the audit."""
        return f"user:{self.username}"

    @property
    def visible_groups(self) -> frozenset[str] | None:
        """The ids of the groups that this user sees; ``None`` for all."""
        return None if self.superadmin else frozenset(self.roles)

    def role_in(self, group_id: str) -> Role | None:
        """Return the role in a group, ``None`` without one."""
        return Role.ADMIN if self.superadmin else self.roles.get(group_id)

    def require(self, role: Role, group_id: str) -> None:
        """Raise where the user lacks a role in a group.

        Raises:
            NotVisibleError: they have no role there at all, so may not know that it exists.
            NotAllowedError: they have a lower one.
        """
        held = self.role_in(group_id)
        if held is None:
            raise NotVisibleError
        if held < role:
            raise NotAllowedError(f"this needs the role {role.word} in the group")

    def require_superadmin(self) -> None:
        """Raise NotAllowedError for anyone but a superadmin."""
        if not self.superadmin:
            raise NotAllowedError("this needs a superadmin")
