"""Messages: listed, shown with what became of them, taken apart, released, deleted."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import UTC, datetime, timedelta
from http.client import IncompleteRead

import pytest
from tests.api.v1.managed import Client, Managed, managed
from tests.support.engines import Engine

from postroad.api.faults import Fault
from postroad.delivery.messages import Lease, LogEntry
from postroad.delivery.states import State
from postroad.errors import StorageError
from postroad.message import Attachment
from postroad.operations.identifiers import new_id
from postroad.operations.ports import LogFilter, SendLog
from postroad.simulators import hostile

HOUR = timedelta(hours=1)


def entry_of(app_id: str, title: str) -> LogEntry:
    """Return an entry of the log for a request of an app that brought no message."""
    now = datetime.now(UTC)
    return LogEntry(new_id(), app_id, now, "nobase", "192.0.2.1", "b@b.example", title, "refused")


def ids(client: Client, **query: object) -> list[str]:
    reply = client.get("/v1/messages", **query)
    assert reply.status == 200, reply.body
    return [each["id"] for each in reply.said["items"]]


def test_messages_are_listed_by_every_filter(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    to_bo = service.keep(app_id, to="bo@b.example", subject="경고 하나")
    to_ann = service.keep(app_id, to="ann@c.example", subject="测试邮件", state=State.QUEUED)
    now = datetime.now(UTC)

    assert ids(client) == [to_ann, to_bo]
    assert ids(client, app=app_id, recipient="bo@b.example") == [to_bo]
    assert ids(client, state="captured") == [to_bo]
    assert ids(client, state="captured", recipient="ann@c.example") == []
    assert ids(client, text="경고") == [to_bo]
    assert ids(client, text="测试") == [to_ann]
    assert ids(client, text="c.example") == [to_ann]
    assert ids(client, since=(now - HOUR).isoformat(), until=(now + HOUR).isoformat()) == [
        *(to_ann, to_bo)
    ]
    assert ids(client, until=(now - HOUR).isoformat()) == []


def test_messages_come_page_by_page_the_newest_first(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    kept = [service.keep(app_id) for _ in range(5)]

    first = client.get("/v1/messages", limit=2).said
    client.delete(f"/v1/messages/{first['items'][-1]['id']}")
    rest = client.get("/v1/messages", limit=3, cursor=first["next"]).said

    assert [each["id"] for each in first["items"] + rest["items"]] == kept[::-1]
    assert rest["next"] is None


def test_a_message_tells_what_a_reply_means_in_the_readers_language(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    with hostile(r"reply@rcpt=550 5.1.1 no such user\r\n") as server:
        where = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        relay = service.operator.made("/v1/relays", {"name": "r", "appid": app_id, **where})
        service.operator.patch(f"/v1/apps/{app_id}", {"mode": "live"})
        message = service.keep(app_id)

        released = client.post(f"/v1/messages/{message}/release").said

    assert released["word"] == "recipients.refused"
    shown = client.get(f"/v1/messages/{message}", lang="en").said
    korean = client.get(f"/v1/messages/{message}", lang="ko").said
    (recipient,) = shown["recipients"]
    assert (recipient["state"], recipient["code"], recipient["enhanced"]) == (
        *("bounced", 550),
        "5.1.1",
    )
    assert recipient["explanation"]["remedy"].isascii()
    assert not korean["recipients"][0]["explanation"]["remedy"].isascii()
    (attempt,) = shown["history"]
    assert (attempt["relay_id"], attempt["word"]) == (relay["id"], "recipients.refused")
    assert "S: 550 5.1.1 no such user" in attempt["transcript"]


def test_a_release_is_sent_and_told(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    with hostile() as server:
        where = {"host": "127.0.0.1", "port": server.port, "security": "none"}
        service.operator.made("/v1/relays", {"name": "r", "appid": app_id, **where})
        message = service.keep(app_id)

        reply = client.post(f"/v1/messages/{message}/release")

        arrived = server.wait_for_message()
    assert reply.status == 200
    (told,) = reply.said["recipients"]
    assert (told["address"], told["state"]) == ("bo@b.example", "accepted")
    assert arrived.content == client.get(f"/v1/messages/{message}/content").body
    again = client.post(f"/v1/messages/{message}/release")
    assert "was accepted already" in again.problem["detail"]
    assert "only captured mail can" in client.delete(f"/v1/messages/{message}").problem["detail"]
    noted = service.operator.get("/v1/audit", app=app_id, action="message").said["items"]
    assert [each["target"] for each in noted][:1] == [message]
    assert noted[0]["actor"].startswith("key:")


def test_what_cannot_be_released_says_why(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    message = service.keep(app_id)

    assert "no relay" in client.post(f"/v1/messages/{message}/release").problem["detail"]
    service.operator.patch(f"/v1/apps/{app_id}", {"state": "stopped"})
    reply = client.post(f"/v1/messages/{message}/release")
    assert (reply.status, "stopped" in reply.problem["detail"]) == (409, True)


def test_captured_mail_is_deleted_whole(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    message = service.keep(app_id)
    path = f"/v1/messages/{message}"

    assert client.delete(path).status == 204

    for rest in ("", "/content", "/parts", "/parts/1"):
        assert client.get(path + rest).problem["status"] == 404
    assert client.delete(path).problem["status"] == 404
    noted = service.operator.get("/v1/audit", app=app_id, action="message.delete").said["items"]
    assert [each["target"] for each in noted] == [message]


def test_mail_on_its_way_is_not_deleted(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    message = service.keep(app_id, state=State.QUEUED)

    assert client.delete(f"/v1/messages/{message}").problem["status"] == 409

    assert client.get(f"/v1/messages/{message}").status == 200


def test_mail_that_is_being_released_is_not_deleted(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    message = service.keep(app_id)
    now = datetime.now(UTC)
    claimed = service.do(
        service.core.queue.claim_one(app_id, message, Lease("other", now + HOUR), now=now)
    )
    assert claimed is not None

    assert client.delete(f"/v1/messages/{message}").problem["status"] == 409


def test_the_content_is_for_keeping_not_for_showing(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    message = service.keep(app_id, subject="안녕")

    reply = client.get(f"/v1/messages/{message}/content")

    assert reply.headers["content-type"] == "message/rfc822"
    assert reply.headers["content-disposition"] == f"attachment; filename*=UTF-8''{message}.eml"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in reply.headers["content-security-policy"]
    assert b"To: bo@b.example\r\n" in reply.body


def test_the_parts_are_listed_and_each_is_fetched(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    page = b"<script>alert(1)</script>"
    message = service.keep(
        app_id, attachments=(Attachment("영수증\u2019s.html", page), Attachment("b.bin", b"\0\r\n"))
    )
    path = f"/v1/messages/{message}/parts"

    listed = client.get(path).said["items"]

    assert [each["number"] for each in listed] == [1, 2, 3]
    assert [each["content_type"] for each in listed][:2] == ["text/plain", "text/html"]
    assert [each["filename"] for each in listed] == ["", "영수증\u2019s.html", "b.bin"]
    assert [each["is_attachment"] for each in listed] == [False, True, True]
    fetched = client.get(f"{path}/2")
    assert (fetched.body, fetched.headers["content-type"]) == (page, "application/octet-stream")
    assert fetched.headers["content-disposition"].startswith("attachment; filename*=UTF-8''%EC")
    assert listed[1]["size_octets"] == len(page)
    assert client.get(f"{path}/3").body == b"\0\r\n"
    assert client.get(f"{path}/4").problem["detail"] == "there is no part 4"
    assert client.get(f"{path}/0").problem["status"] == 400
    assert client.get(f"{path}/one").problem["status"] == 404


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xfe\x00",
        b"Content-Type: multipart/mixed; boundary=\r\n\r\n--\r\n",
        b"Content-Type: multipart/mixed\r\n\r\nno boundary",
        b"Content-Type: text/plain; charset=no-such\r\nContent-Transfer-Encoding: base64\r\n\r\n!!",
        b'Content-Disposition: attachment; filename="a\r\n b\x00.txt"\r\n\r\nx',
        b"Content-Disposition: attachment; filename*=utf-8''%FF%00%0D%0ASet-Cookie:x\r\n\r\nx",
        b"Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninner",
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n)
            for n in range(2_000)
        ),
    ],
)
def test_a_message_made_to_break_parsers_is_taken_apart_somehow(
    service: Managed, app: tuple[str, Client], content: bytes
) -> None:
    app_id, client = app
    message = service.keep(app_id, content=content)
    path = f"/v1/messages/{message}/parts"

    listed = client.get(path)

    assert listed.status == 200
    for each in listed.said["items"]:
        fetched = client.get(f"{path}/{each['number']}")
        assert (fetched.status, len(fetched.body)) == (200, each["size_octets"])
        assert "set-cookie" not in fetched.headers


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (b"text\r\n /html; charset=utf-8", "text/html"),
        (b"image/\r\n\tpng", "image/png"),
        (b"text/<b>", "application/octet-stream"),
    ],
)
def test_a_media_type_is_told_on_one_line_or_not_at_all(
    service: Managed, app: tuple[str, Client], given: bytes, kind: str
) -> None:
    app_id, client = app
    message = service.keep(app_id, content=b"Content-Type: " + given + b"\r\n\r\nx")

    (part,) = client.get(f"/v1/messages/{message}/parts").said["items"]

    assert part["content_type"] == kind


@pytest.mark.parametrize(("levels", "kind"), [(10, "text/plain"), (40, "application/octet-stream")])
def test_parts_within_parts_are_followed_so_far_and_no_further(
    service: Managed, app: tuple[str, Client], levels: int, kind: str
) -> None:
    app_id, client = app
    begins = (
        b"Content-Type: multipart/mixed; boundary=b%d.\r\n\r\n--b%d.\r\n" % (level, level)
        for level in range(levels)
    )
    content = b"".join(begins) + b"Content-Type: text/plain\r\n\r\nfound\r\n"
    message = service.keep(app_id, content=content)

    (part,) = client.get(f"/v1/messages/{message}/parts").said["items"]

    assert part["content_type"] == kind
    assert b"found" in client.get(f"/v1/messages/{message}/parts/1").body


def test_the_log_is_listed_newest_first_and_page_by_page(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    kept = [service.keep(app_id, to=f"user{number}@b.example") for number in range(3)]

    first = client.get("/v1/log", limit=2).said
    rest = client.get("/v1/log", limit=2, cursor=first["next"]).said

    listed = first["items"] + rest["items"]
    assert [each["message_id"] for each in listed] == kept[::-1]
    assert rest["next"] is None
    assert client.get("/v1/log", recipient="user1@b.example").said["items"] == [listed[1]]
    assert client.get("/v1/log", status="sent").said["items"] == []
    assert client.get("/v1/log", text="user2").said["items"] == [listed[0]]


def test_the_log_is_exported_whole_as_csv(service: Managed, app: tuple[str, Client]) -> None:
    app_id, client = app
    titles = ['a "quoted", title', "안녕; hello", "plain"]
    for title in titles:
        service.keep(app_id, subject=title)

    reply = client.get("/v1/log.csv")

    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="log.csv"'
    assert reply.body.count(b"\r\n") == 4
    rows = [*csv.DictReader(io.StringIO(reply.body.decode(), newline=""))]
    assert [row["title"] for row in rows] == titles
    assert {row["appid"] for row in rows} == {app_id}
    assert [*rows[0]] == [
        *("id", "appid", "at", "door", "ip", "recipient", "title", "status", "reason"),
        *("account", "message_id"),
    ]


class Once:
    """A send log that can be read once."""

    def __init__(self, log: SendLog) -> None:
        self._log: SendLog | None = log

    async def entries(self, which: LogFilter, *, limit: int) -> list[LogEntry]:
        log, self._log = self._log, None
        if log is None:
            raise StorageError("the disk is gone")
        return await log.entries(which, limit=limit)


def test_an_export_that_fails_in_the_middle_is_seen_to_be_incomplete(engine: Engine) -> None:
    with engine.new() as place, managed(place, Once) as service:
        app_id, client = service.new_app("app")

        async def many() -> None:
            entries = [entry_of(app_id, f"t{number}") for number in range(501)]
            await asyncio.gather(*map(service.core.mail.log, entries))

        service.do(many())

        with pytest.raises(IncompleteRead):
            client.get("/v1/log.csv")
        assert client.get("/v1/log.csv").problem["status"] == 503
        assert [fault for fault, _, _ in service.refused] == [Fault.STORAGE] * 2


def test_the_export_writes_times_as_the_list_does(
    service: Managed, app: tuple[str, Client]
) -> None:
    service.keep(app[0])

    (row,) = csv.DictReader(io.StringIO(app[1].get("/v1/log.csv").body.decode()))

    assert row["at"] == app[1].get("/v1/log").said["items"][0]["at"]
    assert row["at"].endswith("Z")


@pytest.mark.parametrize(
    "title",
    ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://b.example")', "=1"],
)
def test_no_cell_of_the_export_is_a_formula(
    service: Managed, app: tuple[str, Client], title: str
) -> None:
    app_id, client = app
    service.do(service.core.mail.log(entry_of(app_id, title)))

    rows = [*csv.DictReader(io.StringIO(client.get("/v1/log.csv").body.decode(), newline=""))]

    assert rows[-1]["title"] == f"'{title}"


def test_an_export_of_more_than_one_piece_is_whole(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app

    async def many() -> None:
        entries = [entry_of(app_id, f"t{number}") for number in range(1_200)]
        await asyncio.gather(*map(service.core.mail.log, entries))

    service.do(many())

    lines = client.get("/v1/log.csv").body.decode().splitlines()
    assert len(lines) == 1 + 1_200
    assert len(set(lines)) == len(lines)


def test_an_attempt_of_nobody_knows_what_is_shown_as_such(
    service: Managed, app: tuple[str, Client]
) -> None:
    app_id, client = app
    message = service.keep(app_id)
    now = datetime.now(UTC)
    service.do(service.core.queue.claim_one(app_id, message, Lease("x", now + HOUR), now=now))

    (attempt,) = client.get(f"/v1/messages/{message}").said["history"]

    assert (attempt["ended_at"], attempt["code"], attempt["word"]) == (None, None, "")
