"""PostgreSQL's errors as the stores know them."""

from __future__ import annotations

import re

import asyncpg

from postroad.errors import StorageError
from postroad.storage.engine import ForeignKeyViolationError, UniqueViolationError

ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What the driver raises; TimeoutError is among the OSErrors, and so are those of TLS."""

# What the driver refuses before it connects, such as a missing root certificate.
_UNUSABLE = (asyncpg.ClientConfigurationError, ValueError)
_USER = re.compile('(user|role) "[^"]*"')

# Another transaction stood in the way and is gone now, or a newer version has migrated and the
# statements have to be prepared anew: the same work may well succeed.
_PASSING = (
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.InvalidCachedStatementError,
    asyncpg.OutdatedSchemaCacheError,
)

# The server that we talk to will take no more writes: it was demoted, or is going down.
_PARTING = (
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
)


def failed(error: BaseException) -> StorageError:
    """Return the error that a caller gets for the driver's."""
    if isinstance(error, asyncpg.UniqueViolationError):
        translation: StorageError = UniqueViolationError(str(error))
    elif isinstance(error, asyncpg.ForeignKeyViolationError):
        translation = ForeignKeyViolationError(str(error))
    elif isinstance(error, TimeoutError | asyncpg.QueryCanceledError):
        translation = StorageError("PostgreSQL did not answer in time")
    elif isinstance(error, asyncpg.InvalidPasswordError):
        translation = StorageError(
            "PostgreSQL refused the password: give it in PGPASSWORD or ~/.pgpass"
        )
    elif isinstance(error, asyncpg.InvalidAuthorizationSpecificationError):
        translation = StorageError(f"PostgreSQL does not let the user in: {_line(error)}")
    elif isinstance(error, _UNUSABLE):
        translation = StorageError(
            f"the URL of the PostgreSQL database cannot be used: {_line(error)}"
        )
    elif isinstance(error, OSError):
        translation = StorageError(f"PostgreSQL cannot be reached: {error}")
    else:
        translation = StorageError(f"PostgreSQL refused: {_line(error)}")
    translation.__cause__ = error
    return translation


def is_passing(error: BaseException | None) -> bool:
    """Whether the same work may succeed when it is simply done again."""
    return isinstance(error, _PASSING)


def is_parting(error: BaseException | None) -> bool:
    """Whether the connection should be given up for one to the server that takes writes now."""
    return isinstance(error, _PARTING)


def _line(error: BaseException) -> str:
    """Return the driver's words on one line, without the name of a user."""
    return _USER.sub("the URL's user", " ".join(str(error).split()))
