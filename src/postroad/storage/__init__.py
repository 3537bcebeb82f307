"""Keeping things: the schema, its migrations, SQLite, group commit, secrets at rest."""
