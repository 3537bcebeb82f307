"""A whole database, table by table, into a new one: backup, restore and move are the same walk."""
