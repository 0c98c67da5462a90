"""A node of the manager's data plane: takes its vault entities from there, and reports what it resolved."""

from __future__ import annotations

from kong_vault_py.data_plane.data_plane import DataPlane

__all__ = ["DataPlane"]
