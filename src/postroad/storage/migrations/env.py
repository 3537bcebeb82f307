"""Runs the steps on the connection that `migrate` has opened, inside its transaction."""

from __future__ import annotations

from alembic import context

from postroad.storage.schema import load

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=load(),
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
