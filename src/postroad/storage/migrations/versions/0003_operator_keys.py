"""A key of no app: the operator's own."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Text

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Let api_key.app_id be NULL."""
    with op.batch_alter_table("api_key") as api_key:
        api_key.alter_column("app_id", existing_type=Text(), nullable=True)
    if op.get_context().dialect.name == "sqlite":  # the table is a new one, without its triggers
        for change in ("INSERT", "UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER api_key_{change.lower()}_counts AFTER {change} ON api_key"  # noqa: S608
                " BEGIN UPDATE tenant_version SET number = number + 1; END"
            )
