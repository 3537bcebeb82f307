"""SQLite as the engine: one file, one writer."""
