"""Every data file loads, is complete in three languages, and agrees with the contract."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import postroad.providers
from postroad.errors import Phase, PostroadError, Reason
from postroad.providers import FromRule, UserForm, preset, preset_names
from postroad.providers.catalogue import check

FOLDER = Path(postroad.providers.__file__).parent
FILES = sorted([*FOLDER.glob("data/*.toml"), *FOLDER.glob("generic/*.toml")])

WORDS = {"ko": "a", "zh": "b", "en": "c"}
WHOLE = {"code": 550, "cause": WORDS, "remedy": WORDS}

HANGUL = re.compile("[가-힣]")
HAN = re.compile("[\u4e00-\u9fff]")
HALF_WIDTH_IN_CHINESE = re.compile("[\u4e00-\u9fff][,:;!?]|[,:;!?][\u4e00-\u9fff]")

TLS, STARTTLS = "tls", "starttls"

# Row by row: host, then each port with its security, the default first.
CONTRACT = {
    "naver": ("smtp.naver.com", (465, TLS), (587, STARTTLS)),
    "gmail": ("smtp.gmail.com", (465, TLS), (587, STARTTLS)),
    "office365": ("smtp.office365.com", (587, STARTTLS)),
    "outlook": ("smtp-mail.outlook.com", (587, STARTTLS)),
    "ses": ("email-smtp.us-east-1.amazonaws.com", (465, TLS), (587, STARTTLS)),
    "daum": ("smtp.daum.net", (465, TLS)),
    "kakao": ("smtp.kakao.com", (465, TLS)),
    "nate": ("smtp.mail.nate.com", (465, TLS), (587, STARTTLS)),
    "qq": ("smtp.qq.com", (465, TLS), (587, STARTTLS)),
    "exmail": ("smtp.exmail.qq.com", (465, TLS)),
    "163": ("smtp.163.com", (465, TLS)),
    "126": ("smtp.126.com", (465, TLS)),
    "yeah": ("smtp.yeah.net", (465, TLS)),
    "aliyun": ("smtp.aliyun.com", (465, TLS)),
    "directmail": ("smtpdm.aliyun.com", (465, TLS), (80, STARTTLS)),
    "tencent-ses": ("smtp.qcloudmail.com", (465, TLS)),
    "sendgrid": ("smtp.sendgrid.net", (465, TLS), (587, STARTTLS)),
    "mailgun": ("smtp.mailgun.org", (465, TLS), (587, STARTTLS)),
    "mailgun-eu": ("smtp.eu.mailgun.org", (465, TLS), (587, STARTTLS)),
    "postmark": ("smtp.postmarkapp.com", (587, STARTTLS)),
    "resend": ("smtp.resend.com", (465, TLS)),
    "yandex": ("smtp.yandex.com", (465, TLS)),
    "yahoo": ("smtp.mail.yahoo.com", (465, TLS)),
    "icloud": ("smtp.mail.me.com", (587, STARTTLS)),
    "zoho": ("smtp.zoho.com", (465, TLS)),
    "fastmail": ("smtp.fastmail.com", (465, TLS)),
}


def trilingual(raw: Any, path: str = "") -> Iterator[tuple[str, dict[str, str]]]:
    """Yield every table that holds a text in some language, with where it is."""
    if isinstance(raw, dict):
        if {"ko", "zh", "en"} & raw.keys():
            yield path, raw
        for key, value in raw.items():
            yield from trilingual(value, f"{path}.{key}")
    elif isinstance(raw, list):
        for index, value in enumerate(raw):
            yield from trilingual(value, f"{path}[{index}]")


def loaded(path: Path) -> dict[str, Any]:
    return tomllib.loads(path.read_text(encoding="utf-8"))


def texts_of(path: Path) -> list[tuple[str, dict[str, str]]]:
    return list(trilingual(loaded(path)))


def test_the_names_are_those_of_the_contract_and_of_the_files() -> None:
    presets = {path.stem for path in FOLDER.glob("data/*.toml") if not path.stem.startswith("_")}

    assert set(preset_names()) == set(CONTRACT) == presets
    assert len(preset_names()) == len(set(preset_names()))


@pytest.mark.parametrize("name", CONTRACT)
def test_a_preset_has_the_host_and_ports_of_the_contract(name: str) -> None:
    host, *ports = CONTRACT[name]
    found = preset(name)
    if found.needs_region:
        found = found.resolve(region="us-east-1")

    assert {endpoint.host for endpoint in found.endpoints} == {host}
    assert [(endpoint.port, endpoint.security) for endpoint in found.endpoints] == ports


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_text_exists_in_three_languages(path: Path) -> None:
    for where, text in texts_of(path):
        for lang in ("ko", "zh", "en"):
            assert text.get(lang, "").strip(), f"{where}: no {lang}"
            assert text[lang] == text[lang].strip(), f"{where}: white space around {lang}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_text_is_left_untranslated(path: Path) -> None:
    for where, text in texts_of(path):
        if where == ".title":  # a brand name may be the same everywhere
            continue
        assert HANGUL.search(text["ko"]), f"{where}: ko without Hangul"
        assert HAN.search(text["zh"]), f"{where}: zh without Han"
        assert re.match(r'["\d]?[A-Za-z0-9]|\{(host|server)\}', text["en"]), f"{where}: en"
        assert len(set(text.values()) - {text.get("link")}) >= 3, f"{where}: the same twice"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_chinese_is_written_with_its_own_punctuation(path: Path) -> None:
    for where, text in texts_of(path):
        assert not HALF_WIDTH_IN_CHINESE.search(text["zh"]), f"{where}: {text['zh']}"


# The same hints are read by who wrote a config, a command line or Python.
ONE_DOORS_SPELLING = re.compile(
    r"(starttls|ssl|verify): |=(true|false)\b|\bcafile\b|\s--[a-z]|security="
    r"|[(（]token[)）]|starttls(?!-)|user(와|과| 和|,|、) ?(pass)?|user and pass\b|\bpass[를을는]"
    r"|host(와| 和)|port(를|가|은)| pass 设|as token\b|auth로|with auth\b|用 auth|token(에|으로)"
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_hint_speaks_the_options_of_one_door(path: Path) -> None:
    for where, text in texts_of(path):
        for lang in ("ko", "zh", "en"):
            found = ONE_DOORS_SPELLING.search(text[lang])
            assert not found, f"{where}: {text[lang]}"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (
            {"replies": [WHOLE, WHOLE | {"cause": {"ko": "a", "en": "b"}}]},
            "replies[1].cause: zh is",
        ),
        ({"title": {"en": "a"}}, "title: ko and zh are"),
        ({"limits": {"note": {"ko": "a", "zh": "b", "en": ""}}}, "limits.note: en is"),
        ({"steps": [{"link": "l", "ko": "a"}]}, "steps[0]: zh and en are"),
        ({"reasons": [{"cause": WORDS}]}, "reasons[0]: remedy is"),
    ],
)
def test_what_lacks_a_language_is_named_with_file_and_place(raw: Any, said: str) -> None:
    with pytest.raises(PostroadError) as failure:
        check(raw, "naver.toml")

    assert str(failure.value) == f"naver.toml, {said} missing"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_causes_and_remedies_are_sentences(path: Path) -> None:
    for where, text in texts_of(path):
        if not where.endswith((".cause", ".remedy", ".later")):
            continue
        assert text["ko"].endswith("."), f"{where}: {text['ko']}"
        assert text["zh"].endswith("。"), f"{where}: {text['zh']}"
        assert text["en"].endswith("."), f"{where}: {text['en']}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_placeholders_stand_only_where_they_are_filled(path: Path) -> None:
    hints = {"reasons"} & {path.stem}
    for where, text in texts_of(path):
        filled = bool(hints) or ".reasons[" in where
        for sentence in text.values():
            assert filled or "{" not in sentence, f"{where}: {sentence}"
            rest = sentence.replace("{server}", "").replace("{host}", "")
            assert "{" not in rest, f"{where}: {sentence}"


@pytest.mark.parametrize("name", CONTRACT)
def test_a_preset_is_complete(name: str) -> None:
    found = preset(name)

    assert found.name == name
    assert len(found.steps) >= 2
    assert any(step.link for step in found.steps)
    assert found.replies or name == "mailgun-eu"
    assert set(found.mechanisms) <= {"plain", "login", "xoauth2"}
    assert bool(found.oauth_scope) == ("xoauth2" in found.mechanisms)
    assert bool(found.user.fixed) == (found.user.form is UserForm.FIXED)
    if found.user.form in (UserForm.ID, UserForm.ID_OR_ADDRESS):
        assert found.user.domains


@pytest.mark.parametrize("name", CONTRACT)
def test_links_are_whole(name: str) -> None:
    for step in preset(name).steps:
        if step.link is not None:
            assert urlsplit(step.link).scheme in ("http", "https")
            assert "." in urlsplit(step.link).netloc


@pytest.mark.parametrize("name", CONTRACT)
def test_the_words_of_known_replies_are_lower_case(name: str) -> None:
    for known in preset(name).replies:
        assert known.codes or known.enhanced or known.texts
        for text in known.texts:
            assert text == text.lower().strip()
            assert '"' not in text  # it is shown between quotes


def test_generic_words_are_lower_case_and_not_too_short() -> None:
    for known in loaded(FOLDER / "generic" / "texts.toml")["replies"]:
        for text in known["text"]:
            assert text == text.lower().strip()
            assert len(text) >= 3


def test_every_reason_has_a_hint_and_every_hint_a_reason() -> None:
    hints = loaded(FOLDER / "generic" / "reasons.toml")

    assert set(hints) == {str(reason) for reason in Reason}


def test_every_phase_named_in_the_data_exists() -> None:
    for path in FILES:
        for each in loaded(path).get("replies", []):
            named = each.get("phase", [])
            for phase in [named] if isinstance(named, str) else named:
                assert Phase(phase)


def test_from_is_the_account_alone_where_the_contract_says_so() -> None:
    rules = {name: preset(name).from_rule for name in preset_names()}

    assert rules["naver"] is rules["qq"] is FromRule.ACCOUNT
    assert rules["ses"] is rules["sendgrid"] is FromRule.VERIFIED


def test_the_limits_of_the_contract_are_there() -> None:
    limits = {name: preset(name).limits for name in preset_names()}

    assert limits["gmail"].messages_per_day == 500
    assert limits["gmail"].note is not None
    assert "2,000" in limits["gmail"].note.en
    assert limits["office365"].messages_per_minute == 30
    assert limits["office365"].recipients_per_day == 10_000
    assert limits["ses"].recipients_per_message == 50
    assert limits["daum"].recipients_per_message == 150
    assert limits["directmail"].messages_per_day == 2000
    assert limits["tencent-ses"].messages_per_second == 20


def test_oauth_scopes_are_those_of_the_contract() -> None:
    assert preset("gmail").oauth_scope == "https://mail.google.com/"
    assert preset("office365").oauth_scope == "https://outlook.office365.com/.default"
    assert not preset("outlook").takes_password
    assert preset("office365").takes_password


def test_naver_is_set_up_as_its_source_document_says() -> None:
    steps = preset("naver").steps
    told = [step.text.ko for step in steps]
    links = [step.link for step in steps]

    assert "https://naver.com" in links
    assert "http://mail.naver.com" in links
    help_page = "https://help.naver.com/support/contents/contents.help"
    assert f"{help_page}?serviceNo=2342&categoryNo=2317" in links
    assert f"{help_page}?serviceNo=532&categoryNo=11047" in links
    for words in (
        "환경설정",
        "POP3/IMAP 설정",
        "사용함",
        "네이버 메일에 원본 저장",
        "확인",
        "메일 프로그램 환경 설정 안내",
        "내정보 > 보안설정 > 2단계 인증 > 관리하기",
        "애플리케이션 비밀번호 관리",
        "생성하기",
        "12자리",
    ):
        assert any(words in step for step in told), words
