"""Python scripts, trusted and in this process."""

from __future__ import annotations

import pytest
from tests.scripting.conftest import Bench


def test_it_sees_arg_send_email_and_print(bench: Bench) -> None:
    bench.answer = lambda config: {"code": 0, "log": "", "error": "", "to": config["to"]}
    source = """
import sys
result = send_email({"to": arg["to"]})
print(type(arg).__name__, result["to"]["name"], __name__)
print("aside", file=sys.stderr, sep="")
print("a", "b", sep="-", end="!\\n")
"""

    outcome = bench.py(source, arg={"to": {"name": "수신자"}})

    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out == "dict 수신자 __main__\na-b!\n"
    assert outcome.sent == [{"to": {"name": "수신자"}}]


@pytest.mark.parametrize(
    ("source", "code", "err"),
    [
        ("exit(3)", 3, ""),
        ("exit()", 0, ""),
        ("import sys\nsys.exit(4)", 4, ""),
        ("raise SystemExit", 0, ""),
        ("exit(256)", 0, ""),
        ("exit('중단')", 1, "중단\n"),
        ("1", 0, ""),
    ],
)
def test_exit_codes_are_python_s_own(bench: Bench, source: str, code: int, err: str) -> None:
    outcome = bench.py(source)

    assert (outcome.code, outcome.err) == (code, err)


def test_an_exception_shows_the_script_s_frames_only(bench: Bench) -> None:
    source = """import json
def inner():
    try:
        json.loads("{")
    except ValueError as error:
        raise KeyError("경고") from error
inner()
"""

    outcome = bench.py(source)

    assert outcome.code == 1
    assert outcome.err.count("Traceback (most recent call last)") == 2
    assert 'mail.py", line 6, in inner' in outcome.err
    assert outcome.err.endswith("KeyError: '경고'\n")
    assert "python_script.py" not in outcome.err
    assert "decoder.py" not in outcome.err


def test_a_syntax_error_shows_its_line(bench: Bench) -> None:
    outcome = bench.py("x = 1\ny = (")

    assert outcome.code == 1
    assert 'mail.py", line 2' in outcome.err
    assert "SyntaxError" in outcome.err
    assert "python_script.py" not in outcome.err


def test_exceptions_of_send_email_reach_the_script(bench: Bench) -> None:
    bench.answer = lambda config: 1 / 0

    outcome = bench.py("try:\n    send_email({})\nexcept ZeroDivisionError:\n    print('seen')")

    assert outcome.out == "seen\n"


def test_an_interrupt_is_130(bench: Bench) -> None:
    outcome = bench.py("raise KeyboardInterrupt")

    assert (outcome.code, outcome.err) == (130, "interrupted\n")
