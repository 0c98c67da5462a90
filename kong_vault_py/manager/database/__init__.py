"""Tables, sessions and migrations; the only part of the manager that knows which database it is."""

from __future__ import annotations

from kong_vault_py.manager.database.connection import Database

__all__ = ["Database"]
