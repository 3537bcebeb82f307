"""The audit log: every change in it, in a chain that shows what was done to it afterwards."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from tests.contracts.tenant_stores import APP, NOW, OTHER, app, key, operator, relay, user
from tests.support.engines import Place

from postroad.errors import ConflictError, NotFoundError, StorageError
from postroad.message import Address
from postroad.storage.audit import AuditLog, append
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.tenancy.audit import (
    BEGINNING,
    Actor,
    AuditEntry,
    AuditFilter,
    End,
    Note,
    as_object,
)
from postroad.tenancy.records import AppState, Mode

T = TypeVar("T")

KIM = Actor("key:01956000-kim", "192.0.2.7")


@dataclass(frozen=True, slots=True)
class Records:
    """The audit log of a database, and the records that it tells of, changed by KIM."""

    database: Database
    audit: AuditLog
    directory: DirectoryStore

    async def entries(self, limit: int = 1_000, **which: Any) -> list[AuditEntry]:
        return await self.audit.entries(AuditFilter(**which), limit=limit)

    async def five(self) -> list[AuditEntry]:
        """Return five entries that were just written."""
        await self.directory.apps.add(app())
        for state in (AppState.STOPPED, AppState.NORMAL, AppState.STOPPED, AppState.NORMAL):
            await self.directory.apps.change(APP, state=state)
        return await self.entries()

    async def misfit(self, noted: End = BEGINNING) -> str:
        return (await self.audit.verify(noted)).misfit


async def noted(database: Database, note: Note) -> None:
    """Note what is no change of a record, in a transaction of its own."""
    await database.write(lambda: append(note, NOW))


Run = Callable[[Callable[[Records], Awaitable[T]]], T]


@pytest.fixture
def run(place: Place) -> Run[Any]:
    """Return what runs scenarios over one empty database."""

    async def opened(scenario: Callable[[Records], Awaitable[T]]) -> T:
        database = await place.open()
        directory = DirectoryStore(database).acting(KIM)
        try:
            return await scenario(Records(database, AuditLog(database), directory))
        finally:
            await database.aclose()

    return lambda scenario: asyncio.run(opened(scenario))


def hash_of(previous: str, entry: dict[str, Any]) -> str:
    """The hash of an entry, made as the documentation says."""
    told = {name: value for name, value in entry.items() if name != "hash"}
    text = json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(bytes.fromhex(previous) + text.encode("utf-8")).hexdigest()


def test_a_new_log_is_empty_and_fits(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        assert await at.entries() == []
        assert await at.audit.end() == BEGINNING
        assert await at.misfit() == ""

    run(scenario)


def test_what_is_made_changed_and_removed_is_noted_with_who_and_from_where(
    run: Run[None],
) -> None:
    async def scenario(at: Records) -> None:
        before = datetime.now(UTC)
        await at.directory.apps.add(app(time_limit_s=4.5))
        await at.directory.apps.change(
            APP, mode=Mode.LIVE, from_=Address("bo@b.example", "보"), senders=("@c.example",)
        )
        await at.directory.apps.remove(APP)

        made, changed, removed = await at.entries()

        assert [each.action for each in (made, changed, removed)] == [
            *("app.create", "app.update", "app.remove")
        ]
        for number, each in enumerate((made, changed, removed), 1):
            assert (each.seq, each.app_id, each.target) == (number, APP, APP)
            assert (each.actor, each.address) == ("key:01956000-kim", "192.0.2.7")
            assert before <= each.at <= datetime.now(UTC)
        assert changed.changes == {
            "mode": ("capture", "live"),
            "from": (None, "보 <bo@b.example>"),
            "senders": ([], ["@c.example"]),
        }
        assert made.changes["time_limit_s"] == (None, 4.5)
        assert made.changes["interval_s"] == (None, 60)
        assert made.changes["name"] == (None, f"app {APP}")
        assert removed.changes["name"] == (f"app {APP}", None)
        assert removed.changes["mode"] == ("live", None)

    run(scenario)


def test_what_belongs_to_an_app_is_noted_under_it_and_what_does_not_under_none(
    run: Run[None],
) -> None:
    async def scenario(at: Records) -> None:
        own, shared, root = user(), relay(None), operator()
        await at.directory.apps.add(app())
        await at.directory.users(APP).add(own)
        await at.directory.relays(None).add(shared)
        await at.directory.operators.add(root)

        assert [(each.action, each.app_id, each.target) for each in await at.entries()] == [
            ("app.create", APP, APP),
            ("user.create", APP, own.id),
            ("relay.create", None, shared.id),
            ("operator.create", None, root.id),
        ]

    run(scenario)


def test_of_a_secret_there_is_only_that_it_changed(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        own, theirs, root = relay(), key(), operator()
        await at.directory.apps.add(app(signature="first secret"))
        await at.directory.apps.change(
            APP, signature="second secret", old_signature="first secret", old_signature_until=NOW
        )
        await at.directory.relays(APP).add(own)
        for secret in ("third secret", "fourth secret", "", ""):
            await at.directory.relays(APP).change_with_secret(own.id, secret)
        await at.directory.keys(APP).add(theirs)
        await at.directory.operators.add(root)
        await at.directory.operators.change(root.id, password_hash="$argon2id$other")

        made, rotated, _, set_, changed, removed, keyed, _, reset = await at.entries()

        assert made.changes["signature"] == (None, "***")
        assert rotated.changes == {
            "signature": ("***", "***"),
            "old_signature": (None, "***"),
            "old_signature_until": (None, "2026-03-04T05:06:07.890123Z"),
        }
        assert set_.action == "relay.set_secret"
        assert (set_.app_id, set_.target) == (APP, own.id)
        assert [each.changes["secret"] for each in (set_, changed, removed)] == [
            (None, "***"),
            ("***", "***"),
            ("***", None),
        ]
        assert keyed.changes["digest"] == (None, "***")
        assert reset.changes == {"password_hash": ("***", "***")}
        told = repr([as_object(each) for each in await at.entries()])
        assert "argon2" not in told
        assert " secret'" not in told
        assert theirs.digest.hex() not in told

    run(scenario)


def test_an_act_can_have_a_name_of_its_own(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.directory.apps.add(app())
        named = at.directory.acting(KIM, "app.rotate_signature")
        await named.apps.change(APP, signature="0" * 32)

        assert (await at.entries())[-1].action == "app.rotate_signature"

    run(scenario)


def test_who_is_not_named_is_the_system(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await DirectoryStore(at.database).apps.add(app())

        (entry,) = await at.entries()
        assert (entry.actor, entry.address) == ("system", "")

    run(scenario)


def test_what_changed_nothing_leaves_no_entry(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.directory.apps.add(app())

        await at.directory.apps.change(APP, state=AppState.NORMAL)
        await at.directory.apps.change(APP)
        await at.directory.apps.change(OTHER, state=AppState.STOPPED)
        await at.directory.apps.remove(OTHER)
        assert await at.directory.relays(APP).change_with_secret("unknown", "secret") is None
        with pytest.raises(ConflictError):
            await at.directory.apps.add(app())
        with pytest.raises(NotFoundError):
            await at.directory.users(OTHER).add(user(app_id=OTHER))

        assert len(await at.entries()) == 1
        assert await at.misfit() == ""

    run(scenario)


def test_a_change_that_cannot_be_noted_is_not_made(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        own = relay()
        await at.directory.apps.add(app())
        await at.directory.relays(APP).add(own)
        await at.database.execute("DELETE FROM audit_end")

        with pytest.raises(StorageError, match="lost its end"):
            await at.directory.apps.change(APP, state=AppState.STOPPED)
        with pytest.raises(StorageError, match="lost its end"):
            await at.directory.apps.add(app(OTHER))
        with pytest.raises(StorageError, match="lost its end"):
            await at.directory.relays(APP).remove(own.id)
        with pytest.raises(StorageError, match="lost its end"):
            await at.directory.relays(APP).change_with_secret(own.id, "secret")

        assert await at.directory.apps.list() == [app()]
        assert await at.directory.relays(APP).list() == [own]
        with pytest.raises(StorageError, match="lost its end"):
            await at.audit.verify()

    run(scenario)


def test_the_hashes_are_those_that_the_documentation_says_how_to_make(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.five()
        await at.directory.apps.change(APP, name='한 "글"\\ 中', time_limit_s=7)

        previous = "00" * 32
        for entry in await at.entries():
            told = json.loads(json.dumps(as_object(entry)))
            assert entry.hash == hash_of(previous, told)
            previous = entry.hash
        assert await at.audit.end() == End(6, previous)

    run(scenario)


def test_changes_that_are_committed_together_stand_one_after_the_other(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.directory.apps.add(app())

        # Every third is refused, and undone alone, in the middle of the others.
        ended = await asyncio.gather(
            *(
                at.directory.apps.add(app(f"2{number:09d}" if number % 3 else APP))
                for number in range(60)
            ),
            return_exceptions=True,
        )

        assert sum(isinstance(each, ConflictError) for each in ended) == 20
        assert [each.seq for each in await at.entries()] == [*range(1, 42)]
        assert await at.misfit() == ""

    run(scenario)


def test_two_processes_that_write_at_once_make_one_chain(place: Place) -> None:
    async def scenario(one: Database, two: Database) -> None:
        directories = [DirectoryStore(each).acting(KIM) for each in (one, two)]
        logs = [AuditLog(each) for each in (one, two)]

        for turn in range(20):
            await asyncio.gather(
                *(noted(each, Note(KIM, "alone", changes={"n": (0, turn)})) for each in (one, two))
            )
            await asyncio.gather(
                *(
                    noted(each, Note(KIM, "beside", changes={"n": (0, turn)}))
                    for each in (one, two, one, two)
                ),
                *(
                    each.apps.add(app(f"{number}{turn:09d}"))
                    for number, each in enumerate(directories, 7)
                ),
            )

        entries = await logs[1].entries(AuditFilter(), limit=1_000)
        assert [each.seq for each in entries] == [*range(1, 161)]
        assert (await logs[0].verify()).misfit == ""

    in_two_processes(place, scenario)


def test_of_two_processes_that_change_one_record_each_notes_what_the_other_left(
    place: Place,
) -> None:
    async def scenario(one: Database, two: Database) -> None:
        directories = [DirectoryStore(each).acting(KIM) for each in (one, two)]
        await directories[0].apps.add(app())

        for turn in range(30):
            await asyncio.gather(
                *(
                    each.apps.change(APP, interval_s=turn * 10 + number)
                    for number, each in enumerate(directories)
                )
            )

        _, *changed = await AuditLog(two).entries(AuditFilter(), limit=1_000)
        steps = [each.changes["interval_s"] for each in changed]
        assert [old for old, _ in steps] == [60, *(new for _, new in steps[:-1])]
        assert len(steps) == 60

    in_two_processes(place, scenario)


def in_two_processes(
    place: Place, scenario: Callable[[Database, Database], Awaitable[None]]
) -> None:
    """Run a scenario with the database opened as a server and as a command beside it."""

    async def opened() -> None:
        one, two = await place.open(), await place.open(is_server=False)
        try:
            await scenario(one, two)
        finally:
            await two.aclose()
            await one.aclose()

    asyncio.run(opened())


def test_what_is_no_change_of_a_row_can_be_noted_too(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await noted(at.database, Note(KIM, "database.restore", changes={"apps": (0, 3)}))

        (entry,) = await at.entries()
        assert (entry.action, entry.app_id, entry.target) == ("database.restore", None, "")
        assert await at.misfit() == ""

    run(scenario)


def test_the_log_is_listed_by_app_actor_and_action_and_in_pages(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        other = at.directory.acting(Actor("cli:root"))
        own = key()
        await at.directory.apps.add(app())  # 1
        await other.apps.add(app(OTHER))  # 2
        await at.directory.keys(APP).add(own)  # 3
        await (
            at.directory.acting(KIM, "key.disable").keys(APP).change(own.id, is_disabled=True)
        )  # 4
        await other.relays(None).add(relay(None))  # 5

        async def found(limit: int = 10, **which: Any) -> list[int]:
            return [each.seq for each in await at.entries(limit, **which)]

        assert await found() == [1, 2, 3, 4, 5]
        assert await found(2) == [4, 5]
        assert await found(2, after=0) == [1, 2]
        assert await found(2, after=2) == [3, 4]
        assert await found(after=5) == []
        assert await found(app_id=APP) == [1, 3, 4]
        assert await found(app_id=APP, after=1) == [3, 4]
        assert await found(actor="cli:root") == [2, 5]
        assert await found(actor="cli:") == []
        assert await found(action="key.disable") == [4]
        assert await found(action="key") == [3, 4]
        assert await found(action="ke") == []
        assert await found(action="app", app_id=OTHER, actor="cli:root") == [2]
        assert await found(action="%") == []

    run(scenario)


def test_entries_outlive_what_they_tell_of(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.directory.apps.add(app())
        await at.directory.keys(APP).add(key())
        await at.directory.apps.remove(APP)

        assert len(await at.entries(app_id=APP)) == 3

    run(scenario)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("at", 1),
        ("actor", "system"),
        ("address", ""),
        ("action", "app.create"),
        ("app_id", OTHER),
        ("app_id", None),
        ("target", OTHER),
        ("changes", '{"state":["normal","under_review"]}'),
        ("changes", '{"state": ["normal","stopped"]}'),  # the same, but for a space
        ("changes", "{}"),
        ("changes", "nonsense"),
        ("changes", "[" * 5_000),
        ("changes", "[]"),
        ("changes", '{"state":3}'),
        ("hash", "00" * 32),
        ("hash", "nonsense"),
    ],
)
def test_an_entry_that_was_changed_is_named(run: Run[None], column: str, value: object) -> None:
    async def scenario(at: Records) -> None:
        await at.five()
        assert (await at.entries())[1].changes == {"state": ("normal", "stopped")}

        await at.database.execute(f"UPDATE audit SET {column} = ? WHERE seq = 2", (value,))

        found = await at.audit.verify()
        assert (found.checked, found.end.seq) == (1, 1)
        assert found.misfit.startswith("entry 2 ")

    run(scenario)


def test_an_entry_that_cannot_be_read_is_said_to_be_so_by_the_list(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.five()
        await at.database.execute("UPDATE audit SET changes = 'nonsense' WHERE seq = 2")

        with pytest.raises(StorageError, match="entry 2 of the audit log cannot be read"):
            await at.entries()

    run(scenario)


@pytest.mark.parametrize(
    ("removed", "said"),
    [
        ("seq = 1", "entry 1 is missing: after 0 comes 2"),
        ("seq = 3", "entry 3 is missing: after 2 comes 4"),
        ("seq IN (2, 3)", "entries 2 to 3 are missing: after 1 comes 4"),
        ("seq = 5", "the newest are missing: 5 were written, 4 are there"),
        ("seq > 0", "the newest are missing: 5 were written, 0 are there"),
    ],
)
def test_an_entry_that_was_removed_is_missed(run: Run[None], removed: str, said: str) -> None:
    async def scenario(at: Records) -> None:
        await at.five()

        await at.database.execute(f"DELETE FROM audit WHERE {removed}")

        assert await at.misfit() == said

    run(scenario)


def test_a_gap_that_was_closed_shows_all_the_same(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.five()

        await at.database.execute("DELETE FROM audit WHERE seq = 3")
        await at.database.execute("UPDATE audit SET seq = 3 WHERE seq = 4")
        await at.database.execute("UPDATE audit SET seq = 4 WHERE seq = 5")
        await at.database.execute("UPDATE audit_end SET seq = 4")

        assert (await at.misfit()).startswith("entry 3 does not fit its hash")

    run(scenario)


def test_two_entries_that_changed_places_are_named(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.five()

        for seq, place in ((2, 9), (3, 2), (9, 3)):
            await at.database.execute("UPDATE audit SET seq = ? WHERE seq = ?", (place, seq))

        assert (await at.misfit()).startswith("entry 2 does not fit its hash")

    run(scenario)


async def forge(at: Records, seq: int, previous: str) -> str:
    """Add an entry, as Postroad would write it after the hash `previous`, and return its hash."""
    made = {"action": "app.update", "actor": "cli:root", "address": "", "app_id": APP, "seq": seq}
    made |= {"at": "2026-03-04T05:06:07.890123Z", "changes": {}, "target": APP}
    hash_ = hash_of(previous, made)
    await at.database.execute(
        "INSERT INTO audit (seq, at, actor, address, action, app_id, target, changes, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (seq, 1772600767890123, "cli:root", "", "app.update", APP, APP, "{}", hash_),
    )
    return hash_


def test_a_forged_entry_is_named_at_the_end_and_before_the_beginning(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        entries = await at.five()

        await forge(at, 6, entries[-1].hash)
        assert await at.misfit() == "entry 6 was not written by Postroad: 5 were"

        await at.database.execute("DELETE FROM audit WHERE seq = 6")
        assert await at.misfit() == ""
        await forge(at, 0, "00" * 32)
        assert await at.misfit() == "entry 0 stands before the first"

    run(scenario)


def test_a_forged_entry_in_the_middle_breaks_the_chain_after_it(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        entries = await at.five()

        await at.database.execute("DELETE FROM audit WHERE seq = 3")
        await forge(at, 3, entries[1].hash)

        assert (await at.misfit()).startswith("entry 4 does not fit its hash")

    run(scenario)


def test_an_end_that_was_cut_off_with_its_count_shows_against_one_that_was_noted(
    run: Run[None],
) -> None:
    async def scenario(at: Records) -> None:
        entries = await at.five()
        noted = await at.audit.end()

        await at.database.execute("DELETE FROM audit WHERE seq > 3")
        await at.database.execute("UPDATE audit_end SET seq = 3, hash = ?", (entries[2].hash,))

        assert await at.misfit() == ""  # by itself the log cannot know
        assert await at.misfit(noted) == "the newest are missing: 5 were noted, 3 are there"
        assert await at.misfit(End(3, entries[2].hash)) == ""

        for state in (AppState.STOPPED, AppState.UNDER_REVIEW):  # others grow over it
            await at.directory.apps.change(APP, state=state)
        assert await at.misfit() == ""
        assert (await at.misfit(noted)).startswith("entry 5 is not the one whose hash was noted")

    run(scenario)


def test_a_last_entry_that_was_written_anew_does_not_fit_the_end(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        entries = await at.five()

        await at.database.execute("DELETE FROM audit WHERE seq = 5")
        await forge(at, 5, entries[3].hash)

        assert (await at.misfit()).startswith("entry 5 is not the last that was written")

    run(scenario)


def test_only_the_newest_can_be_looked_at(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.five()
        await at.database.execute("UPDATE audit SET actor = 'system' WHERE seq = 2")

        assert (await at.audit.verify(newest=2)).checked == 2
        assert (await at.audit.verify(newest=3)).misfit == ""
        assert (await at.audit.verify(newest=4)).misfit.startswith("entry 2 ")
        assert (await at.audit.verify(newest=100)).misfit.startswith("entry 2 ")

    run(scenario)


def test_a_walk_along_many_entries_takes_them_in_parts(run: Run[None]) -> None:
    async def scenario(at: Records) -> None:
        await at.directory.apps.add(app())
        await asyncio.gather(
            *(
                noted(at.database, Note(KIM, "database.restore", changes={"n": (n, n + 1)}))
                for n in range(1_100)
            )
        )

        found = await at.audit.verify()
        assert (found.checked, found.misfit) == (1_101, "")
        await at.database.execute("DELETE FROM audit WHERE seq = 1050")
        assert (await at.misfit()).startswith("entry 1050 is missing")

    run(scenario)
