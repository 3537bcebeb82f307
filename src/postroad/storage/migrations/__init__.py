"""The steps from each schema to the next, run by Alembic."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlalchemy import Connection

_FOLDER: Final = Path(__file__).parent

# The newest step, known without importing Alembic: each file begins with its number.
HEAD: Final = max(step.name[:4] for step in (_FOLDER / "versions").glob("[0-9]*.py"))


def upgrade(connection: Connection) -> None:
    """Run the missing steps in the transaction that has begun."""
    # Alembic and what it brings take 0.2 s; a start without migration needs neither.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
