"""Every way in which a server can misbehave ends in the documented code, with both drivers alike.

Nothing waits here for a clock but the time-outs under test, which are short.
"""

from __future__ import annotations

import asyncio
import resource

import pytest

from postroad import AsyncMailer, Mailer, Message, Relay, Result, Timeouts
from postroad.errors import Code, Phase
from postroad.simulators import HostileSimulator, hostile

SECRET = "correct horse battery"
SHORT_S = 0.5  # for a server that keeps silent; the others have time, however busy the machine is
SHORT = Timeouts(*[SHORT_S] * 8)
MESSAGE = Message(
    from_="알림 <a@x.example>", to=["b@y.example"], subject="제목", text="본문\n" * 50
)

OK = (Code.OK, Phase.DONE)
STEPS = {
    "greeting": Phase.GREETING,
    "ehlo": Phase.EHLO,
    "auth": Phase.AUTH,
    "mail": Phase.MAIL,
    "rcpt": Phase.RCPT,
    "data": Phase.DATA,
    "content": Phase.FINAL_DOT,  # a small message leaves in one write with its final dot
    "dot": Phase.FINAL_DOT,
}

ONCE = {
    "polite": OK,
    "no-greeting": (Code.TIMEOUT, Phase.GREETING),
    "greeting-554": (Code.PROTOCOL, Phase.GREETING),
    "ehlo-refused": (Code.AUTH, Phase.AUTH),  # HELO will do, but offers no AUTH
    "helo-refused": (Code.PROTOCOL, Phase.EHLO),
    "starttls-missing": (Code.TLS, Phase.STARTTLS),
    "starttls-refused": (Code.TLS, Phase.STARTTLS),
    "starttls-deferred": (Code.TLS, Phase.STARTTLS),
    "starttls-injected": (Code.TLS, Phase.STARTTLS),
    "starttls-silence": (Code.TIMEOUT, Phase.TLS),
    "certificate-name": (Code.TLS, Phase.TLS),
    "certificate-expired": (Code.TLS, Phase.TLS),
    "certificate-self-signed": (Code.TLS, Phase.TLS),
    "certificate-untrusted": (Code.TLS, Phase.TLS),
    "auth-missing": (Code.AUTH, Phase.AUTH),
    "auth-unknown": (Code.AUTH, Phase.AUTH),
    "auth-535": (Code.AUTH, Phase.AUTH),
    "auth-454": (Code.AUTH, Phase.AUTH),
    "auth-432": (Code.AUTH, Phase.AUTH),
    "auth-garbage": (Code.AUTH, Phase.AUTH),
    "auth-endless": (Code.AUTH, Phase.AUTH),
    "auth-echo-raw": (Code.AUTH, Phase.AUTH),
    "auth-echo-base64": (Code.AUTH, Phase.AUTH),
    "auth-echo-hex": (Code.AUTH, Phase.AUTH),
    "auth-echo-urlencoded": (Code.AUTH, Phase.AUTH),
    "data-after-mail-refused": (Code.SENDER, Phase.MAIL),
    "data-250": (Code.PROTOCOL, Phase.DATA),
    "rcpt-354": (Code.PROTOCOL, Phase.RCPT),
    "no-final-reply": (Code.IN_DOUBT, Phase.FINAL_DOT),
    "lost-after-dot": (Code.IN_DOUBT, Phase.FINAL_DOT),
    "data-after-refusals": (Code.RECIPIENTS, Phase.RCPT),
    "no-pipelining": OK,
    "pipelining-lies": (Code.TIMEOUT, Phase.RCPT),
    "bare-lf": (Code.PROTOCOL, Phase.EHLO),
    "bare-cr": (Code.TIMEOUT, Phase.EHLO),
    "endless-line": (Code.PROTOCOL, Phase.EHLO),
    "endless-lines": (Code.PROTOCOL, Phase.EHLO),
    "ten-million-lines": (Code.PROTOCOL, Phase.EHLO),
    "mib-line": (Code.PROTOCOL, Phase.EHLO),
    "code-000": (Code.PROTOCOL, Phase.EHLO),
    "code-999": (Code.PROTOCOL, Phase.EHLO),
    "code-letters": (Code.PROTOCOL, Phase.EHLO),
    "code-short": (Code.PROTOCOL, Phase.EHLO),
    "changing-codes": (Code.PROTOCOL, Phase.EHLO),
    "empty-line": (Code.PROTOCOL, Phase.EHLO),
    "garbage": (Code.PROTOCOL, Phase.GREETING),
    "http": (Code.PROTOCOL, Phase.GREETING),
    "ssh": (Code.PROTOCOL, Phase.GREETING),
    "pop3": (Code.PROTOCOL, Phase.GREETING),
    "non-utf8": (Code.SENDER, Phase.MAIL),
    "8bit": (Code.SENDER, Phase.MAIL),
    "three-replies": (Code.PROTOCOL, Phase.DATA),
    "unsolicited": (Code.PROTOCOL, Phase.AUTH),
    "twice@dot": OK,
    "idle-close": OK,
    "idle-421": OK,
    "http@dot": (Code.IN_DOUBT, Phase.FINAL_DOT),
    "garbage@data": (Code.PROTOCOL, Phase.DATA),
    "endless-lines@dot": (Code.IN_DOUBT, Phase.FINAL_DOT),
    "550@mail": (Code.SENDER, Phase.MAIL),
    "450@mail": (Code.SENDER, Phase.MAIL),
    "550@rcpt": (Code.RECIPIENTS, Phase.RCPT),
    "451@rcpt": (Code.RECIPIENTS, Phase.RCPT),
    "554@data": (Code.CONTENT, Phase.DATA),
    "451@data": (Code.CONTENT, Phase.DATA),
    "554@dot": (Code.CONTENT, Phase.FINAL_DOT),
    "452@dot": (Code.CONTENT, Phase.FINAL_DOT),
    "354@dot": (Code.IN_DOUBT, Phase.FINAL_DOT),
    "354@mail": (Code.PROTOCOL, Phase.MAIL),
}
AT_EACH_STEP = {
    f"{what}@{step}": (_code if phase is not Phase.FINAL_DOT else Code.IN_DOUBT, phase)
    for step, phase in STEPS.items()
    for what, _code in {
        "close": Code.PROTOCOL,
        "reset": Code.PROTOCOL,
        "half": Code.PROTOCOL,
        "silence": Code.TIMEOUT,
    }.items()
}
CLOSING = {f"421@{step}": (Code.PROTOCOL, phase) for step, phase in STEPS.items()}
CASES = ONCE | AT_EACH_STEP | CLOSING


def relay(server: HostileSimulator, timeouts: Timeouts) -> Relay:
    return Relay(
        host="localhost",
        port=server.port,
        security=server.security,
        username="user",
        password=SECRET,
        cafile=server.cafile if server.security != "none" else None,
        timeouts=timeouts,
    )


def send(
    server: HostileSimulator,
    driver: str,
    message: Message = MESSAGE,
    timeouts: Timeouts = SHORT,
) -> Result:
    """What the blocking or the asyncio mailer makes of the server."""
    if driver == "blocking":
        with Mailer(relay(server, timeouts), timeout=20) as mailer:
            return mailer.send(message)

    async def run() -> Result:
        async with AsyncMailer(relay(server, timeouts), connections=1, timeout=20) as mailer:
            return await mailer.send(message)

    return asyncio.run(run())


def is_silent(behaviour: str) -> bool:
    """Whether only a time-out ends it."""
    return CASES[behaviour][0] is Code.TIMEOUT or behaviour.startswith(("silence", "no-final"))


@pytest.mark.parametrize("driver", ["blocking", "asyncio"])
@pytest.mark.parametrize("behaviour", CASES)
def test_misbehaviour_ends_in_the_documented_code(behaviour: str, driver: str) -> None:
    with hostile(behaviour) as server:
        timeouts = SHORT if is_silent(behaviour) else Timeouts()
        result = send(server, driver, timeouts=timeouts)

    met = (result.code, result.phase)
    if behaviour == "reset@greeting" and met == (Code.CONNECT, Phase.CONNECT):
        return  # the reset was faster than the connection
    assert met == CASES[behaviour]
    assert bool(result.error) == (not result)
    assert result.hint  # for a success it warns of the login in the clear
    assert result.in_doubt == (result.code is Code.IN_DOUBT)
    shown = result.error + result.hint + result.transcript
    assert SECRET not in shown
    assert "Traceback" not in shown
    assert shown.replace("\n", "").isprintable()


@pytest.mark.parametrize("driver", ["blocking", "asyncio"])
def test_a_greeting_that_drips_does_not_extend_its_time_out(driver: str) -> None:
    with hostile("drip@greeting", pace_s=SHORT_S / 4) as server:
        result = send(server, driver)

    assert (result.code, result.phase) == (Code.TIMEOUT, Phase.GREETING)


@pytest.mark.parametrize("driver", ["blocking", "asyncio"])
def test_a_server_that_stops_reading_times_out_before_the_final_dot(driver: str) -> None:
    large = Message(
        from_="a@x.example", to="b@y.example", text="x" * 70 + "\n" + "본문" * 1_100_000
    )

    with hostile("deaf@content") as server:
        result = send(server, driver, large)

    assert (result.code, result.phase) == (Code.TIMEOUT, Phase.CONTENT)


@pytest.mark.parametrize("driver", ["blocking", "asyncio"])
def test_a_message_larger_than_the_servers_size_is_not_even_begun(driver: str) -> None:
    large = Message(from_="a@x.example", to="b@y.example", text="x" * 70 + "\n" + "본문" * 400_000)

    with hostile("size-small") as server:
        result = send(server, driver, large)

        assert (result.code, result.phase) == (Code.CAPABILITY, Phase.MAIL)
        assert b"MAIL" not in server.wait_for_transcript().from_client


def test_a_mailbox_beyond_ascii_needs_a_server_with_smtputf8() -> None:
    message = Message(from_="a@x.example", to="홍길동@y.example", text="")

    with hostile("no-extensions", "auth-missing") as server:
        plain = Relay(host="127.0.0.1", port=server.port, security="none", timeouts=SHORT)
        with Mailer(plain) as mailer:
            result = mailer.send(message)

    assert (result.code, result.phase) == (Code.CAPABILITY, Phase.MAIL)


def test_a_refused_recipient_costs_no_other_its_mail() -> None:
    message = Message(
        from_="a@x.example", to=["b@y.example", "refuse@y.example", "defer@y.example"], text=""
    )

    with hostile("polite") as server:
        result = send(server, "blocking", message, Timeouts())
        mail = server.wait_for_message()

    assert result
    assert [each.accepted for each in result.recipients] == [True, False, False]
    assert [each.code for each in result.refused] == [550, 450]
    assert mail.forward_paths == ("b@y.example",)


@pytest.mark.parametrize("behaviour", ["endless-line", "ten-million-lines", "endless-lines"])
def test_a_flood_of_octets_does_not_fill_the_memory(behaviour: str) -> None:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    with hostile(behaviour) as server:
        result = send(server, "blocking", timeouts=Timeouts())

    assert result.code is Code.PROTOCOL
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert grown_kib < 8 * 1024
