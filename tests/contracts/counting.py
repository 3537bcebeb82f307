"""Many messages at once that count for limits, in this process or in several."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from tests.contracts.mail_stores import APP, NOW, intake, message
from tests.support.engines import Place

from postroad.delivery.states import State
from postroad.operations.identifiers import new_id
from postroad.operations.ports import Mail
from postroad.storage.mail import MailStore
from postroad.tenancy.limits import Kind, Limit, Standing

MOST = 10
_HOUR = timedelta(hours=1)
_ANSWER_S = 60.0  # it takes a second: a process that does not answer hangs


def to_recipient(most: int = MOST, whose: str = "bo@b.example", app_id: str = APP) -> Limit:
    """Return a limit for one recipient."""
    return Limit(Kind.RECIPIENT, app_id, f"recipient:{whose}", most, NOW + _HOUR)


def in_a_day(most: int = MOST, app_id: str = APP) -> Limit:
    """Return a limit for an app."""
    return Limit(Kind.DAY, app_id, "day", most, NOW + _HOUR)


LIMITS = {
    "one": (to_recipient(),),
    "several": (in_a_day(MOST + 1), to_recipient()),
}
"""Those that a message counts for: one, which takes a shorter way, or more."""


async def stored(mail: Mail, limits: tuple[Limit, ...], times: int) -> int:
    """Return how many of so many messages, all at once, were stored."""

    async def one() -> bool:
        given = message(id=new_id(), state=State.CAPTURED)
        answer = await mail.accept(replace(intake(given), limits=limits), now=NOW)
        assert isinstance(answer, Standing)
        return not answer.is_over

    return sum(await asyncio.gather(*(one() for _ in range(times))))


def stored_by_processes(place: Place, limits: str, *, processes: int, times: int) -> list[int]:
    """Return how many of so many messages each of several processes stored, all at once."""
    words = ("-m", "tests.contracts.counting", place.folder, place.url, limits, times)
    running = [
        subprocess.Popen(
            [sys.executable, *map(str, words)],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(processes)
    ]
    try:
        for process in running:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        for process in running:
            assert process.stdin is not None
            process.stdin.write("go\n")
            process.stdin.flush()
        return [int(process.communicate(timeout=_ANSWER_S)[0]) for process in running]
    finally:
        for process in running:
            process.kill()
            process.communicate()


async def _main(folder: str, url: str, limits: str, times: str) -> None:
    database = await Place(Path(folder), url).open(is_server=False)
    try:
        mail = MailStore(database, new_id)
        print("ready", flush=True)
        sys.stdin.readline()
        print(await stored(mail, LIMITS[limits], int(times)))
    finally:
        await database.aclose()


if __name__ == "__main__":
    asyncio.run(_main(*sys.argv[1:]))
