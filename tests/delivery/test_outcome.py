"""Every way a transaction can end, in each mode and under each policy."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import product

import pytest
from tests.delivery.records import NOW, claim

from postroad.delivery.messages import Fate, Settlement
from postroad.delivery.outcome import doubt_for_caller, reason_for_caller, settle
from postroad.delivery.states import State
from postroad.errors import (
    CapabilityError,
    Code,
    ConnectError,
    ConnectionLost,
    LocalProtocolError,
    MessageError,
    Phase,
    PhaseTimeout,
    PostroadError,
    Reason,
    RemoteProtocolError,
    SettingsError,
    StorageError,
    TlsError,
)
from postroad.providers import LANGUAGES
from postroad.smtp.envelope import Envelope
from postroad.smtp.opening import refusal
from postroad.smtp.reply import Reply
from postroad.smtp.transaction import Outcome, Transaction
from postroad.tenancy.records import InDoubtPolicy

HOLD, RETRY = InDoubtPolicy.HOLD, InDoubtPolicy.RETRY
OK = Reply(250, ("2.0.0 Ok",))
NO_USER = Reply(550, ("5.1.1 no such user at mx.b.example",))
GREY = Reply(450, ("4.2.0 greylisted",))
TOO_FAST = Reply(550, ("Sending frequency limited by tencent",))
BAD_LOGIN = Reply(535, ("5.7.8 bad credentials",))
IN_A_MINUTE = NOW + timedelta(minutes=1)


def ended(*rcpt: Reply, end: Callable[[Transaction], None], count: int = 1) -> Outcome:
    """Return the outcome of a transaction that heard `rcpt` and then ended by `end`."""
    paths = tuple(f"r{number}@c.example" for number in range(count))
    transaction = Transaction(Envelope("shop@b.example", paths), b"x")
    transaction.mail = OK
    transaction.rcpt = list(rcpt)
    end(transaction)
    return transaction.ended


def accepted(*rcpt: Reply) -> Outcome:
    return ended(*rcpt, end=lambda t: t.end_accepted(OK), count=len(rcpt))


def refused(phase: Phase, reply: Reply) -> Outcome:
    rcpt = (reply,) if phase is Phase.RCPT else (OK,)
    return ended(*rcpt, end=lambda t: t.end_refused(phase, reply))


def failed(error: PostroadError, *rcpt: Reply) -> Outcome:
    return ended(*rcpt, end=lambda t: t.end_failed(error), count=len(rcpt) or 1)


def doubtful(*rcpt: Reply) -> Outcome:
    return failed(ConnectionLost("the connection was lost", phase=Phase.FINAL_DOT), *rcpt)


def settled(
    outcome: Outcome,
    *,
    policy: InDoubtPolicy = HOLD,
    is_sync: bool = False,
    provider: str | None = None,
    count: int = 1,
    number: int = 1,
    expires_in: timedelta = timedelta(days=2),
    is_kept_out_of_retry: bool = False,
) -> Settlement:
    emails = (f"r{each}@c.example" for each in range(count))
    return settle(
        outcome,
        claim(
            *emails,
            number=number,
            expires_in=expires_in,
            is_kept_out_of_retry=is_kept_out_of_retry,
        ),
        policy=policy,
        is_sync=is_sync,
        provider=provider,
        now=NOW,
        jitter=0.5,
        transcript="C: EHLO\n",
        relay_id="r1",
    )


def states(settlement: Settlement) -> list[State]:
    return [fate.state for fate in settlement.fates]


LOGIN_REFUSED = refusal("the login", BAD_LOGIN, code=Code.AUTH, phase=Phase.AUTH)
SHUT_DOWN = refusal("the session", Reply(421, ("bye",)), code=Code.PROTOCOL, phase=Phase.MAIL)

# What became of it: in synchronous mode, and in queued mode with time left and past it.
DEFERRED = (State.FAILED, State.DEFERRED, State.EXPIRED)
BOUNCED = (State.BOUNCED, State.BOUNCED, State.BOUNCED)
FAILED = (State.FAILED, State.FAILED, State.FAILED)
ACCEPTED = (State.ACCEPTED, State.ACCEPTED, State.ACCEPTED)
OUTCOMES: dict[str, tuple[Outcome, tuple[State, State, State]]] = {
    "accepted": (accepted(OK), ACCEPTED),
    "5yz to MAIL": (refused(Phase.MAIL, NO_USER), BOUNCED),
    "5yz to RCPT": (refused(Phase.RCPT, NO_USER), BOUNCED),
    "5yz to DATA": (refused(Phase.DATA, NO_USER), BOUNCED),
    "5yz to the dot": (refused(Phase.FINAL_DOT, NO_USER), BOUNCED),
    "5yz: too large": (refused(Phase.MAIL, Reply(552, ("5.3.4 too large",))), BOUNCED),
    "4yz to MAIL": (refused(Phase.MAIL, GREY), DEFERRED),
    "4yz to RCPT": (refused(Phase.RCPT, GREY), DEFERRED),
    "4yz to the dot": (refused(Phase.FINAL_DOT, GREY), DEFERRED),
    "421 to RSET": (refused(Phase.RSET, Reply(421, ("bye",))), DEFERRED),
    "no connection": (failed(ConnectError("refused")), DEFERRED),
    "no connection, no fates": (
        Outcome(Code.CONNECT, Phase.CONNECT, (), ConnectError("refused")),
        DEFERRED,
    ),
    "no encryption": (failed(TlsError("expired")), DEFERRED),
    "login refused": (failed(LOGIN_REFUSED), DEFERRED),
    "session shut down": (failed(SHUT_DOWN), DEFERRED),
    "lost before the dot": (failed(ConnectionLost("lost", phase=Phase.CONTENT), OK), DEFERRED),
    "timed out": (failed(PhaseTimeout("not sent within 9 s", phase=Phase.RCPT)), DEFERRED),
    "garbage": (failed(RemoteProtocolError("garbage", phase=Phase.MAIL)), DEFERRED),
    "a defect": (failed(LocalProtocolError("bare LF")), DEFERRED),
    "the relay's settings": (failed(SettingsError("no cafile")), DEFERRED),
    "no secret": (Outcome(Code.INTERNAL, Phase.CONFIG, (), StorageError("no key")), DEFERRED),
    "the message cannot be sent": (failed(MessageError("no content")), FAILED),
    "no SMTPUTF8": (failed(CapabilityError("no", reason=Reason.SMTPUTF8_MISSING)), FAILED),
}


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("policy", InDoubtPolicy)
def test_an_outcome_means_the_same_under_every_policy_but_not_in_every_mode(
    name: str, policy: InDoubtPolicy
) -> None:
    outcome, expected = OUTCOMES[name]

    found = (
        settled(outcome, policy=policy, is_sync=True),
        settled(outcome, policy=policy),
        settled(outcome, policy=policy, expires_in=timedelta(seconds=59)),
    )

    assert tuple(states(each)[0] for each in found) == expected
    is_tried_again = expected[1] is State.DEFERRED
    assert [each.due for each in found] == [None, IN_A_MINUTE if is_tried_again else None, None]


@pytest.mark.parametrize("name", OUTCOMES)
def test_what_came_with_its_own_credentials_is_never_tried_again(name: str) -> None:
    outcome, expected = OUTCOMES[name]

    found = settled(outcome, is_kept_out_of_retry=True)

    assert (states(found), found.due) == ([expected[0]], None)


@pytest.mark.parametrize(("policy", "is_sync"), [*product(InDoubtPolicy, (True, False))])
def test_doubt_is_told_in_every_mode_and_the_policy_says_what_follows(
    policy: InDoubtPolicy, is_sync: bool
) -> None:
    found = settled(doubtful(OK), policy=policy, is_sync=is_sync)

    assert states(found) == [State.IN_DOUBT]
    assert found.code is Code.IN_DOUBT
    assert found.due == (IN_A_MINUTE if policy is RETRY else None)


def test_doubt_stays_doubt_past_the_time_and_without_credentials() -> None:
    late = settled(doubtful(OK), policy=RETRY, expires_in=timedelta(0))
    kept_out = settled(doubtful(OK), policy=RETRY, is_kept_out_of_retry=True)

    assert (states(late), late.due) == ([State.IN_DOUBT], None)
    assert (states(kept_out), kept_out.due) == ([State.IN_DOUBT], None)


@pytest.mark.parametrize(
    ("provider", "is_sync", "state"),
    [
        ("qq", False, State.DEFERRED),
        ("qq", True, State.BOUNCED),
        ("gmail", False, State.BOUNCED),
        ("no-such", False, State.BOUNCED),
        (None, False, State.BOUNCED),
    ],
)
@pytest.mark.parametrize("phase", [Phase.MAIL, Phase.RCPT, Phase.FINAL_DOT])
def test_a_5yz_that_the_provider_means_for_now_is_tried_again_in_queued_mode(
    provider: str | None, is_sync: bool, state: State, phase: Phase
) -> None:
    found = settled(refused(phase, TOO_FAST), provider=provider, is_sync=is_sync)

    assert states(found) == [state]


def test_a_refused_recipient_costs_no_other_its_mail() -> None:
    found = settled(accepted(OK, NO_USER, GREY), count=3)

    assert states(found) == [State.ACCEPTED, State.BOUNCED, State.DEFERRED]
    assert (found.code, found.due) == (Code.OK, IN_A_MINUTE)


def test_what_was_refused_before_the_doubt_stays_refused() -> None:
    found = settled(doubtful(OK, NO_USER), count=2, policy=RETRY)

    assert states(found) == [State.IN_DOUBT, State.BOUNCED]
    assert found.due == IN_A_MINUTE


def test_who_was_deferred_beside_a_held_doubt_waits_for_a_person_too() -> None:
    held = settled(doubtful(OK, GREY), count=2, policy=HOLD)
    again = settled(doubtful(OK, GREY), count=2, policy=RETRY)

    assert (states(held), held.due) == ([State.IN_DOUBT, State.HELD], None)
    assert (states(again), again.due) == ([State.IN_DOUBT, State.DEFERRED], IN_A_MINUTE)


def test_each_fate_has_its_position_and_the_reply_that_decided_it() -> None:
    found = settle(
        accepted(OK, NO_USER),
        claim("r0@c.example", "r1@c.example", positions=(2, 5)),
        policy=HOLD,
        is_sync=True,
        provider=None,
        now=NOW,
        jitter=0.5,
        transcript="C: EHLO\n",
        relay_id="r1",
    )

    assert found.fates == (
        Fate(2, State.ACCEPTED, 250, "2.0.0", "Ok"),
        Fate(5, State.BOUNCED, 550, "5.1.1", "no such user at mx.b.example"),
    )
    assert (found.at, found.relay_id, found.transcript) == (NOW, "r1", "C: EHLO\n")
    assert (found.phase, found.error) == ("done", "")


def test_a_session_that_was_refused_decides_every_fate() -> None:
    found = settled(failed(LOGIN_REFUSED), is_sync=True)

    assert found.fates == (Fate(0, State.FAILED, 535, "5.7.8", "bad credentials"),)
    assert (found.code, found.phase) == (Code.AUTH, "auth")
    assert found.error == "the login was refused: 535 5.7.8 bad credentials"


@pytest.mark.parametrize(("number", "minutes"), [(1, 1), (4, 8), (20, 240)])
def test_the_next_try_follows_from_the_number_of_this_one(number: int, minutes: int) -> None:
    found = settled(refused(Phase.RCPT, GREY), number=number)

    assert found.due == NOW + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("lang", "reason"),
    [
        ("zh", "收件人邮箱不存在(550 5.1.1)"),
        ("ko", "받는 사람의 메일함이 없습니다(550 5.1.1)"),
        ("en", "The recipient's mailbox does not exist (550 5.1.1)"),
    ],
)
def test_the_caller_reads_the_cause_and_the_numbers_of_the_reply(lang: str, reason: str) -> None:
    settlement = settled(refused(Phase.RCPT, NO_USER), is_sync=True)

    assert reason_for_caller(settlement, None, lang) == reason


def test_the_caller_reads_what_the_provider_means() -> None:
    settlement = settled(refused(Phase.FINAL_DOT, TOO_FAST), is_sync=True)

    reason = reason_for_caller(settlement, "qq", "zh")

    assert reason.startswith("超过了腾讯邮箱的发信频率限制")
    assert reason.endswith("(550)")


def test_the_caller_reads_what_was_refused_where_others_were_accepted() -> None:
    settlement = settled(accepted(OK, NO_USER), count=2, is_sync=True)

    assert reason_for_caller(settlement, None, "zh") == "收件人邮箱不存在(550 5.1.1)"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_caller_reads_that_it_may_have_been_accepted(lang: str) -> None:
    settlement = settled(doubtful(OK, NO_USER), count=2)

    reason = reason_for_caller(settlement, None, lang)

    assert reason == doubt_for_caller(None, lang)
    assert {"zh": "可能", "ko": "수 있습니다", "en": "may"}[lang] in reason


@pytest.mark.parametrize("name", OUTCOMES)
@pytest.mark.parametrize("lang", LANGUAGES)
def test_every_failure_has_a_reason_without_the_servers_words(name: str, lang: str) -> None:
    outcome, _ = OUTCOMES[name]
    settlement = settled(outcome, is_sync=True)

    reason = reason_for_caller(settlement, "naver", lang)

    assert bool(reason) is (outcome.code is not Code.OK)
    assert reason == reason.strip().rstrip("。.")
    told = ("no such user", "greylisted", "credentials", "{", "mx.b.example", "naver.com")
    assert not [each for each in told if each in reason]


def test_a_reason_of_ours_says_more_than_the_code() -> None:
    reasonless = settled(failed(ConnectError("no address")), is_sync=True)
    settlement = settled(failed(ConnectError("no address", reason=Reason.DNS)), is_sync=True)

    plain = reason_for_caller(reasonless, None, "zh")
    known = reason_for_caller(settlement, None, "zh")

    assert plain == "无法连接邮件服务器"
    assert known == "找不到邮件服务器的地址：主机名有误，或 DNS 没有响应"
