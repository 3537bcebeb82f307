"""Every limit ends a script, and the parent goes on unharmed."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.scripting.conftest import Bench

from postroad.scripting import javascript, run
from postroad.scripting.javascript import Child, Clock
from postroad.scripting.limits import Limit, StoppedByLimit
from postroad.scripting.protocol import HEADER, MAX_NOTE_OCTETS, MAX_REQUEST_OCTETS, Kind


@pytest.mark.parametrize(
    "source",
    [
        "for (;;);",
        "/(a+)+$/.test('a'.repeat(60) + 'b')",
        "(async () => { for (;;) await null })()",
        "for (;;) try { (() => { for (;;); })() } catch {} finally { continue }",
        "console.log({toString() { for (;;); }} + '')",
        "for (;;) send_email()",
        "throw {get [Symbol.toStringTag]() { for (;;); }}",
    ],
)
def test_a_script_without_end_is_stopped_by_time(bench: Bench, source: str) -> None:
    outcome = bench.js(source, timeout_s=0.3)

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        "stopped: time\n"
        "The script ran longer than 0.3 seconds (time inside send_email not counted).\n"
    )


@pytest.mark.parametrize(
    "source",
    [
        "const a = []; for (;;) a.push(new Array(1000).fill(1))",
        "const m = new Map(); for (let i = 0; ; i++) m.set(i, {})",
        "let o = {}; for (let i = 0; ; i++) o['k' + i] = {i}",
        "'x'.repeat(2 ** 28)",
        "new ArrayBuffer(1e9)",
        "const s = 'x'.repeat(1e4), a = []; for (let i = 0; ; i++) a.push((s + i).toUpperCase())",
        "const a = []; (async () => { for (;;) a.push([await 1]) })()",
        "const a = []; for (;;) a.push(Promise.reject(1))",
        "send_email({body: 'x'.repeat(30e6), text: 'y'.repeat(30e6)})",
    ],
)
def test_a_script_that_wants_too_much_memory_is_stopped(bench: Bench, source: str) -> None:
    outcome = bench.js(source, memory_octets=48 << 20)

    assert (outcome.code, outcome.sent) == (1, [])
    assert outcome.err == (
        "stopped: memory\nThe script needed more than 50331648 octets of memory.\n"
    )


@pytest.mark.parametrize(
    ("source", "out"),
    [
        ("for (let i = 0;; i++) console.log(i)", "0\n1\n2\n"),
        ("for (let i = 0; i < 9; i++) send_email({}); console.log('sent')", "sent\n"),
    ],
)
def test_time_spent_printing_counts_and_time_inside_send_email_does_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, source: str, out: str
) -> None:
    now = 1000.0

    def ten_seconds_pass() -> None:
        nonlocal now
        now += 10

    class Slow(io.StringIO):
        def write(self, text: str) -> int:
            ten_seconds_pass()
            return super().write(text)

    def slow_send(config: Any) -> Any:
        ten_seconds_pass()
        return {"code": 0, "log": "", "error": ""}

    monkeypatch.setattr(javascript, "time", SimpleNamespace(monotonic=lambda: now))
    bench.write("mail.js", source)
    stdout, stderr = Slow(), io.StringIO()

    run(
        bench.config({"scriptfile": "mail.js"}),
        timeout_s=25,
        send_email=slow_send,
        stdout=stdout,
        stderr=stderr,
    )

    assert stdout.getvalue() == out
    assert ("stopped: time" in stderr.getvalue()) is (out != "sent\n")


@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", ">&- 2>&-"])
@pytest.mark.parametrize("name", ["mail.js", "mail.py"])
def test_a_closed_stream_swallows_what_is_printed(bench: Bench, name: str, closed: str) -> None:
    words = {"mail.js": "console.log('out'); console.error('err')", "mail.py": "print('out')"}[name]
    bench.write(name, words + "; send_email({}); exit(7)")
    config = bench.config({"scriptfile": name})
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from postroad.scripting import run;"
        "answer = {'code': 0, 'log': '', 'error': ''};"
        "sys.exit(run(sys.argv[2], send_email=lambda mail: answer))"
    )
    source = Path(javascript.__file__).parents[2]

    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-c", program, source, config],
        capture_output=True,
    )

    assert ended.returncode == 7
    assert ended.stdout == (b"" if ">&-" in closed.split() else b"out\n")
    assert ended.stderr == (b"" if "2>&-" in closed or name == "mail.py" else b"err\n")


def test_an_endless_loop_that_survives_every_lack_of_memory_is_stopped_by_time(
    bench: Bench,
) -> None:
    source = "const r = []; const f = () => { r.push(1, 2, 3); f() }; for (;;) try { f() } catch {}"

    assert bench.js(source, memory_octets=32 << 20, timeout_s=0.5).stop == "stopped: time"


def test_a_string_that_doubles_for_ever_ends_in_an_error(bench: Bench) -> None:
    outcome = bench.js("let s = 'x'; for (;;) s += s")

    assert outcome.code == 1
    assert outcome.stop == "mail.js:1:28: InternalError: string too long"


def test_an_out_of_memory_error_that_is_caught_is_the_script_s_own_affair(bench: Bench) -> None:
    source = """
        let a = [];
        try { for (;;) a.push({}) } catch (error) { a = null; console.log("caught") }
    """

    outcome = bench.js(source, memory_octets=32 << 20)

    assert (outcome.code, outcome.out) == (0, "caught\n")


def test_the_engine_starts_in_the_least_memory_allowed(bench: Bench) -> None:
    assert bench.js("console.log([1, {a: 2}])", memory_octets=8 << 20).out == "[ 1, { a: 2 } ]\n"


@pytest.mark.parametrize(
    "source",
    [
        "for (;;) console.log('x'.repeat(90))",
        "for (;;) console.error('x'.repeat(90))",
        "console.log('x'.repeat(5e6))",
        "console.log('한'.repeat(400))",
        "for (;;) console.log()",
    ],
)
def test_a_flood_of_output_is_stopped_within_its_limit(bench: Bench, source: str) -> None:
    outcome = bench.js(source, max_output_octets=1000)

    printed = outcome.out + outcome.err.partition("stopped: ")[0]
    assert outcome.code == 1
    assert "stopped: output\nThe script printed more than 1000 octets.\n" in outcome.err
    assert len(printed.encode()) <= 1000


def test_output_of_exactly_the_limit_is_printed(bench: Bench) -> None:
    outcome = bench.js("console.log('한x'); console.error('ab')", max_output_octets=8)

    assert (outcome.code, outcome.out, outcome.err) == (0, "한x\n", "ab\n")


@pytest.mark.parametrize("language", ["js", "py"])
def test_one_send_too_many_is_stopped_and_not_sent(bench: Bench, language: str) -> None:
    source = {"js": "for (;;) send_email({})", "py": "while True:\n    send_email({})"}[language]

    outcome = getattr(bench, language)(source, max_sends=3)

    assert outcome.code == 1
    assert outcome.err == "stopped: sends\nThe script called send_email more than 3 times.\n"
    assert len(outcome.sent) == 3


def test_no_sends_allowed_stops_the_first(bench: Bench) -> None:
    outcome = bench.js("send_email({})", max_sends=0)

    assert (outcome.stop, outcome.sent) == ("stopped: sends", [])


def test_every_child_is_waited_for(bench: Bench) -> None:
    for source in ("1", "throw 1", "exit(3)", "for (;;);", "for (;;) console.log(1)"):
        bench.js(source, timeout_s=0.3)

    assert not bench.children


def test_a_reader_that_went_away_ends_the_child_too(bench: Bench) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    bench.write("mail.js", "for (;;) console.log(1)")
    config = bench.config({"scriptfile": "mail.js"})

    with pytest.raises(BrokenPipeError):
        run(config, stdout=Gone(), stderr=io.StringIO(), send_email=bench.answer)
    assert not bench.children


def test_an_interrupt_inside_send_email_ends_both_with_130(bench: Bench) -> None:
    def interrupted(config: Any) -> Any:
        raise KeyboardInterrupt

    bench.answer = interrupted

    outcome = bench.js("send_email({}); console.log('went on')")

    assert (outcome.code, outcome.out) == (130, "")
    assert outcome.err == "interrupted; a mail may have been handed over\n"
    assert not bench.children


def test_ctrl_c_at_a_terminal_ends_parent_and_child(bench: Bench) -> None:
    bench.write("mail.js", "console.log('running'); for (;;);")
    config = bench.config({"scriptfile": "mail.js"})
    source = Path(javascript.__file__).parents[2]
    program = (
        "import signal, sys; sys.path.insert(0, sys.argv[1]);"
        # Shells start background jobs, and so this test's whole tree, with SIGINT ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler);"
        "from postroad.scripting import run;"
        "sys.exit(run(sys.argv[2], send_email=dict))"
    )

    with subprocess.Popen(
        [sys.executable, "-c", program, str(source), str(config)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == b"running\n"
        os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to the whole group
        out, err = parent.communicate(timeout=10)

    assert (parent.returncode, out, err) == (130, b"", b"interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.killpg(parent.pid, 0)


# --- a child that was broken into -------------------------------------------------------------


def fake_child(monkeypatch: pytest.MonkeyPatch, *octets: bytes, then: str = "") -> None:
    """Replace what runs in the child: it says `octets`, then runs `then`."""
    said = b"".join(octets)
    program = (
        "import os, sys, time, signal\n"
        "length = int.from_bytes(os.read(0, 5)[1:])\n"
        "while length: length -= len(os.read(0, length))\n"
        f"os.write(1, {said!r})\n{then}\n"
    )
    monkeypatch.setattr(javascript, "_BOOT", program)


READY = HEADER.pack(Kind.READY.value, 0)


@pytest.mark.parametrize(
    "octets",
    [
        b"?\0\0\0\0",
        HEADER.pack(Kind.SEND.value, MAX_REQUEST_OCTETS + 1),
        HEADER.pack(Kind.THREW.value, MAX_NOTE_OCTETS + 1),
        HEADER.pack(Kind.EXIT.value, 3) + b"256",
        HEADER.pack(Kind.EXIT.value, 2) + "²".encode(),
        HEADER.pack(Kind.STOPPED.value, 3) + b"why",
        HEADER.pack(Kind.START.value, 0),
        READY,
    ],
)
def test_a_child_that_raves_is_ended(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, octets: bytes
) -> None:
    fake_child(monkeypatch, READY, octets, then="while True: os.write(1, b'x' * 65536)")

    outcome = bench.js("1")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "the script engine broke down and was ended\n"


def test_frames_without_content_count_as_output(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty = HEADER.pack(Kind.OUT.value, 0)
    fake_child(monkeypatch, READY, then=f"while True: os.write(1, {empty!r} * 1000)")

    assert bench.js("1", max_output_octets=5000).stop == "stopped: output"


def test_a_child_that_does_not_read_its_answer_is_stopped_by_time(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = HEADER.pack(Kind.SEND.value, 2) + b"{}"
    fake_child(monkeypatch, READY, request, then="while True: time.sleep(60)")
    bench.answer = lambda config: {"code": 0, "log": "x" * 1_000_000, "error": ""}

    assert bench.js("1", timeout_s=0.3).stop == "stopped: time"


@pytest.mark.parametrize("request_text", [b"{", b"\xff", b"[" * 100_000])
def test_a_request_that_is_no_json_is_answered_with_code_minus_1(request_text: bytes) -> None:
    answer = javascript.answer(request_text, lambda config: {"code": 0, "log": "", "error": ""})

    assert answer == {"code": -1, "log": "", "error": "config: not JSON"}


@pytest.mark.parametrize(
    ("then", "line"),
    [
        ("os.kill(os.getpid(), signal.SIGKILL)", "stopped: memory"),
        ("os.kill(os.getpid(), signal.SIGXCPU)", "stopped: time"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "the script engine crashed (status -11)"),
        ("os._exit(9)", "the script engine crashed (status 9)"),
    ],
)
def test_a_child_that_dies_is_exit_code_1_with_the_reason(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, then: str, line: str
) -> None:
    fake_child(monkeypatch, READY, then=then)

    outcome = bench.js("1")

    assert (outcome.code, outcome.stop) == (1, line)


def test_a_child_that_never_starts_is_exit_code_2(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(javascript, "STARTUP_S", 0.2)
    fake_child(monkeypatch, then="while True: time.sleep(60)")
    silent = bench.js("1")
    fake_child(monkeypatch, then="os._exit(3)")
    monkeypatch.setattr(javascript, "STARTUP_S", 20.0)
    dead = bench.js("1")
    fake_child(monkeypatch, HEADER.pack(Kind.UNABLE.value, 3) + b"why")
    unable = bench.js("1")

    assert [silent.code, dead.code, unable.code] == [2, 2, 2]
    assert "did not start in 0.2 s" in silent.err
    assert "could not be started (status 3)" in dead.err
    assert "could not be started: why" in unable.err


def test_a_clock_without_time_left_stops(monkeypatch: pytest.MonkeyPatch) -> None:
    fake_child(monkeypatch)

    with Child(Path("/")) as child, pytest.raises(StoppedByLimit) as stop:
        child.read_header(Clock(0))

    assert stop.value.limit is Limit.TIME
