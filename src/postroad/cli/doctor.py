"""`postroad doctor`: what could keep this installation from working."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from postroad.cli.doctor_database import database, size
from postroad.cli.exits import Exit
from postroad.cli.installation import Where, acting, inside, installation_options
from postroad.cli.options import CONTEXT, SectionedCommand, json_option
from postroad.errors import PostroadError

if TYPE_CHECKING:
    from postroad.operations.administration.examination import Finding
    from postroad.settings import Settings
    from postroad.wiring import Installation

LITTLE: Final = 1 << 30  # octets free: a day's mail of a busy installation
TOO_LITTLE: Final = 100 << 20  # its write-ahead log alone may have 64 MiB
KEY_FILE: Final = "key"
_BEFORE: Final = datetime(2026, 1, 1, tzinfo=UTC)  # this program did not exist
_AHEAD: Final = timedelta(minutes=2)
_MARKS = {"fine": "✓", "warning": "!", "wrong": "✗"}
_PLAIN_MARKS = {"fine": "ok", "warning": "!", "wrong": "X"}
_COLOURS = {"fine": "green", "warning": "yellow", "wrong": "red"}


@click.command("doctor", cls=SectionedCommand, context_settings=CONTEXT)
@installation_options
@json_option("ok and every finding")
def command(where: Where, as_json: bool) -> int:
    """Examine settings, database, key file, disk, clock, mail, audit log, relays and apps.

    Nothing is changed. It works beside a running server, and connects to nothing: `postroad relay
    check` tries a relay. An app that is to send and has no relay yet is a warning.

    \b
    Exit codes
      0  nothing is wrong; there may be warnings
      1  something is wrong
    """  # noqa: D301
    from postroad.cli.output import say_json

    found = list(findings(where))
    is_wrong = any(finding.verdict == "wrong" for finding in found)
    if as_json:
        say_json(
            {
                "ok": not is_wrong,
                "findings": [
                    {
                        "subject": each.subject,
                        "verdict": each.verdict.value,
                        "sentence": each.sentence,
                    }
                    for each in found
                ],
            }
        )
    else:
        _print(found)
    return Exit.FAILED if is_wrong else Exit.OK


def findings(where: Where) -> Iterator[Finding]:
    """Yield what is found; where one thing is wrong, what needs it is left out."""
    from postroad.operations.administration.examination import Finding, Verdict

    try:
        settings = where.settings()
        _check_files(settings)
    except PostroadError as error:
        yield Finding("settings", Verdict.WRONG, str(error))
        return
    warnings = [Finding("settings", Verdict.WARNING, said) for said in settings.warnings]
    fine = Finding("settings", Verdict.FINE, f"{settings.data_dir}, listens on {settings.listen}")
    yield from warnings or [fine]
    whole = database(settings)
    yield whole
    if settings.postgresql is None and not settings.database_path.exists():
        return
    key = _key_file(settings.data_dir / KEY_FILE)
    yield key
    if settings.postgresql is None:
        folder = settings.database_path.parent
        yield disk(folder, _free(folder), is_writable=os.access(folder, os.W_OK | os.X_OK))
    if whole.verdict is not Verdict.WRONG and key.verdict is not Verdict.WRONG:
        yield from _records(where)


def _check_files(settings: Settings) -> None:
    from postroad.settings import check_files

    check_files(settings)


def _key_file(path: Path) -> Finding:
    """Look at the permissions of the key, without which no secret can be read."""
    from postroad.operations.administration.examination import Finding, Verdict

    try:
        mode = path.stat().st_mode & 0o777
    except OSError as exc:
        said = f"{path} cannot be read: {exc.strerror}; the relays' passwords are lost without it"
        return Finding("key file", Verdict.WRONG, said)
    if mode & 0o077:
        said = f"{path} has mode {mode:04o}, others can read it: chmod 600 {path}"
        return Finding("key file", Verdict.WRONG, said)
    return Finding("key file", Verdict.FINE, f"{path}, only its owner reads it")


def disk(folder: Path, free: int, *, is_writable: bool = True) -> Finding:
    """Return what is to be said of the disk.

    free:        octets.
    is_writable: this user may make files in the folder.
    """
    from postroad.operations.administration.examination import Finding, Verdict

    said = f"{size(free)} free at {folder}"
    if not is_writable:
        said = f"nothing can be written to {folder}, so that no mail is taken: look at who owns it"
        return Finding(
            "disk", Verdict.WRONG, f"{said}, its mode, and whether its disk is read-only"
        )
    if free < TOO_LITTLE:
        return Finding("disk", Verdict.WRONG, f"{said}: mail is refused when nothing is left")
    return Finding("disk", Verdict.WARNING if free < LITTLE else Verdict.FINE, said)


def _free(folder: Path) -> int:
    import shutil

    return shutil.disk_usage(folder).free


def _records(where: Where) -> list[Finding]:
    """Look at what is kept; that it can be opened shows that key and schema fit."""
    from postroad.cli.audit import examine_audit
    from postroad.cli.doctor_mail import examine_mail
    from postroad.operations.administration.examination import Finding, Verdict, examine

    async def work(found: Installation) -> list[Finding]:
        from postroad.operations.ports import LogFilter

        last = await found.send_log.entries(LogFilter(), limit=1)
        return [
            clock(datetime.now(UTC), last[0].at if last else None),
            *await examine_mail(found),
            await examine_audit(found),
            *await examine(found.desk(acting())),
        ]

    try:
        return inside(where, work)
    except PostroadError as error:
        return [Finding("records", Verdict.WRONG, str(error))]


def clock(now: datetime, last: datetime | None) -> Finding:
    """Return what is to be said of the clock.

    last: when the newest entry of the send log was written.
    """
    from postroad.cli.records import moment
    from postroad.operations.administration.examination import Finding, Verdict

    said = f"{moment(now)} UTC"
    if now < _BEFORE:
        return Finding("clock", Verdict.WRONG, f"{said} is long past: set the clock")
    if last is not None and last > now + _AHEAD:
        behind = f"the last mail was logged at {moment(last)}: the clock was set back"
        return Finding("clock", Verdict.WRONG, f"{said}, but {behind}")
    return Finding("clock", Verdict.FINE, said)


def _print(found: list[Finding]) -> None:
    from postroad.cli.layout import display_width, padded, wrapped
    from postroad.cli.output import can_show, line_width, say
    from postroad.cli.records import shown

    marks = _MARKS if can_show("".join(_MARKS.values())) else _PLAIN_MARKS
    label = max(display_width(shown(each.subject)) for each in found)
    mark = max(map(len, marks.values()))
    indent = mark + label + 3
    width = line_width()
    for each in found:
        first, *rest = wrapped(
            shown(each.sentence), None if width is None else max(width - indent, 20)
        )
        sign = click.style(padded(marks[each.verdict], mark), fg=_COLOURS[each.verdict])
        say(f"{sign} {padded(shown(each.subject), label)}  {first}")
        for line in rest:
            say(" " * indent + line)
    say()
    wrong = sum(each.verdict == "wrong" for each in found)
    warnings = sum(each.verdict == "warning" for each in found)
    say(click.style(_summary(wrong, warnings), fg="red" if wrong else None))


def _summary(wrong: int, warnings: int) -> str:
    parts = []
    if wrong:
        parts.append(f"{wrong} thing{' is' if wrong == 1 else 's are'} wrong")
    if warnings:
        parts.append(f"{warnings} warning{'' if warnings == 1 else 's'}")
    return f"{', '.join(parts)}." if parts else "Nothing is wrong."
