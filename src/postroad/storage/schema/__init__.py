"""The tables, described once for every engine; `load` brings all of them."""

from __future__ import annotations

from sqlalchemy import MetaData

# Names that every engine and every migration agree on.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    }
)


def load() -> MetaData:
    """Return the description of every table."""
    from postroad.storage.schema import (  # noqa: F401 - they add theirs to it
        audit,
        installation,
        mail,
        search,
        tenants,
    )

    return metadata
