"""`postroad send`: what arrives, what is said, and every exit code."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from tests.cli.conftest import PASSWORD, Run, login, parsed, process, relay

from postroad.cli.exits import Exit
from postroad.cli.layout import display_width
from postroad.cli.relay_options import RelayOptions, relay_of
from postroad.errors import SettingsError
from postroad.simulators import Simulator, hostile, simulate
from postroad.smtp.sasl import MECHANISMS

PEOPLE = ("--from", "danbee@naver.com", "--to", "bo@example.com")
NOBODY = ("--from", "a@b.example", "--to", "bo@example.com", "--text", "x")


def options(**given: object) -> RelayOptions:
    values: dict[str, object] = dict.fromkeys(RelayOptions.__slots__)
    return RelayOptions(**{**values, "no_verify": False, "timeout": 60.0, **given})  # type: ignore[arg-type]


# What arrives.


def test_an_accepted_mail_is_one_line_with_server_recipient_and_message_id(
    run: Run, naver: Simulator
) -> None:
    result = run("send", *login(naver), *PEOPLE, "--subject", "안녕", "--text", "본문")

    mail = naver.wait_for_message()
    found = message_from_bytes(mail.content, policy=policy.default)
    assert result.exit_code == Exit.OK
    assert result.stdout == (
        f"Accepted by localhost for bo@example.com  Message-ID: {found['Message-ID']}\n"
    )
    assert result.stderr == ""
    assert found["Subject"] == "안녕"
    assert mail.username == naver.username


def test_everything_an_option_says_arrives(run: Run, naver: Simulator, tmp_path: Path) -> None:
    (tmp_path / "견적서.pdf").write_bytes(b"%PDF")
    (tmp_path / "logo.png").write_bytes(b"\x89PNG")
    (tmp_path / "page.html").write_text('<p>Hi <img src="cid:logo"></p>', "utf-8")

    result = run(
        *("send", *login(naver), *PEOPLE),
        *("--to", "Second <c@example.com>", "--cc", "d@example.com", "--bcc", "e@example.com"),
        *("--reply-to", "f@example.com", "--subject", "s", "--header", "X-Kind:  test "),
        *("--html-file", str(tmp_path / "page.html"), "--text", "plain"),
        *("--attach", str(tmp_path / "견적서.pdf"), "--inline", f"logo={tmp_path / 'logo.png'}"),
    )

    mail = naver.wait_for_message()
    found = message_from_bytes(mail.content, policy=policy.default)
    parts = {part.get_content_type(): part for part in found.walk()}
    assert result.exit_code == Exit.OK
    assert mail.forward_paths == tuple(f"{name}@example.com" for name in ("bo", "c", "d", "e"))
    assert found["Reply-To"] == "f@example.com"
    assert found["X-Kind"] == "test"
    assert found["Cc"] == "d@example.com"
    assert b"e@example.com" not in mail.content
    assert parts["text/plain"].get_content().strip() == "plain"
    assert "cid:logo" in parts["text/html"].get_content()
    assert parts["application/pdf"].get_filename() == "견적서.pdf"
    assert parts["image/png"]["Content-ID"] == "<logo>"
    assert "and 1 more" in result.stdout


def test_without_from_the_account_s_own_address_is_the_sender(run: Run, naver: Simulator) -> None:
    result = run("send", *login(naver), "--to", "bo@example.com", "--text", "x")

    assert result.exit_code == Exit.OK
    assert naver.wait_for_message().reverse_path == "danbee@naver.com"


@pytest.mark.parametrize("how", [(), ("--text-file", "-")])
def test_the_text_is_read_from_a_pipe(run: Run, naver: Simulator, how: tuple[str, ...]) -> None:
    result = run("send", *login(naver), *PEOPLE, *how, input="\ufeff파이프\n")

    found = message_from_bytes(naver.wait_for_message().content, policy=policy.default)
    assert result.exit_code == Exit.OK
    assert found.get_content().strip() == "파이프"


def test_html_from_a_pipe_brings_a_text_of_its_own(run: Run, naver: Simulator) -> None:
    result = run("send", *login(naver), *PEOPLE, "--html-file", "-", input="<p>안녕</p>")

    found = message_from_bytes(naver.wait_for_message().content, policy=policy.default)
    text = found.get_body(("plain",))
    assert result.exit_code == Exit.OK
    assert text is not None
    assert text.get_content().strip() == "안녕"


@pytest.mark.parametrize("kind", ["password", "token"])
@pytest.mark.parametrize("source", ["env", "file"])
def test_a_secret_comes_from_a_variable_or_a_file(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, source: str
) -> None:
    with simulate("gmail") as server:
        secret = server.password if kind == "password" else server.token
        (tmp_path / "secret").write_text(f"{secret}\n", "utf-8")
        monkeypatch.setenv("SECRET", secret)
        where = "SECRET" if source == "env" else str(tmp_path / "secret")
        result = run(
            *("send", *relay(server), "--username", server.username, f"--{kind}-{source}", where),
            *("--to", "bo@example.com", "--text", "x", "-v"),
        )

        assert result.exit_code == Exit.OK
        assert ("AUTH XOAUTH2 ***" if kind == "token" else "AUTH PLAIN ***") in result.stderr
        assert secret not in result.output


# What becomes of it.


def test_a_refused_login_says_what_to_do_and_where_to_look(
    run: Run, naver: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PASSWORD", "hunter2-is-wrong")

    result = run("send", *login(naver), *PEOPLE, "--text", "x")

    first, hint, where = result.stderr.splitlines()
    assert result.exit_code == Exit.FAILED
    assert result.stdout == ""
    assert first.startswith("Not sent: ")
    assert "535 5.7.1 Username and Password not accepted" in first
    assert hint.startswith("  Naver refused the login.")
    assert "-4 auth.failed" in where
    assert "postroad presets naver" in where
    assert "hunter2-is-wrong" not in result.output


@pytest.mark.parametrize(
    ("lang", "words"),
    [("ko", "보내지 못했습니다."), ("zh", "未发送。"), ("en", "Not sent: ")],
)
def test_a_failure_is_told_in_the_user_s_language(run: Run, lang: str, words: str) -> None:
    result = run("send", "--host", "localhost", "--port", "1", *NOBODY, "--lang", lang)

    assert result.exit_code == Exit.FAILED
    assert result.stderr.startswith(words)
    assert "-2 connect.failed" in result.stderr


def test_the_locale_chooses_the_language(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")

    result = run("send", "--host", "localhost", "--port", "1", *NOBODY)

    assert result.stderr.startswith("보내지 못했습니다.")


def test_partly_refused_has_an_exit_code_of_its_own(run: Run, naver: Simulator) -> None:
    result = run("send", *login(naver), *PEOPLE, "--to", "unknown@example.com", "--text", "x")

    assert result.exit_code == Exit.REFUSED
    assert "for bo@example.com  " in result.stdout
    assert "Refused: unknown@example.com (550 5.1.1 No such user" in result.stderr
    assert "Check the spelling" in result.stderr


def test_every_recipient_refused_is_not_sent(run: Run, naver: Simulator) -> None:
    result = run(*("send", *login(naver), "--to", "unknown@example.com", "--text", "x", "--json"))

    assert result.exit_code == Exit.FAILED
    assert parsed(result)["word"] == "recipients.refused"


def test_in_doubt_has_an_exit_code_of_its_own(run: Run) -> None:
    with hostile("lost-after-dot") as server:
        told = run("send", *relay(server), *NOBODY)
        as_json = run("send", *relay(server), *NOBODY, "--json")

    assert told.exit_code == as_json.exit_code == Exit.IN_DOUBT
    assert told.stderr.startswith("In doubt: ")
    assert "-9 in.doubt" in told.stderr
    assert parsed(as_json)["in_doubt"] is True
    assert parsed(as_json)["retry"] == "duplicates"


def test_time_running_out_is_not_sent(run: Run) -> None:
    with hostile("no-greeting") as server:
        result = run("send", *relay(server), *NOBODY, "--timeout", "0.2", "--json")

    assert result.exit_code == Exit.FAILED
    assert parsed(result)["word"] == "timed.out"


def test_a_control_sequence_of_the_server_never_reaches_the_terminal(run: Run) -> None:
    with hostile("escape@rcpt") as server:
        result = run("send", *relay(server), *NOBODY, "-v")

    assert result.exit_code in (Exit.FAILED, Exit.OK)
    assert "\x1b" not in result.output


@pytest.mark.parametrize("form", ["raw", "base64", "hex", "urlencoded"])
def test_a_server_that_repeats_the_password_does_not_get_it_printed(run: Run, form: str) -> None:
    with hostile(f"auth-echo-{form}") as server:
        for more in ((), ("-v",), ("--json", "--transcript")):
            result = run(
                *("send", *relay(server), "--username", "danbee", "--password-env", "PASSWORD"),
                *(*NOBODY, *more),
            )

            assert result.exit_code == Exit.FAILED
            assert PASSWORD not in result.output


def test_the_json_holds_the_whole_result(run: Run, naver: Simulator) -> None:
    result = run(
        *("send", *login(naver), *PEOPLE, "--to", "full@example.com", "--text", "x"),
        *("--subject", "x", "--json", "--transcript"),
    )

    found = parsed(result)
    assert result.stderr == ""
    assert set(found) == {
        *("code", "word", "error", "hint", "phase", "message_id", "in_doubt", "retry"),
        *("recipients", "transcript"),
    }
    assert (found["code"], found["word"], found["phase"]) == (0, "ok", "done")
    assert re.fullmatch(r"<[^>]+@naver\.com>", found["message_id"])
    assert [each["accepted"] for each in found["recipients"]] == [True, False]
    assert found["recipients"][1]["code"] == 452
    assert "C: MAIL FROM:<danbee@naver.com>" in found["transcript"]
    assert PASSWORD not in result.output


# What is refused before anything is tried.


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "give a relay: --preset NAME or --host HOST"),
        (("--preset", "navr"), "Did you mean naver?"),
        (("--preset", "naver"), "needs the Naver ID"),
        (("--preset", "naver", "--region", "x", "--username", "a"), "no regions"),
        (("--host", "h", "--region", "us-east-1"), "--region belongs to a preset"),
        (("--preset", "ses", "--username", "AKIA"), "region"),
        (("--preset", "naver", "--security", "none", "--username", "a"), "offers tls on port 465"),
        (("--host", "h h"), "host"),
        (("--host", "h", "--port", "0", *NOBODY), "port must be 1 to 65535"),
        (("--host", "h", "--auth", "magic", *NOBODY), "auth must be one of"),
        (("--host", "h"), "--from is missing"),
        (("--host", "h", "--from", "no address", "--text", "x"), "from"),
        (("--host", "h", "--from", "a@b.example", "--text", "x"), "recipient"),
        (("--host", "h", *NOBODY, "--text-file", "f"), "give only one of --text and --text-file"),
        (("--host", "h", *NOBODY[:4], "--text-file", "-", "--html-file", "-"), "cannot both be"),
        (("--host", "h", *NOBODY[:4], "--text-file", "/nonexistent"), "No such file"),
        (("--host", "h", *NOBODY, "--attach", "/nonexistent"), "No such file"),
        (("--host", "h", *NOBODY, "--attach", "/"), "directory"),
        (("--host", "h", *NOBODY, "--attach", "-"), "--attach needs a file"),
        (("--host", "h", *NOBODY, "--inline", "logo.png"), "--inline takes CID=FILE"),
        (("--host", "h", *NOBODY, "--header", "nonsense"), "--header takes 'Name: value'"),
        (("--host", "h", *NOBODY, "--header", "Subject: twice"), "Subject"),
        (("--host", "h", *NOBODY, "--subject", "a\r\nBcc: x@y.example"), "subject"),
        (("--host", "h", *NOBODY[:4]), "standard input is empty"),
        (("--host", "h", *NOBODY, "--username", "u"), "needs a password"),
        (("--preset", "outlook", *NOBODY, "--username", "u@outlook.com"), "needs a token"),
        (("--host", "h", *NOBODY, "--password-env", "PASSWORD"), "needs a --username"),
        (
            ("--host", "h", *NOBODY, "--username", "u", "--password-env", "UNSET"),
            "the environment variable that --password-env names is not set or empty",
        ),
        (("--host", "h", *NOBODY, "--username", "u", "--password-file", "/x"), "cannot be read"),
        (
            ("--host", "h", "--password-env", "PASSWORD", "--token-file", "x"),
            "give only one of --password-env and --token-file",
        ),
        (("--host", "localhost", *NOBODY, "--cafile", "/nonexistent"), "cafile"),
    ],
)
def test_what_is_wrong_by_itself_is_exit_2_for_people_and_programs(
    run: Run, arguments: tuple[str, ...], words: str
) -> None:
    told = run("send", *arguments)
    as_json = run("send", *arguments, "--json")

    assert told.exit_code == as_json.exit_code == Exit.USAGE
    assert words in told.stderr
    assert parsed(as_json)["code"] == -1
    assert words in parsed(as_json)["error"]


@pytest.mark.parametrize("secret", ["hunter2!", "ABCD1234EFGH", "a=b", "a/b c", "x" * 2000])
@pytest.mark.parametrize(
    "name", ["--password-env", "--token-env", "--password-file", "--token-file"]
)
def test_a_secret_given_for_the_name_of_one_is_not_repeated(
    run: Run, name: str, secret: str
) -> None:
    words = ("send", "--host", "h", "--username", "u", name, secret, *NOBODY)

    told, as_json = run(*words), run(*words, "--json")

    assert told.exit_code == as_json.exit_code == Exit.USAGE
    assert told.stderr.startswith("postroad: ")
    assert f"{name} " in told.stderr
    assert secret not in told.output + as_json.output


@pytest.mark.parametrize("words", [("--password", "hunter2"), ("--password=hunter2",)])
def test_a_password_on_the_command_line_is_told_where_it_belongs(
    run: Run, words: tuple[str, ...]
) -> None:
    result = run("send", *words)

    assert result.exit_code == Exit.USAGE
    assert "use --password-env, --password-file or the prompt" in result.stderr
    assert "hunter2" not in result.output


@pytest.mark.parametrize("name", ["--to", "--cc", "--bcc", "--reply-to"])
@pytest.mark.parametrize("mark", [",", "; ", " "])
def test_several_addresses_in_one_option_are_refused_with_the_way_to_give_them(
    run: Run, name: str, mark: str
) -> None:
    result = run("send", "--host", "h", *NOBODY, name, f"x@a.example{mark}y@b.example")

    assert result.exit_code == Exit.USAGE
    assert result.stderr.endswith(f"; repeat {name} for each address\n")


def test_a_comma_in_a_display_name_is_no_list(run: Run, naver: Simulator) -> None:
    result = run("send", *login(naver), *PEOPLE, "--to", '"Kim, B@o" <a@b.example>', "--text", "x")

    assert result.exit_code == Exit.OK, result.output


@pytest.mark.parametrize(
    ("lang", "words"), [("ko", "제목이 없습니다"), ("zh", "没有主题"), ("en", "no subject")]
)
def test_a_forgotten_subject_is_warned_of_and_an_empty_one_is_not(
    run: Run, naver: Simulator, lang: str, words: str
) -> None:
    common = ("send", *login(naver), *PEOPLE, "--text", "x", "--lang", lang)

    forgotten = run(*common)
    meant = run(*common, "--subject", "")

    assert forgotten.exit_code == meant.exit_code == Exit.OK
    assert words in forgotten.stderr
    assert "--subject" in forgotten.stderr
    assert meant.stderr == ""


@pytest.mark.parametrize("lang", ["ko", "zh", "en"])
def test_what_is_accepted_and_refused_is_wrapped_to_the_terminal(
    run: Run, naver: Simulator, lang: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    many = (f"a.long.name.{number}@subdomain.example.com" for number in range(3))
    words = [word for each in (*many, "unknown@example.com") for word in ("--to", each)]

    result = run("send", *login(naver), *words, "--text", "x", "--subject", "x", "--lang", lang)

    assert result.exit_code == Exit.REFUSED
    assert "help.naver.com" in result.stderr
    assert max(map(display_width, result.output.splitlines())) <= 80


def test_text_that_is_not_utf_8_is_refused_with_the_place(run: Run, tmp_path: Path) -> None:
    (tmp_path / "euc-kr.txt").write_bytes("abc 가".encode("euc-kr"))

    result = run("send", "--host", "h", *NOBODY[:4], "--text-file", str(tmp_path / "euc-kr.txt"))

    assert result.exit_code == Exit.USAGE
    assert "is not UTF-8 text (octet 5)" in result.stderr


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no /dev/zero here")
def test_a_device_without_end_is_read_up_to_the_limit(run: Run) -> None:
    result = run("send", "--host", "h", *NOBODY[:4], "--text-file", "/dev/zero")

    assert result.exit_code == Exit.USAGE
    assert "more than 10,485,760 octets" in result.stderr


# Options to relays.


@pytest.mark.parametrize(("security", "port"), [("tls", 465), ("starttls", 587), ("none", 25)])
def test_the_port_follows_the_security_of_a_host(security: str, port: int) -> None:
    assert relay_of(options(host="h", security=security)).port == port


def test_a_host_without_security_is_asked_for_starttls() -> None:
    assert relay_of(options(host="h")).security == "starttls"


def test_a_preset_keeps_its_provider_when_host_and_port_are_replaced() -> None:
    found = relay_of(options(preset="naver", username="danbee", host="localhost", port=2525))

    assert (found.host, found.port, found.security) == ("localhost", 2525, "tls")
    assert found.provider == "naver"


def test_security_picks_among_the_ports_of_a_preset() -> None:
    found = relay_of(options(preset="naver", username="danbee", security="starttls"))

    assert (found.host, found.port) == ("smtp.naver.com", 587)


def test_a_region_completes_the_host_of_ses() -> None:
    found = relay_of(options(preset="ses", region="ap-northeast-2", username="AKIAEXAMPLE"))

    assert found.host == "email-smtp.ap-northeast-2.amazonaws.com"


@pytest.mark.parametrize("name", [name.lower() for name in MECHANISMS])
def test_every_mechanism_can_be_asked_for_in_either_case(name: str) -> None:
    assert relay_of(options(host="h", username="u", auth=name)).auth == name.upper()


def test_an_unknown_mechanism_is_refused() -> None:
    with pytest.raises(SettingsError, match="auth"):
        relay_of(options(host="h", auth="magic"))


# As a process.


def test_a_piped_mail_is_sent_by_a_real_process(naver: Simulator) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "postroad", "send", *login(naver), *PEOPLE],
        input="안녕하세요".encode(),
        capture_output=True,
        timeout=60,
    )

    assert done.returncode == Exit.OK, done.stderr
    assert b"Accepted by localhost" in done.stdout
    assert naver.wait_for_message().username == "danbee"


def test_with_standard_input_closed_there_is_simply_no_text(naver: Simulator) -> None:
    words = [sys.executable, "-m", "postroad", "send", *login(naver), *PEOPLE]

    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *words], capture_output=True, timeout=60
    )

    assert done.returncode == Exit.USAGE
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_does_not_turn_a_sent_mail_into_a_failure(naver: Simulator) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "postroad", "send", *login(naver), *PEOPLE, "--text", "x"],
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
        )

    assert done.returncode == Exit.OK
    assert b"cannot write the output" in done.stderr


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_ctrl_c_says_that_the_mail_may_have_been_handed_over() -> None:
    with (
        hostile("no-final-reply") as server,
        subprocess.Popen(
            [sys.executable, "-m", "postroad", "send", *relay(server), *NOBODY],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as sender,
    ):
        server.wait_for_message()
        sender.send_signal(signal.SIGINT)
        out, err = sender.communicate(timeout=30)

    assert sender.returncode == Exit.INTERRUPTED
    assert out == b""
    assert err.decode().startswith("Interrupted. If the message was already handed over")
    assert err.count(b"\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="pseudo-terminals")
def test_a_terminal_is_asked_for_the_password_without_showing_it(naver: Simulator) -> None:
    import pty

    words = ("send", *login(naver)[:-2], *PEOPLE, "--text", "x", "--lang", "ko")
    child, terminal = pty.fork()
    if child == 0:
        os.environ["COLUMNS"] = "200"
        os.execv(sys.executable, [sys.executable, "-m", "postroad", *words])
    shown = b""
    with contextlib.suppress(OSError):  # the end of a pseudo-terminal is an error
        while data := os.read(terminal, 4096):
            if not shown.endswith(b": ") and (shown + data).endswith(b": "):
                os.write(terminal, PASSWORD.encode() + b"\n")
            shown += data
    os.close(terminal)
    _, status = os.waitpid(child, 0)

    text = shown.decode()
    assert os.waitstatus_to_exitcode(status) == Exit.OK
    assert "danbee @ localhost, 네이버 비밀번호 또는" in text
    assert "접수했습니다" in text
    assert PASSWORD not in text


def test_the_help_names_no_secret_option() -> None:
    done = process("send", "--help")

    assert b"--password " not in done.stdout
