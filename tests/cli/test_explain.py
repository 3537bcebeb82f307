"""`postroad explain` and `postroad presets`: what they know, in three languages."""

from __future__ import annotations

import shlex

import click
import pytest
from tests.cli.conftest import Run, parsed

from postroad import providers
from postroad.cli.exits import Exit
from postroad.cli.explain import replies
from postroad.cli.layout import display_width
from postroad.cli.program import program

LANGUAGES = ("ko", "zh", "en")


@pytest.mark.parametrize(
    ("lang", "words"),
    [("ko", "네이버가 로그인을"), ("zh", "NAVER 拒绝了登录"), ("en", "Naver refused")],
)
def test_a_reply_is_explained_in_the_user_s_language(run: Run, lang: str, words: str) -> None:
    result = run("explain", "535 5.7.1 no", "--provider", "naver", "--lang", lang)

    assert result.exit_code == Exit.OK
    assert words in result.stdout


def test_quotes_around_the_reply_may_be_forgotten(run: Run) -> None:
    quoted = run("explain", "550 5.1.1 No such user")
    bare = run("explain", "550", "5.1.1", "No", "such", "user")

    assert quoted.stdout == bare.stdout


def test_a_reply_of_several_lines_is_read_from_standard_input(run: Run) -> None:
    reply = "550-5.4.5 Daily user sending limit\r\n550 5.4.5 exceeded\r\n"

    result = run("explain", "-", "--provider", "gmail", "--json", input=reply)

    found = parsed(result)
    assert found["source"] == "provider"
    assert found["is_temporary"] is True
    assert set(found) == {"reply", "cause", "remedy", "is_temporary", "source"}


def test_octets_of_another_encoding_are_explained_all_the_same(run: Run) -> None:
    result = run("explain", "-", input="550 5.1.1 없는 사용자".encode("euc-kr"))

    assert result.exit_code == Exit.OK
    assert "The recipient's mailbox does not exist." in result.stdout


def test_a_control_sequence_in_a_reply_is_shown_as_its_escape(run: Run) -> None:
    result = run("explain", "550 \x1b[2J gone")

    assert "\x1b" not in result.stdout
    assert r"550 \x1b[2J gone" in result.stdout


def test_the_phase_changes_what_a_reply_means(run: Run) -> None:
    assert run("explain", "530", "--phase", "auth").exit_code == Exit.OK
    assert (
        run("explain", "554", "--phase", "greeting").stdout
        != run("explain", "554", "--phase", "final-dot").stdout
    )


def test_what_is_no_refusal_needs_no_second_try(run: Run) -> None:
    assert "no refusal" in run("explain", "250 2.0.0 OK").stdout
    assert "refused again" in run("explain", "550 5.1.1 no").stdout
    assert "taken later" in run("explain", "450 4.2.0 greylisted").stdout


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_list_shows_every_preset_in_80_columns(
    run: Run, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")

    result = run("presets", "--lang", lang)

    lines = result.stdout.splitlines()
    assert result.exit_code == Exit.OK
    assert max(map(display_width, lines)) < 80
    for name in providers.preset_names():
        assert any(line.startswith(f"{name} ") for line in lines)


def test_piped_the_list_has_one_line_for_each_preset(run: Run) -> None:
    lines = run("presets").stdout.splitlines()

    assert len(lines) == 1 + len(providers.preset_names()) + 2
    assert any("email-smtp.{region}.amazonaws.com:465" in line for line in lines)


@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", providers.preset_names())
def test_a_preset_shows_settings_steps_replies_and_a_line_to_paste(
    run: Run, name: str, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    preset = providers.preset(name)

    result = run("presets", name, "--lang", lang)

    flat = "".join(result.stdout.split())
    assert result.exit_code == Exit.OK
    for endpoint in preset.endpoints:
        assert f"{endpoint.host}:{endpoint.port}" in result.stdout
    for step in preset.steps:
        assert "".join(step.text.in_language(lang).split()) in flat
        assert step.link is None or step.link in result.stdout
    for known in preset.replies:
        assert "".join(known.remedy.in_language(lang).split()) in flat
    assert f"postroad send --preset {name} " in result.stdout
    for line in result.stdout.splitlines():
        assert display_width(line) <= 80 or "://" in line or " --" in line or '"' in line


@pytest.mark.parametrize("name", providers.preset_names())
def test_the_line_to_paste_is_one_that_send_takes(run: Run, name: str) -> None:
    found = parsed(run("presets", name, "--json"))

    program_name, command, *words = shlex.split(found["send"])
    send = program.get_command(click.Context(program), command)
    assert (program_name, command) == ("postroad", "send")
    assert send is not None
    context = send.make_context("send", list(words))
    assert context.params["preset"] == name
    if found["username"]["fixed"] is None:
        preset = providers.preset(name)
        assert preset.user_name_for(context.params["username"])


def test_the_json_of_the_list_holds_every_preset(run: Run) -> None:
    found = parsed(run("presets", "--json", "--lang", "zh"))

    assert [each["name"] for each in found] == list(providers.preset_names())
    assert found[0]["endpoints"][0] == {
        "host": "smtp.naver.com",
        "port": 465,
        "security": "tls",
    }
    assert all(each["steps"] for each in found)


def test_a_preset_s_name_is_taken_in_any_case(run: Run) -> None:
    assert run("presets", " Naver ").exit_code == Exit.OK


def test_each_reply_on_lines_of_its_own_is_explained_in_order(run: Run) -> None:
    log = (
        "550-5.1.1 no such\r\n550 5.1.1 user\r\n421 4.7.0 later,\r\n  please\r\nS: 250 2.0.0 OK\r\n"
    )

    told = run("explain", "-", input=log)
    found = parsed(run("explain", "-", "--json", input=log))

    assert told.exit_code == Exit.OK
    assert told.stdout.count("\n\n") == 2
    assert [each["reply"] for each in found] == [
        "550-5.1.1 no such\n550 5.1.1 user",
        "421 4.7.0 later,\n  please",
        "S: 250 2.0.0 OK",
    ]
    assert [each["is_temporary"] for each in found] == [False, True, False]


def test_one_reply_is_an_object_whatever_stands_around_it(run: Run) -> None:
    log = "Dear user,\n\nC: RCPT TO:<bo@b.example>\nS: 550 5.1.1 no\nC: QUIT\n\nRegards\n"

    found = parsed(run("explain", "-", "--json", input=log))

    assert found["reply"] == "S: 550 5.1.1 no"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("550 a\n550 b", 2),
        ("550-a\n551 b", 2),
        ("550-a\n\n550 b", 2),
        ("550-a\nfolded\n550 b", 1),
        ("<<< 550 a\n>>> QUIT\n<<< 221 b", 2),
        ("550", 1),
        ("host said: 550 5.1.1 no", 1),
        ("", 1),
    ],
)
def test_replies_are_told_apart(text: str, count: int) -> None:
    assert len(replies(text)) == count


@pytest.mark.parametrize("lang", LANGUAGES)
def test_text_without_a_reply_is_said_to_be_none(run: Run, lang: str) -> None:
    result = run("explain", "hello", "--lang", lang)

    assert result.exit_code == Exit.USAGE
    assert result.stdout == ""
    assert "that is no SMTP reply" in result.stderr


def test_words_without_a_code_are_explained_all_the_same(run: Run) -> None:
    assert "mailbox is full" in run("explain", "mailbox full").stdout
