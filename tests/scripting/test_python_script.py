"""Python scripts, trusted and in this process."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest
from tests.scripting.conftest import Bench

from postroad import scripting
from postroad.scripting import run


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


@pytest.mark.parametrize(
    "source",
    [
        "print('x')",
        """
import threading
def quiet():
    try:
        print("x")
    except OSError:
        pass
threading.Thread(target=quiet).start()
""",
        "try:\n    print('x')\nexcept:\n    exit(0)",
    ],
)
@pytest.mark.parametrize("error", [BrokenPipeError, OSError])
def test_an_output_that_breaks_is_the_runner_s_error_and_not_the_script_s(
    bench: Bench, error: type[OSError], source: str
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise error

    bench.write("mail.py", source)
    stderr = io.StringIO()

    with pytest.raises(error):
        run(
            bench.config({"scriptfile": "mail.py"}),
            stdout=Gone(),
            stderr=stderr,
            send_email=bench.answer,
        )
    assert stderr.getvalue() == ""


def test_an_oserror_of_the_script_s_own_is_its_exception(bench: Bench) -> None:
    outcome = bench.py("open('/nowhere/at/all')")

    assert outcome.code == 1
    assert "FileNotFoundError" in outcome.err


@pytest.mark.parametrize(
    "source",
    [
        "while True:\n    try:\n        send_email({})\n    except:\n        break",
        "try:\n    [send_email({}) for _ in range(9)]\nexcept:\n    exit(0)",
        "try:\n    [send_email({}) for _ in range(9)]\nfinally:\n    raise ValueError",
        """
import threading
threading.Thread(target=lambda: [send_email({}) for _ in range(9)]).start()
""",
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_one_send_too_many_is_told_whatever_the_script_does_about_it(
    bench: Bench, source: str
) -> None:
    outcome = bench.py(source, max_sends=3)

    assert (outcome.code, len(outcome.sent)) == (1, 3)
    assert outcome.err == "stopped: sends\nThe script called send_email more than 3 times.\n"


def test_an_exit_message_that_cannot_be_shown_is_exit_code_1(bench: Bench) -> None:
    outcome = bench.py("class X:\n    def __str__(self): 1 / 0\nexit(X())")

    assert (outcome.code, outcome.err) == (1, "<X that cannot be shown>\n")


def test_a_pool_left_open_does_not_hold_the_script_up(bench: Bench) -> None:
    source = """
from concurrent.futures import ThreadPoolExecutor
pool = ThreadPoolExecutor(1)
pool.submit(send_email, {}).result()
"""

    assert (bench.py(source).code, len(bench.sent)) == (0, 1)


def test_a_script_may_close_its_stdout(bench: Bench) -> None:
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from postroad.scripting import run; sys.exit(run(sys.argv[2], send_email=dict))"
    )
    bench.write("mail.py", "import sys\nprint('last')\nsys.stdout.close()\nexit(3)")
    config = bench.config({"scriptfile": "mail.py"})
    source = Path(scripting.__file__).parents[2]

    ended = subprocess.run(
        [sys.executable, "-c", program, source, config], capture_output=True, text=True
    )

    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "last\n", "")
