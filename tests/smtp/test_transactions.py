from __future__ import annotations

import pytest
from tests.smtp.dialogue import (
    CONTENT,
    GREETING,
    OPENED,
    OPENED_GROUPED,
    Quit,
    mail,
    play,
    probe,
    text,
)

from postroad.errors import Code, LocalProtocolError, Phase, Reason, Retry
from postroad.smtp.session import BLOCK_OCTETS, Session
from postroad.smtp.transaction import Transaction

MAIL = b"MAIL FROM:<an@a.example>\r\n"
RCPT = b"RCPT TO:<bo@b.example>\r\n"
GROUP = MAIL + RCPT + b"DATA\r\n"
TWO = ("bo@b.example", "cy@c.example")


def test_in_lock_step_every_command_waits_for_its_reply() -> None:
    heard = play(
        *OPENED,
        *("250 2.1.0 ok", "250 2.1.5 ok", "354 go", "250 2.0.0 queued as 1"),
        *("250 ok", "250 ok", "354 go", "250 2.0.0 queued as 2", Quit(), "221 bye"),
        work=(mail(), mail()),
    )

    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250 mx.example
        C: MAIL FROM:<an@a.example>
        S: 250 2.1.0 ok
        C: RCPT TO:<bo@b.example>
        S: 250 2.1.5 ok
        C: DATA
        S: 354 go
        C: <21 octets of message>
        S: 250 2.0.0 queued as 1
        C: MAIL FROM:<an@a.example>
        S: 250 ok
        C: RCPT TO:<bo@b.example>
        S: 250 ok
        C: DATA
        S: 354 go
        C: <21 octets of message>
        S: 250 2.0.0 queued as 2
        C: QUIT
        S: 221 bye
        """)
    assert heard.written[1:] == (*(MAIL, RCPT, b"DATA\r\n", CONTENT + b".\r\n") * 2, b"QUIT\r\n")
    assert heard.codes == [Code.OK, Code.OK]
    assert heard.ended[0] is not None
    assert heard.ended[0].fates == ("250 2.0.0 queued as 1",)
    assert heard.ended[0].phase is Phase.DONE
    assert heard.ended[0].retry is None


def test_with_pipelining_content_and_the_next_commands_leave_together() -> None:
    heard = play(
        *OPENED_GROUPED,
        "250 ok\n250 ok\n354 go",
        "250 queued as 1\n250 ok\n250 ok\n354 go",
        "250 queued as 2\n250 ok\n250 ok\n354 go",
        "250 queued as 3",
        work=(mail(content=b"1\r\n"), mail(content=b"2\r\n"), mail(content=b"3\r\n")),
    )

    assert heard.written == (
        b"EHLO [::1]\r\n",
        GROUP,
        b"1\r\n.\r\n" + GROUP,
        b"2\r\n.\r\n" + GROUP,
        b"3\r\n.\r\n",
    )
    assert heard.transcript == text("""
        S: 220 mx.example ESMTP
        C: EHLO [::1]
        S: 250-mx.example
        S: 250 PIPELINING
        C: MAIL FROM:<an@a.example>
        C: RCPT TO:<bo@b.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: <3 octets of message>
        S: 250 queued as 1
        C: MAIL FROM:<an@a.example>
        C: RCPT TO:<bo@b.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: <3 octets of message>
        S: 250 queued as 2
        C: MAIL FROM:<an@a.example>
        C: RCPT TO:<bo@b.example>
        C: DATA
        S: 250 ok
        S: 250 ok
        S: 354 go
        C: <3 octets of message>
        S: 250 queued as 3
        """)
    assert heard.codes == [Code.OK] * 3
    assert heard.can_begin


@pytest.mark.parametrize(
    ("replies", "code", "phase", "error"),
    [
        (["550 5.1.0 no"], Code.SENDER, Phase.MAIL, "the sender was refused: 550 5.1.0 no"),
        (["451 later"], Code.SENDER, Phase.MAIL, "the sender was refused: 451 later"),
        (["552 too big"], Code.CAPABILITY, Phase.MAIL, "the sender was refused: 552 too big"),
        (
            ["250 ok", "550 5.1.1 who"],
            Code.RECIPIENTS,
            Phase.RCPT,
            "every recipient was refused: 550 5.1.1 who",
        ),
        (
            ["250 ok", "250 ok", "554 5.7.1 no"],
            Code.CONTENT,
            Phase.DATA,
            "the message (DATA) was refused: 554 5.7.1 no",
        ),
        (
            ["250 ok", "250 ok", "552 5.3.4 too big"],
            Code.CAPABILITY,
            Phase.DATA,
            "the message (DATA) was refused: 552 5.3.4 too big",
        ),
        (
            ["250 ok", "250 ok", "354 go", "554 5.7.1 spam"],
            Code.CONTENT,
            Phase.FINAL_DOT,
            "the message was refused: 554 5.7.1 spam",
        ),
        (
            ["250 ok", "250 ok", "354 go", "451 4.7.1 greylisted"],
            Code.CONTENT,
            Phase.FINAL_DOT,
            "the message was refused: 451 4.7.1 greylisted",
        ),
    ],
)
def test_after_a_refusal_in_lock_step_the_next_begins_with_rset(
    replies: list[str], code: Code, phase: Phase, error: str
) -> None:
    heard = play(
        *OPENED, *replies, "250 reset", "250 ok", "250 ok", "354 go", "250 ok", work=(mail(),) * 2
    )

    first, second = heard.ended
    assert first is not None
    assert (first.code, first.phase, first.error) == (code, phase, error)
    assert first.retry is (Retry.LATER if " 4" in error else Retry.NEVER)
    assert first.fates == (replies[-1],)
    assert second is not None
    assert second.code is Code.OK
    assert heard.written[-5:] == (b"RSET\r\n", MAIL, RCPT, b"DATA\r\n", CONTENT + b".\r\n")


@pytest.mark.parametrize(
    ("replies", "code", "phase", "fate"),
    [
        ("550 no\n503 MAIL first\n503 RCPT first", Code.SENDER, Phase.MAIL, "550 no"),
        ("550 no\n250 ok\n503 MAIL first", Code.SENDER, Phase.MAIL, "550 no"),
        ("250 ok\n450 who\n503 RCPT first", Code.RECIPIENTS, Phase.RCPT, "450 who"),
        ("250 ok\n250 ok\n451 later", Code.CONTENT, Phase.DATA, "451 later"),
    ],
)
def test_after_a_refusal_with_pipelining_the_next_group_begins_with_rset(
    replies: str, code: Code, phase: Phase, fate: str
) -> None:
    heard = play(
        *OPENED_GROUPED,
        replies,
        "250 reset\n250 ok\n250 ok\n354 go",
        "250 ok",
        work=(mail(), mail()),
    )

    first, second = heard.ended
    assert first is not None
    assert (first.code, first.phase, first.fates) == (code, phase, (fate,))
    assert second is not None
    assert second.code is Code.OK
    assert heard.written[1:] == (GROUP, b"RSET\r\n" + GROUP, CONTENT + b".\r\n")


def test_a_refused_dot_leaves_the_group_behind_it_alone() -> None:
    heard = play(
        *OPENED_GROUPED,
        "250 ok\n250 ok\n354 go",
        "554 spam\n250 ok\n250 ok\n354 go",
        "250 ok\n250 ok\n250 ok\n354 go",
        "250 ok",
        work=(mail(),) * 3,
    )

    assert heard.codes == [Code.CONTENT, Code.OK, Code.OK]
    assert b"RSET" not in heard.octets


def test_a_dot_refused_before_the_next_group_is_written_puts_rset_before_it() -> None:
    session, first, second = _ready(pipelining=True), mail()(), mail()()
    session.begin(first)
    session.next_block()
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    session.next_block()
    session.begin(second)  # the driver's buffer is full, so that it is not written yet

    session.receive(b"554 spam\r\n")

    block = session.next_block()
    assert block is not None
    assert block.tail == b"RSET\r\n" + GROUP


@pytest.mark.parametrize("reply", ["503 what", "250 ok"])
def test_a_message_the_server_cannot_take_does_not_use_up_the_rset(reply: str) -> None:
    large = mail(content=b"x" * 30 + b"\r\n")

    heard = play(
        GREETING,
        "250-mx\n250 SIZE 30",
        "550 no",
        reply,
        work=(mail(), large, mail()),
    )

    assert heard.written[2:3] == (b"RSET\r\n",)
    assert heard.codes[:2] == [Code.SENDER, Code.CAPABILITY]


@pytest.mark.parametrize("opened", [OPENED, OPENED_GROUPED])
@pytest.mark.parametrize("reply", ["502 no", "451 later", "354 go"])
def test_a_refused_rset_closes_the_session_and_the_next_may_try_another(
    opened: tuple[str, str], reply: str
) -> None:
    refused = ["550 no"] if opened is OPENED else ["550 no\n503 no\n503 no"]

    heard = play(*opened, *refused, reply, work=(mail(), mail()), is_honest=False)

    assert heard.is_closed
    second = heard.ended[1]
    assert second is not None
    assert (second.code, second.phase) == (Code.PROTOCOL, Phase.RSET)
    assert second.was_stale


@pytest.mark.parametrize(
    ("opened", "replies"),
    [
        (OPENED, ["250 ok", "250 ok", "550 5.1.1 who", "354 go", "250 done"]),
        (OPENED_GROUPED, ["250 ok\n250 ok\n550 5.1.1 who\n354 go", "250 done"]),
    ],
)
def test_one_refused_recipient_costs_no_other_the_mail(
    opened: tuple[str, str], replies: list[str]
) -> None:
    heard = play(*opened, *replies, work=(mail(*TWO), mail()))

    ended = heard.ended[0]
    assert ended is not None
    assert ended.code is Code.OK
    assert ended.fates == ("250 done", "550 5.1.1 who")
    assert b"RSET" not in heard.octets


@pytest.mark.parametrize(
    ("opened", "replies"),
    [
        (OPENED, ["250 ok", "250 ok", "550 5.1.1 who", "354 go", "554 spam"]),
        (OPENED_GROUPED, ["250 ok\n250 ok\n550 5.1.1 who\n354 go", "554 spam"]),
    ],
)
def test_a_refused_message_is_refused_for_the_recipients_that_were_accepted(
    opened: tuple[str, str], replies: list[str]
) -> None:
    heard = play(*opened, *replies, work=(mail(*TWO),))

    assert heard.only.fates == ("554 spam", "550 5.1.1 who")


def test_in_lock_step_data_is_not_asked_when_every_recipient_was_refused() -> None:
    heard = play(*OPENED, "250 ok", "550 5.1.1 who", "450 4.2.2 full", work=(mail(*TWO),))

    assert heard.only.code is Code.RECIPIENTS
    assert heard.only.fates == ("550 5.1.1 who", "450 4.2.2 full")
    assert b"DATA" not in heard.octets
    assert heard.can_begin


@pytest.mark.parametrize("reply", ["554 no valid recipients", "250 queued nothing"])
def test_a_lone_dot_ends_data_when_every_recipient_was_refused(reply: str) -> None:
    heard = play(
        *OPENED_GROUPED,
        "250 ok\n550 5.1.1 who\n354 go",
        reply,
        "250 reset\n250 ok\n250 ok\n354 go",
        "250 ok",
        work=(mail(), mail()),
    )

    first, second = heard.ended
    assert first is not None
    assert (first.code, first.fates) == (Code.RECIPIENTS, ("550 5.1.1 who",))
    assert second is not None
    assert second.code is Code.OK
    assert heard.written[1:] == (GROUP, b".\r\n", b"RSET\r\n" + GROUP, CONTENT + b".\r\n")
    assert "C: .\n" in heard.transcript


def test_354_after_a_lone_dot_closes_the_session() -> None:
    heard = play(*OPENED_GROUPED, "250 ok\n550 who\n354 go", "354 more", work=(mail(), mail()))

    assert heard.is_closed
    assert heard.codes == [Code.RECIPIENTS]


def test_354_after_a_refused_sender_closes_and_writes_nothing() -> None:
    heard = play(
        *OPENED_GROUPED, "550 5.7.1 blocked\n250 ok\n354 go", "250 ok", work=(mail(), mail())
    )

    assert heard.written[1:] == (GROUP,)
    assert heard.is_closed
    assert heard.only.error == "the sender was refused: 550 5.7.1 blocked"
    assert heard.error == "the server answered data with 354 go"
    assert (heard.error_phase, heard.error_reason) == (Phase.DATA, Reason.UNEXPECTED)


@pytest.mark.parametrize(
    ("opened", "replies", "phase"),
    [
        (OPENED, ["354 go"], Phase.MAIL),
        (OPENED, ["250 ok", "354 go"], Phase.RCPT),
        (OPENED, ["250 ok", "250 ok", "250 ok"], Phase.DATA),
        (OPENED, ["250 ok", "250 ok", "334 "], Phase.DATA),
        (OPENED_GROUPED, ["354 go\n250 ok\n250 ok"], Phase.MAIL),
        (OPENED_GROUPED, ["250 ok\n354 go\n250 ok"], Phase.RCPT),
        (OPENED_GROUPED, ["250 ok\n250 ok\n250 ok"], Phase.DATA),
        (OPENED_GROUPED, ["250 ok\n250 ok\n235 ok"], Phase.DATA),
    ],
)
def test_a_reply_that_fits_no_state_closes_before_any_content(
    opened: tuple[str, str], replies: list[str], phase: Phase
) -> None:
    heard = play(*opened, *replies, "250 ok", work=(mail(), mail()), is_honest=False)

    assert heard.is_closed
    assert CONTENT not in heard.octets
    assert (heard.only.code, heard.only.phase) == (Code.PROTOCOL, phase)
    assert heard.only.reason is Reason.UNEXPECTED
    assert heard.only.retry is Retry.LATER
    assert not heard.only.was_stale
    assert heard.error_phase is phase


@pytest.mark.parametrize("opened", [OPENED, OPENED_GROUPED])
def test_354_twice_at_once_writes_no_content(opened: tuple[str, str]) -> None:
    asked = ["250 ok", "250 ok"] if opened is OPENED else []
    last = "354 go\n354 go" if opened is OPENED else "250 ok\n250 ok\n354 go\n354 go"

    heard = play(*opened, *asked, last, work=(mail(),), is_honest=False)

    assert heard.is_closed
    assert CONTENT not in heard.octets
    assert (heard.only.code, heard.only.phase) == (Code.PROTOCOL, Phase.CONTENT)


def test_354_to_the_final_dot_is_in_doubt() -> None:
    heard = play(*OPENED, "250 ok", "250 ok", "354 go", "354 go", work=(mail(),))

    assert heard.is_closed
    assert (heard.only.code, heard.only.retry) == (Code.IN_DOUBT, Retry.DUPLICATES)
    assert heard.only.error.endswith("; the message may have been accepted")


@pytest.mark.parametrize("opened", [OPENED, OPENED_GROUPED])
@pytest.mark.parametrize("extra", ["250 ok", "250 ok\n354 go", "550 no"])
def test_a_reply_too_many_is_credited_to_nothing(opened: tuple[str, str], extra: str) -> None:
    replies = ["250 ok", "250 ok", "354 go"]
    asked = replies if opened is OPENED else ["\n".join(replies)]

    heard = play(*opened, *asked, f"250 queued\n{extra}", work=(mail(),), is_honest=False)

    assert heard.only.code is Code.OK
    assert heard.is_closed
    assert not heard.can_begin
    assert (heard.error_code, heard.error_reason) == (Code.PROTOCOL, Reason.UNEXPECTED)
    assert heard.error.startswith(f"a reply that no command asked for: {extra[:6]}")


def test_a_reply_in_the_middle_of_the_content_closes_the_session() -> None:
    session, transaction = _ready(pipelining=True), mail(content=b"x" * 998 + b"\r\n" * 400_000)()
    session.begin(transaction)
    session.next_block()
    session.receive(b"250 ok\r\n250 ok\r\n354 go\r\n")
    session.next_block()
    session.begin(behind := mail()())

    finished = session.receive(b"552 too much\r\n")

    assert finished == [transaction, behind]
    assert (transaction.ended.code, transaction.ended.phase) == (Code.PROTOCOL, Phase.CONTENT)
    assert (behind.ended.code, behind.ended.phase) == (Code.PROTOCOL, Phase.MAIL)
    assert session.next_block() is None


def test_what_the_server_cannot_take_is_refused_before_mail() -> None:
    foreign_mail = mail("bö@b.example", content=b"x\r\n", needs_smtputf8=True)

    heard = play(
        GREETING,
        "250-mx\n250 SIZE 20",
        work=(mail(), foreign_mail, mail(content=b"x\r\n")),
    )

    large, foreign, small = heard.ended
    assert large is not None
    assert (large.code, large.reason) == (Code.CAPABILITY, Reason.TOO_LARGE)
    assert large.error == "the message has 21 octets and the server takes 20"
    assert (large.retry, large.was_stale) == (Retry.NEVER, False)
    assert foreign is not None
    assert (foreign.code, foreign.reason) == (Code.CAPABILITY, Reason.SMTPUTF8_MISSING)
    assert small is None
    assert heard.written[1:] == (b"MAIL FROM:<an@a.example> SIZE=3\r\n",)


def test_the_transcript_of_what_was_never_written_has_the_session_and_the_reason() -> None:
    session, transaction = _ready("SIZE 2"), mail()()

    session.begin(transaction)

    (opening, own, _) = transaction.transcript
    assert opening is session.entries
    assert len(own) == 1


@pytest.mark.parametrize(
    ("offered", "parameters"),
    [
        ("SMTPUTF8", " SMTPUTF8"),
        ("SMTPUTF8\n250-8BITMIME", " BODY=8BITMIME SMTPUTF8"),
        ("SIZE\n250-SMTPUTF8\n250-8BITMIME", " SIZE=21 BODY=8BITMIME SMTPUTF8"),
    ],
)
def test_an_international_mailbox_is_written_in_utf8(offered: str, parameters: str) -> None:
    heard = play(
        GREETING,
        f"250-mx\n250-{offered}\n250 PIPELINING",
        work=(mail("보@b.example", sender="안@a.example", needs_smtputf8=True),),
    )

    commands = f"MAIL FROM:<안@a.example>{parameters}\r\nRCPT TO:<보@b.example>\r\nDATA\r\n"
    assert heard.written[1] == commands.encode()
    assert f"C: MAIL FROM:<안@a.example>{parameters}\n" in heard.transcript


@pytest.mark.parametrize("offered", ["SMTPUTF8", "8BITMIME"])
def test_an_ascii_envelope_has_no_parameters(offered: str) -> None:
    heard = play(GREETING, f"250-mx\n250 {offered}", work=(mail(sender=""),))

    assert heard.written[1] == b"MAIL FROM:<>\r\n"


def test_leading_dots_are_doubled_on_the_wire() -> None:
    content = b".\r\n..a\r\nb.\r\n.c"

    heard = play(*OPENED, "250 ok", "250 ok", "354 go", "250 ok", work=(mail(content=content),))

    assert heard.written[-1] == b"..\r\n...a\r\nb.\r\n..c\r\n.\r\n"
    assert "C: <19 octets of message>" in heard.transcript


@pytest.mark.parametrize("opened", [OPENED, OPENED_GROUPED])
@pytest.mark.parametrize("content", [b"a\nb\r\n", b"a\rb\r\n", b"\n.\r\n", b"a\r\n.\r", b"\r\r\n"])
def test_content_with_a_bare_line_end_ends_at_once_and_the_session_lives(
    opened: tuple[str, str], content: bytes
) -> None:
    heard = play(*opened, work=(mail(content=content), mail()))

    first, second = heard.ended
    assert first is not None
    assert (first.code, first.phase) == (Code.INTERNAL, Phase.CONTENT)
    assert first.error == "bare CR or LF in message content"
    assert second is None
    assert heard.written[1].startswith(MAIL)
    assert not heard.is_closed


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("size", [BLOCK_OCTETS - 1, BLOCK_OCTETS, BLOCK_OCTETS + 1, 600_000])
def test_large_content_leaves_in_pieces(pipelining: bool, size: int) -> None:
    content = (b"x" * 76 + b"\r\n") * (size // 78) + b"y" * (size % 78 - 2) + b"\r\n"
    session, transaction = _ready(pipelining=pipelining), mail(content=content)()
    _to_content(session, transaction)
    written, progress, phases = [], [session.progress], [session.phase]

    while (block := session.next_block()) is not None:
        written.append(block.head)
        progress.append(session.progress)
        phases.append(session.phase)

    assert b"".join(written) == content + b".\r\n"
    pieces = -(-size // BLOCK_OCTETS)
    assert len(written) == pieces
    assert phases == [Phase.CONTENT] * pieces + [Phase.FINAL_DOT]
    assert progress == list(range(progress[0], progress[0] + pieces + 1))
    assert block is None
    assert session.receive(b"250 ok\r\n") == [transaction]
    assert transaction.ended.code is Code.OK


def test_the_next_commands_come_with_the_last_piece_only() -> None:
    content = b"x\r\n" * 200_000
    session, transaction = _ready(pipelining=True), mail(content=content)()
    _to_content(session, transaction)
    session.begin(mail()())

    blocks = [session.next_block() for _ in range(3)]

    assert [block and block.tail for block in blocks] == [b"", b"", GROUP]


@pytest.mark.parametrize(
    ("opened", "replies", "code", "fates"),
    [
        (OPENED, ["250 ok", "250 yes", "250 reset"], Code.OK, ("250 reset",)),
        (OPENED, ["250 ok", "550 who"], Code.RECIPIENTS, ("550 who",)),
        (OPENED, ["550 no"], Code.SENDER, ("550 no",)),
        (OPENED_GROUPED, ["250 ok\n250 yes\n250 reset"], Code.OK, ("250 reset",)),
        (OPENED_GROUPED, ["250 ok\n550 who\n250 reset"], Code.RECIPIENTS, ("550 who",)),
        (OPENED_GROUPED, ["550 no\n503 no\n250 reset"], Code.SENDER, ("550 no",)),
        (OPENED_GROUPED, ["250 ok\n250 yes\n502 reset"], Code.PROTOCOL, ("",)),
        (OPENED, ["250 ok", "250 yes", "421 bye"], Code.PROTOCOL, ("421 bye",)),
    ],
)
def test_a_probe_asks_and_takes_it_back(
    opened: tuple[str, str], replies: list[str], code: Code, fates: tuple[str, ...]
) -> None:
    heard = play(*opened, *replies, work=(probe(),))

    assert heard.only.code is code
    assert heard.only.fates == fates
    assert b"DATA" not in heard.octets


def test_a_probe_leaves_the_session_to_the_next() -> None:
    heard = play(*OPENED_GROUPED, "250 ok\n250 ok\n250 reset", work=(probe(), mail()))

    assert heard.written[1:] == (MAIL + RCPT + b"RSET\r\n", GROUP)


def test_after_a_refused_probe_in_lock_step_the_next_begins_with_rset() -> None:
    heard = play(*OPENED, "250 ok", "550 who", "250 ok", "250 ok", work=(probe(), probe()))

    assert heard.written[3:] == (b"RSET\r\n", MAIL, RCPT)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        (b"220 mx\r\n",),
        (b"220 mx\r\n", b"250 mx\r\n", b"250 ok\r\n"),
        (b"220 mx\r\n", b"250-mx\r\n250 PIPELINING\r\n", b"250 ok\r\n"),
    ],
)
def test_begin_is_refused_while_the_session_has_no_room(steps: tuple[bytes, ...]) -> None:
    session = Session(client_name="me")
    for step in steps:
        session.receive(step)
        if session.can_begin and session.begun == 0:
            session.begin(mail()())
        session.next_block()

    with pytest.raises(LocalProtocolError):
        session.begin(mail()())


def test_a_transaction_has_no_outcome_before_it_ends() -> None:
    with pytest.raises(LocalProtocolError):
        _ = mail()().ended


def test_a_reset_transaction_runs_again_on_another_session() -> None:
    transaction = mail()()
    first, second = _ready(), _ready()
    first.begin(transaction)
    first.lost()

    transaction.reset()
    _to_content(second, transaction)
    block = second.next_block()
    second.receive(b"250 ok\r\n")

    assert block is not None
    assert block.head == CONTENT + b".\r\n"
    assert transaction.ended.code is Code.OK


def _ready(*offered: str, pipelining: bool = False) -> Session:
    session = Session(client_name="me")
    session.receive(b"220 mx\r\n")
    session.next_block()
    keywords = [*offered, *(["PIPELINING"] if pipelining else []), "X-LAST"]
    lines = ["250-mx", *(f"250-{keyword}" for keyword in keywords[:-1]), f"250 {keywords[-1]}"]
    session.receive("".join(f"{line}\r\n" for line in lines).encode())
    assert session.is_ready
    return session


def _to_content(session: Session, transaction: Transaction) -> None:
    session.begin(transaction)
    for reply in (b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        session.next_block()
        session.receive(reply)
