"""`check`: each step tells how it went, and nothing is sent."""

from __future__ import annotations

import pytest

from postroad import Relay, Timeouts, check
from postroad.errors import Code, Phase
from postroad.simulators import Simulator, hostile, simulate


def naver(server: Simulator, password: str | None = None) -> Relay:
    return Relay.preset(
        "naver",
        username=server.username,
        password=password or server.password,
        host="localhost",
        port=server.port,
        cafile=server.cafile,
    )


def test_every_step_of_a_good_relay_goes_well_and_nothing_is_sent() -> None:
    with simulate("naver") as server:
        report = check(naver(server), to="b@y.example")

        assert server.messages == []
    assert report
    assert [step.ok for step in report.steps] == [True] * 6
    assert [step.phase for step in report.steps] == [
        Phase.CONNECT,
        Phase.TLS,
        Phase.EHLO,
        Phase.AUTH,
        Phase.MAIL,
        Phase.RCPT,
    ]
    assert all(step.detail for step in report.steps)
    assert [each.email for each in report.result.recipients] == ["b@y.example"]
    assert "MAIL FROM:<danbee@naver.com>" in report.result.transcript
    assert report.certificate is not None
    assert report.certificate.subject == "localhost"
    assert report.extensions.pipelining


def test_a_wrong_password_fails_the_step_auth_and_is_explained() -> None:
    with simulate("naver") as server:
        report = check(naver(server, "wrong password"), lang="ko")

    assert not report
    assert [step.ok for step in report.steps] == [True, True, True, False, None, None]
    assert report.steps[2].detail.startswith("SIZE") or "AUTH" in report.steps[2].detail
    assert "535 5.7.1" in report.steps[3].detail
    assert "SMTP" in report.result.hint


@pytest.mark.parametrize(
    ("behaviour", "step", "code"),
    [
        ("greeting-554", Phase.CONNECT, Code.PROTOCOL),
        ("starttls-missing", Phase.TLS, Code.TLS),
        ("certificate-name", Phase.TLS, Code.TLS),
        ("certificate-expired", Phase.TLS, Code.TLS),
        ("421@ehlo", Phase.EHLO, Code.PROTOCOL),
        ("auth-missing", Phase.AUTH, Code.AUTH),
        ("550@mail", Phase.MAIL, Code.SENDER),
        ("550@rcpt", Phase.RCPT, Code.RECIPIENTS),
        ("close@rcpt", Phase.RCPT, Code.PROTOCOL),
        ("close@rset", Phase.RCPT, Code.PROTOCOL),
        ("silence@mail", Phase.MAIL, Code.TIMEOUT),
    ],
)
def test_the_step_that_fails_is_the_one_the_server_fails(
    behaviour: str, step: Phase, code: Code
) -> None:
    timeouts = Timeouts(*[0.5] * 8) if behaviour.startswith("silence") else Timeouts()
    with hostile(behaviour) as server:
        relay = Relay(
            host="localhost",
            port=server.port,
            security=server.security,
            username="user",
            password="pass word",
            cafile=server.cafile if server.security != "none" else None,
            timeouts=timeouts,
        )
        report = check(relay, from_="a@x.example")

    failed = [each.phase for each in report.steps if each.ok is False]
    assert (failed, report.result.code) == ([step], code)
    assert report.result.hint


@pytest.mark.parametrize("behaviour", ["twice@auth", "unsolicited@auth", "idle-421@auth"])
def test_a_reply_nobody_asked_for_fails_the_step_under_way(behaviour: str) -> None:
    with hostile(behaviour) as server:
        relay = Relay(
            host="localhost",
            port=server.port,
            security="none",
            username="user",
            password="pass word",
        )
        report = check(relay, from_="a@x.example")

    assert not report
    assert [step.ok for step in report.steps].count(False) == 1


def test_nothing_listening_fails_the_first_step() -> None:
    with hostile("polite") as server:
        port = server.port
    report = check(Relay(host="127.0.0.1", port=port, security="none"))

    assert [step.ok for step in report.steps] == [False, None, None, None, None, None]
    assert report.result.code is Code.CONNECT


def test_without_an_address_the_last_two_steps_are_left_out() -> None:
    with hostile("polite") as server:
        report = check(Relay(host="127.0.0.1", port=server.port, security="none"))

    assert report
    assert [step.ok for step in report.steps] == [True, None, True, None, None, None]
