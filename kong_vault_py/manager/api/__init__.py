"""The HTTP API: one router per subject; none of them decides anything that isn't about HTTP or roles."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["routers"]


def routers() -> list[APIRouter]:
    """Return all routers, in the order in which paths are matched."""
    from kong_vault_py.manager.api import (
        access,
        audit,
        config_stores,
        dataplane,
        deck,
        groups,
        kong,
        nodes,
        policies,
        system,
        users,
        vaults,
    )

    modules = (system, access, users, groups, nodes, policies, audit, deck, vaults, config_stores, dataplane, kong)
    return [module.router for module in modules]
