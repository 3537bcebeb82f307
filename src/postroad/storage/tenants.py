"""What every request asks of apps, users, keys and relays, and what logins write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from postroad.errors import NotFoundError, StorageError
from postroad.storage.engine import Database, ForeignKeyViolationError, Work
from postroad.storage.rows import Shape, micros, moment
from postroad.storage.shapes import Shapes
from postroad.tenancy.records import (
    ApiKey,
    App,
    Developer,
    RelayAccount,
    Route,
    User,
    UserToken,
)

_FORGOTTEN = timedelta(days=30)  # the table of failures grows with every address that guesses
T = TypeVar("T")

_NEVER = (0, moment(0))
_LOGGED_IN = "UPDATE app_user SET login_at = ? WHERE id = ? AND app_id = ? RETURNING id"
_ADD_LOGIN = """
    INSERT INTO user_token (digest, app_id, user_id, created_at, expires_at) VALUES (?, ?, ?, ?, ?)
"""
_DROP_TOKENS = """
    DELETE FROM user_token WHERE user_id = ? AND digest NOT IN
        (SELECT digest FROM user_token WHERE user_id = ?
         ORDER BY digest = ? DESC, created_at DESC, digest LIMIT ?)
"""
_BIND_MAIL = "UPDATE app_user SET email = ? WHERE id = ? AND app_id = ? RETURNING id"
_FAILURES = "SELECT count, at FROM login_failure WHERE key = ?"
_COUNT_FAILURE = """
    INSERT INTO login_failure (key, count, at) VALUES (?, 1, ?)
    ON CONFLICT (key) DO UPDATE SET count = login_failure.count + 1,
        at = CASE WHEN login_failure.at > excluded.at THEN login_failure.at ELSE excluded.at END
"""
_FORGIVE_FAILURE = (
    "UPDATE login_failure SET count = count - 1 WHERE key = ? AND count > 0 RETURNING count"
)
_ANY_OF = "(app_id = ? OR app_id IS NULL)"  # the app's own and the operator's


class TenantStore:
    """Facts, accounts and relays in one database; a port of `operations` and of the worker.

    Its reads are primary keys and indexes: they are done at once, on the caller's thread.
    """

    def __init__(self, database: Database) -> None:
        shapes = Shapes(database.cipher)
        self._database = database
        self._shapes = shapes
        self._facts = database.facts
        self._sql_app = shapes.app.select("id = ?")
        self._sql_developer = shapes.developer.select("id = ?")
        self._sql_user = shapes.user.select("app_id = ? AND account = ?")
        self._sql_user_by_id = shapes.user.select("id = ? AND app_id = ?")
        self._sql_new_user = (
            f"{shapes.user.insert()} ON CONFLICT (app_id, account) DO NOTHING RETURNING id"
        )
        self._sql_token = shapes.token.select("digest = ? AND app_id = ?")
        self._sql_key = shapes.key.select("digest = ?")
        self._sql_relays = shapes.relay.select(f"{_ANY_OF} ORDER BY created_at, id")
        self._sql_relay = shapes.relay.select(f"id = ? AND {_ANY_OF}")
        self._sql_routes = shapes.route.select("app_id = ? ORDER BY position, created_at, id")

    async def app(self, app_id: str) -> App | None:
        """Return the app, its signatures decrypted."""
        return await self._one(self._sql_app, (app_id,), self._shapes.app)

    async def developer(self, developer_id: str) -> Developer | None:
        """Return the developer."""
        return await self._one(self._sql_developer, (developer_id,), self._shapes.developer)

    async def user(self, app_id: str, account: str) -> User | None:
        """Return the app's user with this account."""
        return await self._one(self._sql_user, (app_id, account), self._shapes.user)

    async def user_by_id(self, app_id: str, user_id: str) -> User | None:
        """Return the app's user with this id."""
        return await self._one(self._sql_user_by_id, (user_id, app_id), self._shapes.user)

    async def token(self, app_id: str, digest: bytes) -> UserToken | None:
        """Return the app's token with this digest, expired or not."""
        return await self._one(self._sql_token, (digest, app_id), self._shapes.token)

    async def api_key(self, digest: bytes) -> ApiKey | None:
        """Return the key with this digest, expired or disabled or not."""
        return await self._one(self._sql_key, (digest,), self._shapes.key)

    async def relays(self, app_id: str) -> list[RelayAccount]:
        """Return the relays the app may use, its own and the operator's, oldest first."""
        return await self._all(self._sql_relays, (app_id,), self._shapes.relay)

    async def routes(self, app_id: str) -> list[Route]:
        """Return the app's routes in rising position."""
        return await self._all(self._sql_routes, (app_id,), self._shapes.route)

    async def failures(self, keys: Sequence[str]) -> list[tuple[int, datetime]]:
        """Return for each key how many logins failed in a row and when the last did."""
        found: list[tuple[int, datetime]] = []
        for key in keys:
            rows = await self._database.read(
                "SELECT count, at FROM login_failure WHERE key = ?", (key,)
            )
            found.append((rows[0][0], moment(rows[0][1])) if rows else _NEVER)
        return found

    async def register(self, user: User) -> bool:
        """Store a new user; False when the account is taken.

        raises: NotFoundError when there is no such app.
        """
        columns = tuple(self._shapes.user.values(user).values())

        def work() -> Work[bool]:
            try:
                return bool((yield self._sql_new_user, columns))
            except ForeignKeyViolationError as error:
                raise NotFoundError("there is no such app") from error

        return await self._changed(work)

    async def add_token(self, token: UserToken, *, keep: int) -> None:
        """Store a token, note the login, and drop the user's others beyond the `keep` newest.

        raises: NotFoundError when the app has no such user.
        """
        created, expires = micros(token.created_at), micros(token.expires_at)

        def work() -> Work[None]:
            if not (yield _LOGGED_IN, (created, token.user_id, token.app_id)):
                raise NotFoundError("the app has no such user")
            yield _ADD_LOGIN, (token.digest, token.app_id, token.user_id, created, expires)
            yield _DROP_TOKENS, (token.user_id, token.user_id, token.digest, keep)

        await self._changed(work)

    async def bind_mail(self, app_id: str, user_id: str, email: str) -> None:
        """Set the user's address.

        raises: NotFoundError when the app has no such user.
        """

        def work() -> Work[None]:
            if not (yield _BIND_MAIL, (email, user_id, app_id)):
                raise NotFoundError("the app has no such user")

        await self._changed(work)

    async def login_failed(self, keys: Sequence[str], at: datetime) -> None:
        """Count one more failure for each key, and forget those of a month ago."""
        last, long_ago = micros(at), micros(at - _FORGOTTEN)

        def work() -> Work[None]:
            yield "DELETE FROM login_failure WHERE at < ?", (long_ago,)
            for key in keys:
                yield _COUNT_FAILURE, (key, last)

        await self._database.write(work)

    async def login_succeeded(self, keys: Sequence[str]) -> None:
        """Forget the failures of each key."""
        if not any(count for count, _ in await self.failures(keys)):
            return  # as nearly always: a commit saved

        def work() -> Work[None]:
            for key in keys:
                yield "DELETE FROM login_failure WHERE key = ?", (key,)

        await self._database.write(work)

    async def failure_forgiven(self, key: str) -> None:
        """Take one failure off a key that has any."""
        await self._database.execute(_FORGIVE_FAILURE, (key,))

    async def relay(self, app_id: str, relay_id: str) -> RelayAccount | None:
        """Return a relay that the app may use."""
        return await self._one(self._sql_relay, (relay_id, app_id), self._shapes.relay)

    async def relay_secret(self, app_id: str, relay: RelayAccount) -> str:
        """Return the password of a relay as it was read, "" for none.

        raises: StorageError when it cannot be decrypted with the key file, or when the relay has
                got another host since: its password is told to no other.
        """
        return await self._facts.get(
            ("secret", relay.id, relay.host, app_id), lambda: self._decrypted(app_id, relay)
        )

    async def _decrypted(self, app_id: str, relay: RelayAccount) -> str:
        rows = await self._database.read(
            "SELECT secret, host FROM relay WHERE id = ? AND (app_id = ? OR app_id IS NULL)",
            (relay.id, app_id),
        )
        if not rows or rows[0][0] is None:
            return ""
        if rows[0][1] != relay.host:
            raise StorageError(f"relay {relay.name} was changed in this moment: try again")
        return self._database.cipher.decrypt(rows[0][0], f"relay:{relay.id}:secret")

    async def _one(self, sql: str, parameters: tuple[object, ...], shape: Shape[T]) -> T | None:
        async def read() -> T | None:
            rows = await self._database.read(sql, parameters)
            return shape.read(rows[0]) if rows else None

        return await self._facts.get((sql, parameters), read)

    async def _all(self, sql: str, parameters: tuple[object, ...], shape: Shape[T]) -> list[T]:
        async def read() -> list[T]:
            return [shape.read(row) for row in await self._database.read(sql, parameters)]

        return await self._facts.get((sql, parameters), read)

    async def _changed(self, work: Callable[[], Work[T]]) -> T:
        try:
            return await self._database.write(work)
        finally:
            self._facts.forget()
