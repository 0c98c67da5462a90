"""Alembic's entry: runs the steps on the connection that ``migrating.py`` opened, in its transaction."""

from __future__ import annotations

from alembic import context

from kong_vault_py.manager.database.models import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
