"""Known replies are explained by their own words, unknown ones by what is left of them."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from postroad.errors import Phase, Reason
from postroad.providers import LANGUAGES, Explanation, Source, explain, explain_reason, preset_names

HANGUL = re.compile("[가-힣]")
HAN = re.compile("[\u4e00-\u9fff]")


@dataclass
class Said:
    """The least a reply can be."""

    code: int
    text: str


# provider, what it said, a word of the cause in ko, zh and en, a word of the remedy in en
KNOWN = [
    ("naver", "535 5.7.1 Username and Password not accepted", "꺼져", "SMTP", "SMTP", "사용함"),
    ("naver", "535 5.7.8 whatever", "2단계", "两步验证", "2-step", "12-character"),
    ("gmail", "534-5.7.9 Application-specific password required", "앱", "专用", "app", "apppasswo"),
    (
        "gmail",
        "534 5.7.9 Please log in via your web browser",
        "브라우저",
        "浏览器",
        "brows",
        "notice",
    ),
    (
        "gmail",
        "535-5.7.8 Username and Password not accepted",
        "앱 비밀",
        "专用",
        "app pa",
        "apppass",
    ),
    ("gmail", "550 5.4.5 Daily user sending limit exceeded", "500", "500", "500", "24 hours"),
    (
        "office365",
        "550 5.7.30 Basic authentication is not supported for Client Submission",
        "기본 인증",
        "基本身份验证",
        "basic authentication",
        "XOAUTH2",
    ),
    (
        "office365",
        "535 5.7.139 Authentication unsuccessful, basic authentication is disabled.",
        "기본 인증",
        "基本身份验证",
        "basic authentication",
        "XOAUTH2",
    ),
    (
        "office365",
        "535 5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Ten",
        "SmtpClientAuthentication",
        "SmtpClientAuthentication",
        "SmtpClientAuthentication",
        "Authenticated SMTP",
    ),
    ("office365", "432 4.3.2 Concurrent connections limit", "동시", "并发", "connections", "3"),
    ("office365", "554 5.2.252 SendAsDenied; a not allowed", "권한", "权限", "may not", "Send As"),
    ("outlook", "535 5.7.139 basic authentication is disabled", "기본", "基本", "basic", "XOAUTH2"),
    (
        "ses",
        "454 Throttling failure: Maximum sending rate exceeded",
        "초당",
        "每秒",
        "rate",
        "below",
    ),
    (
        "ses",
        "454 Throttling failure: Daily message quota exceeded",
        "24",
        "24",
        "24-hour",
        "higher",
    ),
    ("ses", "454 Temporary authentication failure", "일시", "暂时", "throttl", "SES console"),
    ("ses", "535 Authentication Credentials Invalid", "자격", "凭证", "credentials", "region"),
    (
        "ses",
        "554 Message rejected: Email address is not verified",
        "확인",
        "验证",
        "verified",
        "Ver",
    ),
    (
        "qq",
        "535 Login Fail. Please enter your authorization code to login",
        "授权码",
        "授权码",
        "授权码",
        "设置 > 账号",
    ),
    (
        "qq",
        "535 Login Fail.Please enter your authorization code to login. More information in http",
        "授权码",
        "授权码",
        "authorization code",
        "authorization code",
    ),
    (
        "qq",
        "501 mail from address must be same as authorization user",
        "보내는 사람",
        "发件人",
        "From",
        "own address",
    ),
    ("qq", "550 Ip frequency limited", "빈도", "频率", "fast", "slowly"),
    ("exmail", "535 Error: authentication failed", "전용", "专用", "client password", "client"),
    ("163", "554 DT:SPM 163 smtp5,D9GowACHO7RNVplV", "스팸", "垃圾邮件", "spam", "subject"),
    ("126", "550 MI:DMC 126 smtp1", "연결", "连接", "connection", "anew"),
    ("yeah", "450 MI:DMC yeah smtp1", "연결", "连接", "connection", "anew"),
    ("163", "421 HL:ICC 163 mx3", "동시", "并发", "connections at once", "one or two"),
    ("163", "535 Error: authentication failed", "授权码", "授权码", "授权码", "authorization code"),
    ("163", "550 User has no permission", "SMTP", "SMTP", "SMTP", "Switch SMTP on"),
    ("163", "553 Mail from must equal authorized user", "보내는", "发件人", "From", "own address"),
    (
        "aliyun",
        "440 mail from account doesn't conform with authentication",
        "보내",
        "发件",
        "From",
        "",
    ),
    (
        "aliyun",
        "526 Authentication failure[0]",
        "비밀번호",
        "密码错误",
        "password is wrong",
        "Check",
    ),
    ("aliyun", "526 Authentication failure[1]", "잠겼", "锁定", "locked", "unlock"),
    ("aliyun", "526 Authentication failure", "잠겼", "锁定", "locked", "unlock"),
    ("directmail", "552 Daily sending quota exceeded", "한도", "额度", "quota", "renews"),
    (
        "directmail",
        '436 "MAIL FROM" doesn\'t conform',
        "다릅",
        "不一致",
        "not the sender",
        "same|Use",
    ),
    ("tencent-ses", "550 FailedOperation.FrequencyLimit", "20통", "20 封", "20 a second", "Stay"),
    ("sendgrid", "535 Authentication failed: Bad username / password", "API", "API", "API", "Mail"),
    ("postmark", "535 5.7.8 Error: authentication failed", "토큰", "令牌", "token", "same|both"),
    (
        "yahoo",
        "535 5.7.0 (#AUTH005) Too many bad auth attempts.",
        "반복",
        "多次",
        "Too many",
        "Stop",
    ),
    ("zoho", "553 Relaying disallowed as a@b.example", "별칭", "别名", "alias", "alias"),
    (
        "yandex",
        "553 5.7.1 Sender address rejected: not owned by auth user.",
        "보내",
        "发件",
        "From",
        "",
    ),
]


def in_all(reply: Said | str, **how: object) -> list[Explanation]:
    found = [explain(reply, lang=lang, **how) for lang in LANGUAGES]  # type: ignore[arg-type]
    ko, zh, en = found
    assert HANGUL.search(ko.cause)
    assert HANGUL.search(ko.remedy)
    assert HAN.search(zh.cause)
    assert HAN.search(zh.remedy)
    assert en.cause
    assert en.remedy
    assert ko.is_temporary == zh.is_temporary == en.is_temporary
    assert ko.source == zh.source == en.source
    return found


@pytest.mark.parametrize(("provider", "reply", "ko", "zh", "en", "remedy"), KNOWN)
def test_a_known_reply_is_explained_in_three_languages(
    provider: str, reply: str, ko: str, zh: str, en: str, remedy: str
) -> None:
    korean, chinese, english = in_all(reply, provider=provider)

    assert korean.source is Source.PROVIDER
    assert ko in korean.cause
    assert zh in chinese.cause
    assert en in english.cause
    assert re.search(remedy, english.remedy)


@pytest.mark.parametrize(
    ("provider", "reply"),
    [
        ("163", "550 MI:DMC"),
        ("163", "554 MI:STC"),
        ("163", "554 MI:SFQ"),
        ("qq", "550 Connection frequency limited"),
        ("qq", "550 Domain frequency limited"),
        ("qq", "550 Mailbox unavailable or access denied"),
        ("exmail", "550 Sender frequency limited"),
        ("tencent-ses", "554 RequestLimitExceeded"),
        ("gmail", "550 5.4.5 Daily user sending limit exceeded"),
    ],
)
def test_a_limit_that_passes_is_temporary_though_it_says_5yz(provider: str, reply: str) -> None:
    assert explain(reply, provider=provider).is_temporary
    assert not explain(reply).is_temporary


@pytest.mark.parametrize(
    ("provider", "reply"), [("aliyun", "440 mail from account"), ("directmail", "436 MAIL FROM")]
)
def test_a_4yz_that_never_passes_is_not_temporary(provider: str, reply: str) -> None:
    assert not explain(reply, provider=provider).is_temporary


def test_4yz_is_temporary_and_5yz_is_not() -> None:
    assert explain("450 4.2.0 no").is_temporary
    assert not explain("550 5.2.0 no").is_temporary
    assert not explain("250 2.0.0 queued").is_temporary
    assert not explain("what?").is_temporary


def test_words_that_mean_the_same_everywhere_need_no_provider() -> None:
    for reply, word in (
        ("535 5.7.1 Username and Password not accepted", "refused the user name"),
        ("554 5.7.1 <a@b>: Relay access denied", "relay"),
        ("550 5.1.1 No such user here", "does not exist"),
        ("451 4.7.1 Greylisted, try again", "Greylisting"),
        ("554 5.7.1 Service unavailable; Client host [1.2.3.4] blocked using zen", "block list"),
        ("530 5.7.0 Must issue a STARTTLS command first", "STARTTLS"),
        ("552 5.3.4 Message size exceeds fixed limit", "larger"),
        ("421 4.7.0 Too many connections from 1.2.3.4", "connections"),
        ("535 Login Fail. Please enter your authorization code to login", "授权码"),
    ):
        found = in_all(reply)[2]

        assert found.source is Source.TEXT, reply
        assert word in found.cause, reply


REGISTERED = [
    *(f"1.{detail}" for detail in range(11)),
    *(f"2.{detail}" for detail in range(5)),
    *(f"3.{detail}" for detail in range(7)),
    *(f"4.{detail}" for detail in range(8)),
    *(f"5.{detail}" for detail in range(7)),
    *(f"6.{detail}" for detail in range(11)),
    *(f"7.{detail}" for detail in range(31)),
]


@pytest.mark.parametrize("code", REGISTERED)
def test_every_registered_enhanced_status_code_is_explained(code: str) -> None:
    permanent = in_all(f"550 5.{code} zzz")[2]
    temporary = in_all(f"450 4.{code} zzz")[2]

    assert permanent.source is temporary.source is Source.ENHANCED
    assert not permanent.is_temporary
    assert temporary.is_temporary
    assert temporary.cause == permanent.cause
    assert temporary.remedy != permanent.remedy


def test_a_temporary_refusal_is_told_to_wait_and_then_what_to_do() -> None:
    permanent, temporary = explain("550 5.1.1 zzz"), explain("450 4.1.1 zzz")

    assert temporary.remedy.endswith(permanent.remedy)
    assert temporary.remedy.startswith("The server calls this temporary")


WAIT = {
    "ko": re.compile("몇 분|몇 시간|한 시간|나중에|다시 보내"),
    "zh": re.compile("几分钟|小时|稍后|重发"),
    "en": re.compile(r"again|later|minutes|hours?\b|keeps happening"),
}


@pytest.mark.parametrize("code", [*REGISTERED, "1.99", "2.99", "3.99", "4.99", "5.99", "7.99"])
def test_nobody_is_told_twice_to_send_again_later(code: str) -> None:
    lead = {lang: explain("450 4.1.1 zzz", lang=lang).remedy for lang in LANGUAGES}
    after = {lang: explain("550 5.1.1 zzz", lang=lang).remedy for lang in LANGUAGES}
    for lang in LANGUAGES:
        said_first = lead[lang].removesuffix(after[lang])
        remedy = explain(f"450 4.{code} zzz", lang=lang).remedy

        rest = remedy.removeprefix(said_first)

        if rest != remedy and code not in ("6.0", "6.1", "6.2", "6.3", "6.4", "6.5", "7.12"):
            assert not WAIT[lang].search(rest), rest


def test_an_unregistered_detail_falls_back_on_its_subject() -> None:
    found = in_all("550 5.7.606 zzz")[2]

    assert found.source is Source.ENHANCED
    assert "policy" in found.cause


def test_an_enhanced_status_code_that_says_nothing_leaves_it_to_the_reply_code() -> None:
    found = in_all("452 4.0.0 zzz")[2]

    assert found.source is Source.CODE
    assert "space" in found.cause


def test_a_refused_login_is_never_explained_as_a_refused_delivery() -> None:
    for reply in ("535 5.7.1 zzz", "535 5.7.0 zzz", "534 5.7.14 zzz"):
        assert "log" in explain(reply).cause or "password" in explain(reply).cause
    for reply in ("550 5.7.1 zzz", "554 5.7.1 zzz", "550 zzz"):
        assert "login" in explain(reply, phase=Phase.AUTH).cause


CODES = [421, 432, 450, 451, 452, 454, 500, 501, 502, 503, 504, 521, 523, 530, 534, 535, 538]
CODES += [541, 550, 551, 552, 553, 554, 555, 556, 571]


@pytest.mark.parametrize("code", CODES)
def test_a_bare_reply_code_is_explained(code: int) -> None:
    found = in_all(f"{code} zzz")[2]

    assert found.source is Source.CODE
    assert found.is_temporary == (code < 500)
    assert found.cause != explain("499 zzz").cause
    assert found.cause != explain("599 zzz").cause


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("code", [200, 354, 421, 454, 499, 550, 554, 599])
def test_every_code_at_every_phase_gets_an_answer(code: int, phase: Phase) -> None:
    in_all(Said(code, ""), phase=phase)


def test_the_phase_tells_apart_what_one_code_means() -> None:
    phases = (Phase.AUTH, Phase.MAIL, Phase.RCPT, Phase.FINAL_DOT, None)
    causes = {explain("550 zzz", phase=phase).cause for phase in phases}

    assert len(causes) == 5
    assert explain("454 zzz", phase=Phase.AUTH) != explain("454 zzz", phase=Phase.STARTTLS)


def test_a_success_is_no_error() -> None:
    for reply in ("250 2.0.0 Ok: queued", "354 go on", "220 ready", "299 zzz", "250 spam virus"):
        assert "not an error" in in_all(reply, provider="163")[2].cause


@pytest.mark.parametrize(
    "shown",
    [
        "535 5.7.8 Username and Password not accepted",
        "535-5.7.8 Username and Password not accepted",
        "535-5.7.8 Username and Password\n535 5.7.8 not accepted",
        "535-5.7.8 Username and Password\r\n535-5.7.8  not accepted. For more\r\n535 5.7.8 x",
        "S: 535-5.7.8 Username and\nS: 535 5.7.8 Password not accepted",
        "  535 5.7.8 Username",
        "5.7.8 Username and Password not accepted",
    ],
)
def test_a_reply_is_read_however_a_log_shows_it(shown: str) -> None:
    found = explain(shown, provider="gmail")

    assert found.source is Source.PROVIDER
    assert "app password is wrong" in found.cause


BOUNCED = [
    "Diagnostic-Code: smtp; 550 5.1.1 <x@b.example>: zzz",
    "Diagnostic-Code: smtp;550 5.1.1 <x@b.example>: zzz",
    "Diagnostic-Code: smtp; 550-5.1.1 The account you tried to reach is\n 550 5.1.1 zzz",
    "host mx.b.example[192.0.2.1] said: 550 5.1.1 <x@b.example>: zzz (in reply to RCPT TO command)",
    "smtp[450]: 4AB250: relay=b.example:25, dsn=5.1.1, status=bounced (host said: 550 5.1.1 zzz)",
    "SMTP error from remote mail server after RCPT TO:<x@b.example>: 550 5.1.1 zzz",
    "Remote Server returned '550 5.1.1 zzz'",
    "#< #5.1.1 smtp;550 5.1.1 zzz> #SMTP#",
    "... while talking to mx.b.example.:\n>>> RCPT To:<x@b.example>\n<<< 550 5.1.1 zzz",
    "after 450 seconds on port 587: 550 5.1.1 zzz",
    "Status: 5.1.1",
    "Status: 5.1.1\nRemote-MTA: dns; mx.b.example",
    "dsn=5.1.1, status=bounced",
    "the mail was refused (5.1.1).",
    "Action: failed\n" * 1000 + "Diagnostic-Code: smtp; 550 5.1.1 zzz\n\nSubject: spam",
]


@pytest.mark.parametrize("shown", BOUNCED, ids=range(len(BOUNCED)))
def test_a_reply_is_found_in_the_lines_of_a_bounce(shown: str) -> None:
    found = explain(shown)

    assert found == explain("550 5.1.1 zzz")
    assert found.source is Source.ENHANCED


@pytest.mark.parametrize(
    ("shown", "reply"),
    [
        ("552 zzz, not 450 4.2.1 zzz", "552 zzz"),  # the line's start first
        ("says 452 of 550 5.2.1 zzz", "550 5.2.1 zzz"),  # then one with an enhanced status code
        ("220 ready\n250 hello\n552 zzz", "552 zzz"),  # a refusal before what went well
        ("said: 250 queued, later 552 zzz", "552 zzz"),
        ("host mx.b.example said: 552 zzz", "552 zzz"),
        ("host mx.b.example said: 552-zzz", "552 zzz"),
        ("host mx.b.example said: 552 192.0.2.1 zzz", "552 zzz"),
        ("SMTP error 552: zzz", "552 zzz"),
        ("it answered 552", "552"),
        ("status=sent (250 2.0.0 zzz)", "250 2.0.0 zzz"),
    ],
)
def test_the_likeliest_of_several_codes_is_taken(shown: str, reply: str) -> None:
    assert explain(shown) == explain(reply)


def test_words_around_a_reply_are_not_taken_for_the_servers() -> None:
    shown = "<spam@b.example>: host blacklist.b.example said: 552 zzz\n\nSubject: greylist"

    assert explain(shown) == explain("552 zzz")


def test_the_words_before_a_code_are_read_when_none_follow() -> None:
    assert explain("mailbox full, error 552").source is Source.TEXT


def test_a_phrase_that_lines_of_a_reply_break_is_still_a_phrase() -> None:
    whole = explain("550 5.1.1 That account does not exist.")
    lines = "550-5.1.1 That account does not\n550 5.1.1 exist."

    assert whole.source is Source.TEXT
    assert explain(lines) == whole
    assert explain(f"host said: {lines}") == whole
    assert explain("host said: 550-5.1.1 That account does not 550-5.1.1 exist.") == whole


@pytest.mark.parametrize(
    ("added", "phase"),
    [
        ("(in reply to MAIL FROM command)", Phase.MAIL),
        ("(in reply to RCPT TO command)", Phase.RCPT),
        ("(in reply to end of DATA command)", Phase.FINAL_DOT),
    ],
)
def test_a_bounce_tells_the_phase(added: str, phase: Phase) -> None:
    shown = f"host mx.b.example said: 550 zzz {added}"

    assert explain(shown) == explain("550 zzz", phase=phase)
    assert explain(shown, phase=Phase.AUTH) == explain("550 zzz", phase=Phase.AUTH)


@pytest.mark.parametrize(
    "shown",
    [
        *("", "hello", "999 foo", "55 zzz", "5500 zzz", "x550 zzz", "1.550 zzz", "call 555-1234"),
        *(
            "at 10:00:550 zzz",
            "<550-zzz@b.example>",
            "192.5.1.1",
            "5.1.1.1",
            "v5.1.1",
            "2025-550-1",
        ),
        "port 465 and port 587 do not answer",
    ],
)
def test_where_there_is_no_reply_it_says_so(shown: str) -> None:
    for found in in_all(shown):
        assert found.source is Source.NOTHING
    assert "no SMTP reply" in explain(shown).cause
    assert not explain(shown).is_temporary


def test_words_without_a_code_are_enough() -> None:
    assert explain("DT:SPM 163 smtp5", provider="163").source is Source.PROVIDER
    assert explain("Relay access denied").source is Source.TEXT
    assert explain("4.2.2 zzz").is_temporary


def test_a_reply_object_is_explained_like_its_text() -> None:
    said = Said(535, "5.7.8 Username and Password not accepted")

    assert explain(said, provider="gmail") == explain(f"535 {said.text}", provider="gmail")


def test_an_unknown_provider_is_as_good_as_none() -> None:
    assert explain("535 zzz", provider="nobody") == explain("535 zzz", provider=None)


def test_another_language_falls_back_on_english() -> None:
    assert explain("535 zzz", lang="fr") == explain("535 zzz", lang=None) == explain("535 zzz")
    assert explain("535 zzz", lang="ko_KR.UTF-8") == explain("535 zzz", lang="ko")


HOSTILE = [
    "",
    " \r\n\t",
    "550",
    "550-",
    "999 zzz",
    "000 zzz",
    "٥٥٠ zzz",  # digits, but not those of SMTP
    "550 5.7.1.2.3 zzz",
    "550 5.99999.1 zzz",
    "550 {host} {0} {__class__} %s %(x)s",
    "550 \x00\x1b[31m\x07\x7f\u202e",
    "550 \ud800\udfff",
    "550 " + "a" * 1_000_000,
    "550 " + "5.7.1 " * 200_000,
    "\n" * 1_000_000,
    "550-x\n" * 200_000,
    "550 " + "login fail " * 100_000,
    "said 550" * 200_000,
    "in reply to " * 200_000,
    "5.1." * 300_000,
    "x: 5.1.1.1 " * 100_000,
    " 550-" * 200_000,
    "<<<" * 300_000,
    "S: " * 300_000,
]


@pytest.mark.parametrize("reply", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_is_harmless(reply: str) -> None:
    for provider in (None, "163", "qq"):
        for found in in_all(reply, provider=provider):
            shown = found.cause + found.remedy
            assert shown.isprintable()
            assert "{" not in shown
            assert len(shown) < 1000


def test_only_the_beginning_of_a_flood_is_read() -> None:
    class Flood(str):
        __slots__ = ()

        def split(self, *_: object) -> list[str]:
            raise AssertionError("read in full")

    flood = Flood("x" * 1_000_000)

    assert explain(Said(550, flood)).source is Source.CODE
    assert explain("550 " + "x" * 5000 + " dt:spm", provider="163").source is Source.CODE


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("provider", [None, "postmark", "outlook", "nobody"])
def test_every_reason_is_explained_in_three_languages(reason: Reason, provider: str | None) -> None:
    named = [
        explain_reason(reason, provider=provider, lang=lang, host="mx.b.example", port=465)
        for lang in LANGUAGES
    ]
    unnamed = [explain_reason(reason, provider=provider, lang=lang) for lang in LANGUAGES]

    for ko, zh, en in (named, unnamed):
        assert HANGUL.search(ko.cause)
        assert HANGUL.search(ko.remedy)
        assert HAN.search(zh.cause)
        assert HAN.search(zh.remedy)
        assert "{" not in ko.cause + ko.remedy + zh.cause + zh.remedy + en.cause + en.remedy


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (Reason.NOT_TLS, ("plain text first", "STARTTLS", "587")),
        (Reason.TLS_EXPECTED, ("no greeting", "TLS from the first octet", "465", "in between")),
        (Reason.STARTTLS_MISSING, ("STARTTLS", "465", "TLS from the first octet")),
        (Reason.CERTIFICATE_NAME, ("another name", "host", "verification")),
        (Reason.CERTIFICATE_UNTRUSTED, ("not trusted", "certificate file", "verification")),
        (Reason.CERTIFICATE_EXPIRED, ("expired", "clock", "verification")),
        (Reason.CLEAR_AUTH, ("Warning", "unencrypted", "STARTTLS")),
        (Reason.IN_DOUBT, ("may already have been delivered", "Before you send again")),
        (Reason.CONNECT_TIMEOUT, ("cloud providers", "25", "587", "465")),
        (Reason.AUTH_MECHANISM, ("token", "XOAUTH2")),
        (Reason.DNS, ("mx.b.example", "spelling")),
    ],
)
def test_a_reason_says_what_to_change(reason: Reason, words: tuple[str, ...]) -> None:
    found = explain_reason(reason, host="mx.b.example", port=2525)

    for word in words:
        assert word in found.cause + found.remedy


def test_host_and_port_are_named_where_known() -> None:
    assert (
        "mx.b.example:2525" in explain_reason(Reason.REFUSED, host="mx.b.example", port=2525).cause
    )
    assert "mx.b.example " in explain_reason(Reason.REFUSED, host="mx.b.example").cause
    assert "the server" in explain_reason(Reason.REFUSED, port=25).cause
    assert "메일 서버에서" in explain_reason(Reason.REFUSED, lang="ko").cause


@pytest.mark.parametrize("host", ["{server}", "{host}", "{0}", "%s", "\\1", "a" * 100_000])
def test_a_hostile_host_name_is_only_text(host: str) -> None:
    cause = explain_reason(Reason.REFUSED, host=host, port=25).cause

    assert cause.count(f"{host}:25") == 1


def test_postmark_without_465_is_told_to_use_587() -> None:
    on_465 = explain_reason(Reason.CONNECT_TIMEOUT, provider="postmark", host="h", port=465)
    on_587 = explain_reason(Reason.CONNECT_TIMEOUT, provider="postmark", host="h", port=587)

    assert on_465.source is Source.PROVIDER
    assert "Use port 587" in on_465.remedy
    assert on_587.source is Source.REASON


def test_outlook_is_told_to_use_a_token() -> None:
    found = explain_reason(Reason.AUTH_MECHANISM, provider="outlook", host="h", port=587)

    assert found.source is Source.PROVIDER
    assert "access token" in found.remedy


def test_what_may_pass_by_itself_is_temporary() -> None:
    assert explain_reason(Reason.TIMED_OUT).is_temporary
    assert explain_reason(Reason.CONNECT_TIMEOUT).is_temporary
    assert not explain_reason(Reason.CERTIFICATE_NAME).is_temporary
    assert not explain_reason(Reason.FIELD).is_temporary


@pytest.mark.parametrize("name", preset_names())
def test_every_known_reply_can_be_reached(name: str) -> None:
    from postroad.providers import preset

    for known in preset(name).replies:
        text = known.texts[0] if known.texts else "zzz"
        code = known.codes[0] if known.codes else 550
        phase = known.phases[0] if known.phases else None

        found = explain(Said(code, f"{known.enhanced} {text}"), phase=phase, provider=name)

        assert found.cause == known.cause.en, known


def test_a_chinese_word_for_the_server_stands_without_spaces() -> None:
    found = explain_reason(Reason.TIMED_OUT, lang="zh")

    assert "邮件服务器" in found.cause
    assert " 邮件服务器" not in found.cause
    assert "邮件服务器 " not in found.cause
