"""What must hold with every real mail server: run against each by the test files beside."""

from __future__ import annotations

import asyncio
import email
import email.policy
import re
import socket
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import ClassVar

import pytest
from tests.peers.doors import DOORS, Door, by_async_mailer, by_mailer
from tests.peers.server import DOMAIN, MAX_OCTETS, MailServer
from tests.support.certificates import Authority
from tests.support.programs import LOOPBACK

from postroad import AsyncMailer, Attachment, Code, Mailer, Message, Relay, Result
from postroad.message import build

BO, KIM, LEE = (f"{name}@{DOMAIN}" for name in ("bo", "kim", "lee"))
UNKNOWN = f"nobody@{DOMAIN}"
SENDER = "ann@a.example"
DATE = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
KOREAN = "안녕하세요, 견적서를 보냅니다.\n\n감사합니다 — 김\n"

each_door = pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)


def a_message(**changes: object) -> Message:
    fields = {"from_": SENDER, "to": BO, "subject": "hello", "text": "one\ntwo\n"} | changes
    return Message(**fields)  # type: ignore[arg-type]


def as_delivered(message: Message) -> bytes:
    """Return a message with its own date and Message-ID and no boundary, lines ended by LF."""
    built = build(message, date=DATE, message_id="<unused@a.example>", boundary="unused00")
    return built.content.replace(b"\r\n", b"\n")


def parsed(content: bytes) -> EmailMessage:
    message = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def part(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    content = body.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")  # base64 carries the line ends of the wire


def send_all(relay: Relay, messages: Iterable[Message], *, connections: int) -> list[Result]:
    async def send() -> list[Result]:
        async with AsyncMailer(relay, connections=connections) as mailer:
            return [result async for result in mailer.send_many(messages)]

    return asyncio.run(send())


class MailServerSuite:
    """A subclass gives the fixture `running`; `soak` is how many messages it is soaked with.

    What a refused login, an untrusted certificate, a refused recipient and a session that ends
    without QUIT leave in its log is named by the subclass too, and so is what it says of commands
    that came too early: anything else fails the test.
    """

    soak: ClassVar[int] = 200
    login_complaints: ClassVar[tuple[str, ...]]
    handshake_complaints: ClassVar[tuple[str, ...]]
    recipient_complaints: ClassVar[tuple[str, ...]]
    lost_session: ClassVar[str]
    impatience: ClassVar[str]

    @pytest.fixture
    def server(self, running: MailServer) -> Iterator[MailServer]:
        """The running server, without the past; it must have nothing to complain of."""
        running.begin()
        yield running
        assert running.complaints() == []

    @each_door
    def test_a_message_arrives_over_starttls(self, server: MailServer, door: Door) -> None:
        answer = door(server.relay(), a_message())

        assert (answer.code, answer.error, answer.refused) == (0, "", ())
        [arrived] = server.arrived()
        assert (arrived.reverse_path, arrived.forward_path) == (SENDER, BO)
        assert parsed(arrived.content).get_content() == "one\ntwo\n"
        assert "C: AUTH PLAIN ***\n" in answer.transcript

    @each_door
    def test_a_message_arrives_over_implicit_tls(self, server: MailServer, door: Door) -> None:
        answer = door(server.relay(port=server.ports.tls, security="tls"), a_message())

        assert (answer.code, answer.error) == (0, "")
        assert [each.forward_path for each in server.arrived()] == [BO]
        assert "STARTTLS" not in answer.transcript

    @pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
    @pytest.mark.parametrize("door", [by_mailer, by_async_mailer])
    def test_every_mechanism_logs_in(self, server: MailServer, door: Door, mechanism: str) -> None:
        answer = door(server.relay(auth=mechanism), a_message())

        assert (answer.code, answer.error) == (0, "")
        assert f"C: AUTH {mechanism}" in answer.transcript
        assert len(server.arrived()) == 1

    @each_door
    def test_a_login_in_the_clear_never_shows_the_password(
        self, server: MailServer, door: Door
    ) -> None:
        answer = door(server.relay(port=server.ports.clear, security="none"), a_message())

        assert (answer.code, answer.error) == (0, "")
        assert "C: AUTH CRAM-MD5 ***\n" in answer.transcript
        assert len(server.arrived()) == 1

    @each_door
    def test_a_wrong_password_is_an_auth_failure(self, server: MailServer, door: Door) -> None:
        server.expected = [*self.login_complaints, self.lost_session]

        answer = door(server.relay(password="wrong-horse"), a_message())

        assert answer.code == Code.AUTH
        assert "refused: 535 " in answer.error
        assert "wrong-horse" not in answer.transcript
        assert answer.transcript.count("C: AUTH") == 1
        assert server.arrived() == []

    @each_door
    def test_a_refused_login_ends_with_good_bye(self, server: MailServer, door: Door) -> None:
        """RFC 5321 §4.1.1.10: a client does not close before QUIT, even after an error."""
        server.expected = self.login_complaints

        answer = door(server.relay(password="wrong-horse"), a_message())

        assert answer.code == Code.AUTH
        assert [line for line in server.news() if re.search(self.lost_session, line)] == []

    @each_door
    def test_a_refused_recipient_costs_no_other_the_mail(
        self, server: MailServer, door: Door
    ) -> None:
        server.expected = self.recipient_complaints

        answer = door(server.relay(), a_message(to=[BO, UNKNOWN], bcc=KIM))

        assert (answer.code, answer.error) == (0, "")
        assert answer.refused == ((UNKNOWN, 550),)
        assert sorted(each.forward_path for each in server.arrived()) == [BO, KIM]

    @each_door
    def test_a_message_nobody_may_receive_is_refused(self, server: MailServer, door: Door) -> None:
        server.expected = self.recipient_complaints

        answer = door(server.relay(), a_message(to=[UNKNOWN, f"other@{DOMAIN}"]))

        assert answer.code == Code.RECIPIENTS
        assert "refused: 550 " in answer.error
        assert "octets of message" not in answer.transcript
        assert server.arrived() == []

    @each_door
    def test_a_message_above_the_limit_is_not_even_begun(
        self, server: MailServer, door: Door
    ) -> None:
        lines = ("x" * 70 + "\n") * (MAX_OCTETS // 71 + 1)

        answer = door(server.relay(), a_message(text=lines))

        assert answer.code == Code.CAPABILITY
        assert str(MAX_OCTETS) in answer.error
        assert "C: MAIL" not in answer.transcript
        assert server.arrived() == []

    @each_door
    def test_a_mailbox_beyond_ascii_takes_part(self, server: MailServer, door: Door) -> None:
        recipient = f"받는이@{DOMAIN}"

        answer = door(server.relay(), a_message(from_="보낸이@a.example", to=recipient))

        assert (answer.code, answer.error) == (0, "")
        assert " SMTPUTF8\n" in answer.transcript
        [arrived] = server.arrived()
        assert (arrived.reverse_path, arrived.forward_path) == ("보낸이@a.example", recipient)
        assert parsed(arrived.content)["To"] == recipient

    @each_door
    def test_korean_content_arrives_exactly(self, server: MailServer, door: Door) -> None:
        subject = "제3분기 견적서와 세금계산서를 함께 보내 드립니다 (회신 부탁드립니다) ✓"
        message = a_message(
            from_=f'"김 대리, 영업부" <{SENDER}>',
            to=f'"박 부장 \\"팀장\\"" <{BO}>',
            subject=subject,
            text=KOREAN,
            html=f"<p>{KOREAN}</p>",
        )

        answer = door(server.relay(), message)

        assert (answer.code, answer.error) == (0, "")
        [arrived] = server.arrived()
        read = parsed(arrived.content)
        assert read["Subject"] == subject
        assert read["From"].addresses[0].display_name == "김 대리, 영업부"
        assert read["To"].addresses[0].display_name == '박 부장 "팀장"'
        assert part(read, "plain") == KOREAN
        assert part(read, "html") == f"<p>{KOREAN}</p>"

    def test_an_attachment_arrives_exactly(self, server: MailServer) -> None:
        octets = bytes(range(256)) * 2_000
        attachment = Attachment("견적서 (최종).pdf", octets)

        answer = by_mailer(server.relay(), a_message(attachments=attachment))

        assert (answer.code, answer.error) == (0, "")
        [arrived] = server.arrived()
        [read] = parsed(arrived.content).iter_attachments()
        assert read.get_filename() == "견적서 (최종).pdf"
        assert read.get_content() == octets

    @each_door
    def test_lines_of_dots_arrive_as_they_were(self, server: MailServer, door: Door) -> None:
        text = ".\n..\n.x\n...\n\n. \nx.\n.\n"

        answer = door(server.relay(), a_message(text=text))

        assert (answer.code, answer.error) == (0, "")
        [arrived] = server.arrived()
        assert arrived.content.endswith(b"\n\n" + text.encode())

    @pytest.mark.parametrize("door", [by_mailer, by_async_mailer])
    def test_a_message_of_many_blocks_arrives_octet_for_octet(
        self, server: MailServer, door: Door
    ) -> None:
        lines = [f".{'.' * (number % 7)}{number:07}" for number in range(120_000)]
        message = a_message(text="\n".join(lines) + "\n", date=DATE, message_id="<1@a.example>")

        answer = door(server.relay(), message)

        assert (answer.code, answer.error) == (0, "")
        [arrived] = server.arrived()
        assert arrived.content == as_delivered(message)

    @each_door
    def test_bcc_is_in_the_envelope_and_nowhere_else(self, server: MailServer, door: Door) -> None:
        answer = door(server.relay(), a_message(to=BO, cc=KIM, bcc=f"Lee <{LEE}>"))

        assert (answer.code, answer.error) == (0, "")
        arrived = server.arrived()
        assert sorted(each.forward_path for each in arrived) == [BO, KIM, LEE]
        for each in arrived:
            assert b"lee" not in each.content.lower()
            assert b"\nbcc:" not in each.content.lower()

    @each_door
    def test_a_server_without_pipelining_is_spoken_to_in_lock_step(
        self, server: MailServer, door: Door
    ) -> None:
        server.expected = self.recipient_complaints
        relay = server.relay(port=server.ports.lockstep)

        answer = door(relay, a_message(to=[BO, UNKNOWN, KIM]))

        assert (answer.code, answer.error) == (0, "")
        assert answer.refused == ((UNKNOWN, 550),)
        assert "PIPELINING" not in answer.transcript
        assert sorted(each.forward_path for each in server.arrived()) == [BO, KIM]

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    @each_door
    def test_an_untrusted_certificate_ends_it_before_the_password(
        self, server: MailServer, door: Door, security: str, tmp_path: Path
    ) -> None:
        server.expected = self.handshake_complaints
        stranger = Authority(tmp_path, "stranger")
        port = getattr(server.ports, security)

        answer = door(
            server.relay(port=port, security=security, cafile=str(stranger.cafile)), a_message()
        )

        assert answer.code == Code.TLS
        assert "not trusted" in answer.error
        assert "AUTH" not in answer.transcript
        assert server.arrived() == []

    @pytest.mark.parametrize("security", ["starttls", "tls"])
    @each_door
    def test_a_certificate_for_another_host_ends_it_before_the_password(
        self, server: MailServer, door: Door, security: str
    ) -> None:
        server.expected = self.handshake_complaints
        port = getattr(server.ports, security)

        answer = door(server.relay(host="127.0.0.1", port=port, security=security), a_message())

        assert answer.code == Code.TLS
        assert "another host" in answer.error
        assert "AUTH" not in answer.transcript
        assert server.arrived() == []

    def test_one_connection_carries_a_message_after_another(self, server: MailServer) -> None:
        server.expected = self.recipient_complaints
        messages = [a_message(to=to) for to in (BO, UNKNOWN, KIM, UNKNOWN, [UNKNOWN, LEE], BO)]

        with Mailer(server.relay()) as mailer:
            results = [mailer.send(message) for message in messages]

        assert [result.code for result in results] == [0, -6, 0, -6, 0, 0]
        assert sorted(each.forward_path for each in server.arrived()) == [BO, BO, KIM, LEE]
        assert "connected to" in results[0].transcript
        assert self.sessions(server.news()) == 1

    @pytest.mark.parametrize("port", ["starttls", "lockstep"])
    def test_each_message_of_many_has_its_own_fate(self, server: MailServer, port: str) -> None:
        # A connection that is still being opened when the work is done is dropped.
        server.expected = [*self.recipient_complaints, self.lost_session]
        recipients = [[BO], [UNKNOWN], [KIM, UNKNOWN], [BO, LEE], [UNKNOWN, UNKNOWN]]
        messages = [
            a_message(to=recipients[number % 5], message_id=f"<{number}@a.example>")
            for number in range(60)
        ]

        results = send_all(server.relay(port=getattr(server.ports, port)), messages, connections=2)

        promised = Counter(
            (each.email, result.message_id)
            for result in results
            for each in result.recipients
            if result and each.accepted
        )
        found = Counter(
            (each.forward_path, parsed(each.content)["Message-ID"]) for each in server.arrived()
        )
        assert len(results) == 60
        assert sum(not result for result in results) == 24
        assert found == promised

    def test_a_soak_arrives_exactly_once(self, server: MailServer) -> None:
        server.expected = [self.lost_session]  # as above
        messages = (
            a_message(
                to=[BO, KIM][number % 2],
                subject=f"알림 {number}",
                text=KOREAN,
                html=f"<p>{KOREAN}</p>",
                message_id=f"<{number}@a.example>",
            )
            for number in range(self.soak)
        )

        results = send_all(server.relay(), messages, connections=5)

        assert [result.error for result in results if not result] == []
        found = Counter(parsed(each.content)["Message-ID"] for each in server.arrived())
        assert found == Counter(f"<{number}@a.example>" for number in range(self.soak))
        assert self.sessions(server.news()) <= 5

    def test_the_log_would_show_a_client_that_does_not_wait(self, server: MailServer) -> None:
        """The other tests rely on it: no complaint means that there was nothing to complain of."""
        server.expected = [self.impatience, self.lost_session]

        with socket.create_connection((LOOPBACK, server.ports.clear), timeout=10) as connection:
            connection.sendall(b"EHLO a.example\r\nMAIL FROM:<ann@a.example>\r\n")
            while connection.recv(4_096):  # to the end, which is the server's to make
                pass

        assert [line for line in server.news() if re.search(self.impatience, line)] != []

    def sessions(self, lines: list[str]) -> int:
        """Return how many sessions began according to the server's log."""
        raise NotImplementedError
