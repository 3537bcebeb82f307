"""Runs the steps on the connection that `migrate` has opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from postroad.storage.migrations.noting import note_migration
from postroad.storage.schema import load

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=load(), transactional_ddl=True)
before = context.get_context().get_current_revision()
with context.begin_transaction():
    context.run_migrations()
after = context.get_context().get_current_revision()
if before is not None and after != before:  # a new database is no change of one
    note_migration(connection, before, str(after))
