"""console prints what Node prints."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from tests.scripting.conftest import Bench

TABLE = Path(__file__).with_name("printed.js").read_text("utf-8")
NODE = shutil.which("node")

# Engines differ in their stacks; Node then leaves out the lines a cause shares with its error.
_FRAMES = re.compile(
    r"^ +(?:at .*|\.\.\. \d+ lines matching cause stack trace \.\.\.)\n", re.MULTILINE
)


def sections(printed: str) -> dict[str, str]:
    """What was printed under each `#expression` line."""
    parts = re.split(r"^#(.*)\n", _FRAMES.sub("", printed), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.skipif(NODE is None, reason="no node here to compare with")
def test_the_table_prints_as_node_prints_it(bench: Bench) -> None:
    assert NODE is not None
    version = subprocess.run([NODE, "--version"], capture_output=True, text=True).stdout
    if int(version.lstrip("v").partition(".")[0]) != 20:
        pytest.skip(f"compared with Node 20 only; here is {version.strip()}")
    node = subprocess.run([NODE, "-"], input=TABLE, capture_output=True, text=True, check=True)

    ours = bench.js(TABLE)

    assert (ours.code, ours.err) == (0, "")
    expected = sections(node.stdout)
    assert len(expected) > 180
    assert sections(ours.out) == expected


@pytest.mark.parametrize(
    ("call", "line"),
    [
        ("'a', 1, {b: [null, undefined, -0]}", "a 1 { b: [ null, undefined, -0 ] }"),
        ("['it\\'s', 'a\"', \"`'\\\"\"]", """[ "it's", 'a"', '`\\'"' ]"""),
        ("{a: {b: {c: {d: 1}}}}", "{ a: { b: { c: [Object] } } }"),
        ("'%s is %d%% %j', 'x', 5, {a: 1}, 'rest'", 'x is 5% {"a":1} rest'),
        ("(() => { const o = {}; o.o = o; return o })()", "<ref *1> { o: [Circular *1] }"),
        ("new Map([['k', new Set([1])]])", "Map(1) { 'k' => Set(1) { 1 } }"),
        ("Array.from({length: 3}, (_, i) => i), [,]", "[ 0, 1, 2 ] [ <1 empty item> ]"),
        ("", ""),
    ],
)
def test_values_print_as_node_prints_them(bench: Bench, call: str, line: str) -> None:
    assert bench.js(f"console.log({call})").out == line + "\n"


def test_a_long_object_breaks_into_lines_at_72_columns(bench: Bench) -> None:
    source = "console.log({a: 'x'.repeat(28), b: 'y'.repeat(N), c: 'z'})"

    fits = bench.js(source.replace("N", "19"))
    breaks = bench.js(source.replace("N", "20"))

    assert fits.out == f"{{ a: '{'x' * 28}', b: '{'y' * 19}', c: 'z' }}\n"
    assert breaks.out == f"{{\n  a: '{'x' * 28}',\n  b: '{'y' * 20}',\n  c: 'z'\n}}\n"


def test_a_deep_or_hostile_object_prints_or_throws(bench: Bench) -> None:
    source = """
        const tree = (n) => n === 0 ? {} : {l: tree(n - 1), r: tree(n - 1)};
        console.log(tree(12));
        let deep = {}; for (let i = 0; i < 1e5; i++) deep = {deep};
        console.log(deep);
        try {
            console.log(new Proxy({}, {get() { throw new Error("trap") }}));
        } catch (error) { console.log(error.message) }
    """

    outcome = bench.js(source)

    assert outcome.code == 0
    assert outcome.out.splitlines()[-2:] == ["{ deep: { deep: { deep: [Object] } } }", "trap"]


def test_an_object_that_never_tells_its_name_is_stopped_by_time(bench: Bench) -> None:
    outcome = bench.js("console.log({get [Symbol.toStringTag]() { for (;;); }})", timeout_s=0.3)

    assert (outcome.code, outcome.stop) == (1, "stopped: time")
