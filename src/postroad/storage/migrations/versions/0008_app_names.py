"""No two apps have one name, whoever names them."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, Text, text

from postroad.tenancy.names import name_key

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add what a name is compared by.

    Apps that have one name already keep it: of them the oldest alone has the key of the name, the
    others theirs with their ids, which no name has. Whoever names one of them again has to choose
    another. A server of the version before writes no key: what it makes meanwhile is not compared.
    """
    is_sqlite = op.get_context().dialect.name == "sqlite"
    with op.batch_alter_table("app", recreate="always" if is_sqlite else "never") as table:
        table.add_column(Column("name_key", Text(), nullable=True))
    if is_sqlite:  # the table is a new one, without triggers
        for change in ("INSERT", "UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER app_{change.lower()}_counts AFTER {change} ON app"  # noqa: S608 - names of ours
                " BEGIN UPDATE tenant_version SET number = number + 1; END"
            )
    connection = op.get_bind()
    taken: set[str] = set()
    for app_id, name in connection.execute(
        text("SELECT id, name FROM app ORDER BY created_at, id")
    ).fetchall():
        key = name_key(name)
        unique = f"{key}\n{app_id}" if key in taken else key  # a key has no line break
        taken.add(key)
        connection.execute(
            text("UPDATE app SET name_key = :key WHERE id = :id"), {"key": unique, "id": app_id}
        )
    if not is_sqlite:  # a table with triggers to come has no index
        op.execute("SET CONSTRAINTS ALL IMMEDIATE")
    op.create_index(op.f("uq_app_name_key"), "app", ["name_key"], unique=True)
