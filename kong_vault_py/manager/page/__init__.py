"""The manager's page: server-rendered screens on the same services as the API, one router per screen."""

from __future__ import annotations

from fastapi import APIRouter

__all__ = ["page_routers"]


def page_routers() -> list[APIRouter]:
    """Return the routers of all screens, in the order in which paths are matched."""
    from kong_vault_py.manager.page import (
        api_tokens,
        audit,
        config_stores,
        groups,
        members,
        node_tokens,
        policies,
        references,
        sign_in,
        start,
        status,
        store_secrets,
        users,
        vault_changes,
        vaults,
    )

    modules = (
        sign_in, groups, vault_changes, vaults, references, config_stores, store_secrets, status, audit, policies,
        node_tokens, members, users, api_tokens, start,
    )  # fmt: skip
    return [start.root, *(module.router for module in modules)]
