"""PostgreSQL as the engine: any number of servers on one database."""
