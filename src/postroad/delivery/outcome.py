"""What an attempt means for each recipient, and what the caller is told of it."""

from __future__ import annotations

from datetime import datetime

from postroad import providers
from postroad.delivery.messages import Claim, Fate, Settlement
from postroad.delivery.retry import next_due
from postroad.delivery.states import State
from postroad.errors import Code, Phase, Reason, ReplyError, SettingsError
from postroad.providers import Words
from postroad.smtp.reply import Reply
from postroad.smtp.transaction import Outcome
from postroad.tenancy.records import InDoubtPolicy


def settle(
    outcome: Outcome,
    claim: Claim,
    *,
    policy: InDoubtPolicy,
    is_sync: bool,
    provider: str | None,
    now: datetime,
    jitter: float,
    transcript: str,
    relay_id: str | None,
) -> Settlement:
    """Return what an attempt brought for every recipient of the claim.

    is_sync:  nothing refused is tried again: 4yz and no connection are FAILED, 5yz BOUNCED.
              Otherwise those are DEFERRED, or EXPIRED past the message's time, and so is a 5yz
              that the provider is known to mean for now.
    policy:   for recipients in doubt, who stay IN_DOUBT either way: due again, or never.
    provider: the name of the relay's preset, if any.
    jitter:   0 to 1.

    A message that is kept out of retry is never due.
    """
    message = claim.message
    is_last = is_sync or message.is_kept_out_of_retry
    holds = policy is InDoubtPolicy.HOLD or message.is_kept_out_of_retry
    due = next_due(claim.number, now, jitter, message.expires_at)
    replies = outcome.fates or (None,) * len(claim.recipients)
    states = [_state(reply, outcome, provider, is_last=is_last) for reply in replies]
    for index, state in enumerate(states):
        if state is not State.DEFERRED:
            continue
        if is_last:
            states[index] = State.FAILED
        elif due is None:
            states[index] = State.EXPIRED
        elif holds and State.IN_DOUBT in states:
            # A message is due as a whole: who was refused waits with those in doubt.
            states[index] = State.HELD
    is_due = State.DEFERRED in states or (State.IN_DOUBT in states and not holds)
    fates = tuple(
        _fate(recipient.position, state, reply or _reply_of_session(outcome))
        for recipient, state, reply in zip(claim.recipients, states, replies, strict=True)
    )
    return Settlement(
        code=outcome.code,
        phase=str(outcome.phase),
        error=str(outcome.error or ""),
        fates=fates,
        due=due if is_due else None,
        at=now,
        relay_id=relay_id,
        transcript=transcript,
        reason=outcome.error.reason if outcome.error else None,
    )


def reason_for_caller(settlement: Settlement, provider: str | None, lang: str) -> str:
    """Return why a message was not sent, or that it may have been, for the caller to read.

    Of the server only the numbers are told, as in `收件人邮箱不存在(550 5.1.1)`: what it wrote, its
    name and our login are not the caller's.
    """
    if settlement.code is Code.IN_DOUBT:
        return doubt_for_caller(provider, lang)
    refused = (fate for fate in settlement.fates if fate.state is not State.ACCEPTED and fate.code)
    fate = next(refused, None)
    if fate is None:
        return _without_reply(settlement.code, settlement.reason, provider, lang)
    numbers = f"{fate.code} {fate.enhanced}".rstrip()
    reply = Reply(fate.code, (f"{fate.enhanced} {fate.text}".strip(),))
    phase = Phase(settlement.phase)
    told = providers.explain(
        reply,
        phase=Phase.RCPT if phase is Phase.DONE else phase,  # others were accepted
        provider=provider,
        lang=lang,
    )
    space = " " if providers.language_of(lang) == "en" else ""
    return f"{_open_ended(told.cause)}{space}({numbers})"


def doubt_for_caller(provider: str | None, lang: str) -> str:
    """Return the sentence that a message may have been accepted although no reply says so."""
    told = providers.explain_reason(Reason.IN_DOUBT, provider=provider, lang=lang)
    return _open_ended(told.cause)


def _state(reply: Reply | None, outcome: Outcome, provider: str | None, *, is_last: bool) -> State:
    """Return what became of one recipient; DEFERRED for all that another try may change."""
    if reply is None:
        if outcome.in_doubt:
            return State.IN_DOUBT
        return State.FAILED if _is_hopeless(outcome) else State.DEFERRED
    if reply.is_positive:
        return State.ACCEPTED
    if reply.is_permanent:
        is_for_now = not is_last and _is_temporary(reply, outcome, provider)
        return State.DEFERRED if is_for_now else State.BOUNCED
    return State.DEFERRED


def _is_hopeless(outcome: Outcome) -> bool:
    """Whether the message itself cannot be sent; wrong settings of the relay can be put right."""
    is_setting = isinstance(outcome.error, SettingsError)
    return outcome.code in (Code.CONFIG, Code.CAPABILITY) and not is_setting


def _is_temporary(reply: Reply, outcome: Outcome, provider: str | None) -> bool:
    error = outcome.error
    decided_all = isinstance(error, ReplyError) and error.reply is reply
    phase = outcome.phase if decided_all else Phase.RCPT
    return providers.explain(reply, phase=phase, provider=provider).is_temporary


def _reply_of_session(outcome: Outcome) -> Reply | None:
    """Return the reply that ended a session before it took any path, such as a refused login."""
    error = outcome.error
    return error.reply if isinstance(error, ReplyError) and isinstance(error.reply, Reply) else None


def _fate(position: int, state: State, reply: Reply | None) -> Fate:
    if reply is None:
        return Fate(position, state)
    enhanced = reply.enhanced
    text = reply.text.removeprefix(enhanced).lstrip()
    return Fate(position, state, reply.code, enhanced, text)


_WITHOUT_REPLY = {
    Code.CONNECT: Words(
        ko="메일 서버에 연결할 수 없습니다",
        zh="无法连接邮件服务器",
        en="The mail server cannot be reached",
    ),
    Code.TLS: Words(
        ko="메일 서버와 암호화된 연결을 맺을 수 없습니다",
        zh="无法与邮件服务器建立加密连接",
        en="No encrypted connection to the mail server is possible",
    ),
    Code.AUTH: Words(
        ko="메일 서버에 로그인할 수 없습니다",
        zh="无法登录邮件服务器",
        en="No login at the mail server is possible",
    ),
    Code.CAPABILITY: Words(
        ko="메일 서버가 받을 수 없는 메시지입니다",
        zh="邮件服务器无法接收此邮件",
        en="The mail server cannot take this message",
    ),
}
_REASONS = {
    Code.CONFIG: Reason.FIELD,
    Code.PROTOCOL: Reason.LOST,
    Code.TIMEOUT: Reason.TIMED_OUT,
    Code.INTERNAL: Reason.INTERNAL,
}


def _without_reply(code: Code, reason: Reason | None, provider: str | None, lang: str) -> str:
    if reason is None and code in _WITHOUT_REPLY:
        return _WITHOUT_REPLY[code].in_language(lang)
    reason = reason or _REASONS.get(code)
    if reason is None:
        return ""
    return _open_ended(providers.explain_reason(reason, provider=provider, lang=lang).cause)


def _open_ended(sentence: str) -> str:
    """Return a sentence without its full stop: something follows, or it follows something."""
    return sentence.rstrip("。.")
