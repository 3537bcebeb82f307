"""What a JavaScript script sees, and how it ends."""

from __future__ import annotations

import importlib.util

import pytest
from tests.scripting.conftest import Bench


def test_the_globals_beyond_the_language_are_few(bench: Bench) -> None:
    source = """
        const asked = ["require", "process", "std", "os", "fetch", "setTimeout", "print",
            "load", "scriptArgs", "Worker", "module", "exports", "__postroad_host", "Deno",
            "__postroad_unhandled", "DOMException", "atob", "btoa"];
        console.log(asked.filter((name) => name in globalThis));
        console.log([arg, send_email, console, JSON, exit].map((one) => typeof one).join(" "));
    """

    assert bench.js(source).out == "[]\nobject function object object function\n"


def test_log_info_and_debug_go_to_stdout_warn_and_error_to_stderr(bench: Bench) -> None:
    source = "for (const k of ['log','warn','info','error','debug']) console[k](k, {k})"

    outcome = bench.js(source)

    assert outcome.out == "log { k: 'log' }\ninfo { k: 'info' }\ndebug { k: 'debug' }\n"
    assert outcome.err == "warn { k: 'warn' }\nerror { k: 'error' }\n"


def test_text_crosses_whole_with_nul_and_a_lone_surrogate_shown_as_a_replacement(
    bench: Bench,
) -> None:
    outcome = bench.js("console.log('a\\0b\\ud800c', '한글 中文 \\u{1F600}')")

    assert outcome.out == "a\0b\ufffdc 한글 中文 \U0001f600\n"


def test_arg_keeps_what_json_says_and_a_proto_key_pollutes_nothing(bench: Bench) -> None:
    bench.write(
        "mail.js",
        "console.log(Object.keys(arg), arg.polluted, ({}).polluted, arg.big, 1 / arg.zero, arg.x)",
    )
    config = bench.config(
        '{"scriptfile": "mail.js", "arg": {"__proto__": {"polluted": 1}, "big": 1e400,'
        ' "zero": -0, "x": 12345678901234567890, "constructor": 1}}'
    )

    outcome = bench.run(config)

    assert outcome.out == (
        "[ '__proto__', 'big', 'zero', 'x', 'constructor' ] undefined undefined "
        "Infinity -Infinity 12345678901234567000\n"
    )


def test_the_script_may_use_its_names_for_its_own(bench: Bench) -> None:
    outcome = bench.js("const arg = 1; let console2 = console; var exit = 2; console2.log(arg)")

    assert (outcome.code, outcome.out) == (0, "1\n")


@pytest.mark.parametrize(
    ("call", "code"),
    [("exit(7)", 7), ("exit()", 0), ("exit(0)", 0), ("exit(255)", 255), ("exit(null)", 0)],
)
def test_exit_ends_at_once_with_its_code(bench: Bench, call: str, code: int) -> None:
    outcome = bench.js(f"try {{ {call} }} catch {{}} finally {{ console.log('still here') }}")

    assert (outcome.code, outcome.out, outcome.err) == (code, "", "")


@pytest.mark.parametrize("value", ["256", "-1", "1.5", "'1'", "{}"])
def test_exit_takes_only_what_an_exit_code_can_be(bench: Bench, value: str) -> None:
    outcome = bench.js(f"exit({value})")

    assert outcome.code == 1
    assert "RangeError: exit takes a whole number from 0 to 255" in outcome.err


def test_an_uncaught_error_shows_message_place_and_stack(bench: Bench) -> None:
    outcome = bench.js('function f() {\n  throw new TypeError("경고")\n}\n\nf()')

    assert outcome.code == 1
    assert outcome.err == (
        "mail.js:2:13: TypeError: 경고\n    at f (mail.js:2:13)\n    at mail.js:5:1\n"
    )


@pytest.mark.parametrize(
    ("source", "first_line"),
    [
        ("let a = 1\nlet b = ;", "mail.js:2:9: SyntaxError: unexpected token"),
        ("await 1", "mail.js:1:7: SyntaxError: "),
        ("\n null.x", "mail.js:2:2: TypeError: cannot read property 'x' of null"),
        ("throw 'text'", "mail.js: uncaught 'text'"),
        ("throw {a: [1]}", "mail.js: uncaught { a: [ 1 ] }"),
        ("throw null", "mail.js: uncaught null"),
        ("throw undefined", "mail.js: uncaught undefined"),
        ("throw Symbol('s')", "mail.js: uncaught Symbol(s)"),
        ("throw () => 1", "mail.js: uncaught [Function (anonymous)]"),
        ("'a\0b", "mail.js:1:1: SyntaxError: unexpected end of string"),
        ("throw {get a() {}, get stack() { throw 1 }}", "mail.js: uncaught { a: [Getter]"),
        ("throw new Proxy({}, {ownKeys() { throw 1 }})", "mail.js: an exception that cannot be"),
        ("throw new InternalError('out of paper')", "mail.js:1:11: InternalError: out of paper"),
    ],
)
def test_whatever_is_thrown_is_shown_with_the_script_s_own_name(
    bench: Bench, source: str, first_line: str
) -> None:
    outcome = bench.js(source)

    assert outcome.code == 1
    assert outcome.err.startswith(first_line)
    assert "<input>" not in outcome.err


def test_an_error_s_stack_seen_by_the_script_names_the_script_too(bench: Bench) -> None:
    source = """
        try { null.x } catch (error) { console.log(error.stack) }
        const mine = {};
        Error.captureStackTrace(mine);
        console.log(mine.stack.includes("mail.js:4:"));
        console.log(new Error("printed"));
    """

    outcome = bench.js(source)

    assert outcome.out.startswith("TypeError: cannot read property 'x' of null\n    at mail.js:2:")
    assert "\ntrue\nError: printed\n    at mail.js:6:" in outcome.out
    assert "<input>" not in outcome.out


def test_deep_recursion_is_an_error_a_script_can_catch(bench: Bench) -> None:
    source = "let n = 0; const f = () => { n++; f() };"

    caught = bench.js(source + "try { f() } catch (e) { console.log(n > 5000, e.name) }")
    uncaught = bench.js("const f = () => { f() }; f()")

    assert (caught.code, caught.out) == (0, "true RangeError\n")
    assert uncaught.code == 1
    assert "RangeError: Maximum call stack size exceeded\n    at f (mail.js:1:" in uncaught.err


@pytest.mark.parametrize(
    "source",
    [
        "JSON.parse('['.repeat(1e6))",
        "eval('['.repeat(1e6))",
        "new RegExp('(?:'.repeat(1e5) + ')'.repeat(1e5))",
    ],
)
def test_a_stack_bomb_inside_the_engine_is_an_error_too(bench: Bench, source: str) -> None:
    outcome = bench.js(source)

    assert outcome.code == 1
    assert "Error: " in outcome.stop


def test_promise_jobs_run_until_none_is_left(bench: Bench) -> None:
    source = """
        (async () => { for (let i = 0; i < 3; i++) { await null; console.log(i) } })();
        queueMicrotask(() => console.log("job"));
        console.log("first");
    """

    outcome = bench.js(source)

    assert (outcome.code, outcome.out.split()) == (0, ["first", "0", "job", "1", "2"])


def test_a_promise_that_never_settles_ends_with_the_script(bench: Bench) -> None:
    outcome = bench.js("(async () => { await new Promise(() => {}); console.log('never') })()")

    assert (outcome.code, outcome.out) == (0, "")


@pytest.mark.parametrize(
    ("source", "first_line"),
    [
        ("async function f() { throw new Error('q') }\nf(); console.log(1)", "mail.js:1:"),
        ("Promise.reject('why'); 1", "mail.js: unhandled rejection: uncaught 'why'"),
        ("new Promise((_, no) => no(null)); 1", "mail.js: unhandled rejection: uncaught null"),
        ("Promise.resolve().then(() => { throw {a: 1} }); 1", "mail.js: unhandled rejection: "),
        ("import('os'); 1", "mail.js: unhandled rejection: [ReferenceError: could not load"),
    ],
)
def test_a_rejection_nobody_handles_is_exit_code_1(
    bench: Bench, source: str, first_line: str
) -> None:
    outcome = bench.js(source)

    assert outcome.code == 1
    assert outcome.err.startswith(first_line)
    assert "unhandled rejection: " in outcome.err


@pytest.mark.parametrize("on", ["globalThis", "Object.prototype"])
@pytest.mark.parametrize(
    "name", ["__postroad_reason", "__postroad_unhandled", "__postroad_host", "reason"]
)
def test_a_setter_of_the_script_s_never_stands_between_a_rejection_and_its_report(
    bench: Bench, on: str, name: str
) -> None:
    trap = f"Object.defineProperty({on}, '{name}', {{set(v) {{ console.log('trap', v) }}}});"

    outcome = bench.js(trap + "Object.freeze(globalThis); Promise.reject(5); 1")

    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == "mail.js: unhandled rejection: uncaught 5\n"


@pytest.mark.parametrize(
    "source",
    [
        "Error.prepareStackTrace = (error, sites) => sites; Error.stackTraceLimit = 0;",
        "try { Object.defineProperty(Error, 'prepareStackTrace', {value: (e, s) => s}) } catch {}",
        "delete Error.prepareStackTrace; delete Error.stackTraceLimit; Error.stackTraceLimit = 0;",
    ],
)
def test_no_script_sees_the_prelude_s_frames_or_loses_its_positions(
    bench: Bench, source: str
) -> None:
    read = "send_email({get host() { console.log(typeof new Error('e').stack); return 'h' }});"

    outcome = bench.js(source + read + "\nnull.x")

    assert outcome.out == "string\n"
    assert outcome.stop == "mail.js:2:1: TypeError: cannot read property 'x' of null"


def test_control_characters_of_an_error_do_not_reach_the_terminal(bench: Bench) -> None:
    outcome = bench.js("throw new Error('\\x1b[31m\\x9b\\r\\t경고')")

    assert outcome.stop == "mail.js:1:11: Error: \\x1B[31m\\x9B\\x0D\t경고"


def test_polluted_prototypes_do_not_reach_what_console_prints(bench: Bench) -> None:
    source = """
        const seen = [], trap = {__proto__: null, get() { seen.length++ }, set() { seen.length++ }};
        const names = ["value", "get", "set", "writable", "reason", "message", "whole", "items"];
        for (const name of names) Object.defineProperty(Object.prototype, name, trap);
        for (let i = 0; i < 9; i++) Object.defineProperty(Array.prototype, i, trap);
        console.log("%s", "a", [1, "b", [2]], {c: {d: 1}, get e() { return 1 }}, new Set([3]));
        console.log([100, 200, 300, 400, 500, 600, 700], new String("boxed"), new Map([[1, 2]]));
        console.log(send_email({host: 1n}).error, send_email({to: [1, {a: "x"}]}).code);
        console.log(seen.length);
        null.x;
    """

    outcome = bench.js(source)

    assert outcome.out == (
        "a [ 1, 'b', [ 2 ] ] { c: { d: 1 }, e: [Getter] } Set(1) { 3 }\n"
        "[\n  100, 200, 300,\n  400, 500, 600,\n  700\n] [String: 'boxed'] Map(1) { 1 => 2 }\n"
        "host: a BigInt cannot be carried by JSON 0\n"
        "0\n"
    )
    assert outcome.sent == [{"to": [1, {"a": "x"}]}]
    assert "TypeError: cannot read property 'x' of null" in outcome.stop


def test_a_rejection_handled_later_is_none(bench: Bench) -> None:
    source = """
        const p = Promise.reject(new Error("late"));
        const q = (async () => { throw 1 })();
        Promise.resolve().then(() => null).then(() => { p.catch(() => console.log("caught")) });
        (async () => { try { await q } catch { console.log("awaited") } })();
    """

    outcome = bench.js(source)

    assert (outcome.code, outcome.err) == (0, "")
    assert set(outcome.out.split()) == {"caught", "awaited"}


def test_an_error_in_a_microtask_is_exit_code_1(bench: Bench) -> None:
    outcome = bench.js("queueMicrotask(() => { throw new Error('mt') })")

    assert outcome.code == 1
    assert "Error: mt\n" in outcome.err


def test_tampering_with_the_language_does_not_reach_the_host(bench: Bench) -> None:
    source = """
        const bad = () => { throw new Error("tampered") };
        const kinds = [Object, Array, String, RegExp, Map, Set, Number, Function, Error, Promise];
        const ownKeys = Reflect.ownKeys, set = new Set([1]);
        for (let i = 0; i < kinds.length; i++) {
            const names = ownKeys(kinds[i].prototype);
            for (let j = 0; j < names.length; j++) {
                if (names[j] === "length" || names[j] === "constructor") continue;
                if (names[j] !== "__proto__") try { kinds[i].prototype[names[j]] = bad } catch {}
            }
        }
        RegExp.prototype[Symbol.replace] = bad;
        JSON.stringify = JSON.parse = Object.keys = Reflect.ownKeys = Reflect.apply = bad;
        Object.prototype.toJSON = () => "polluted";
        Object.prototype.value = Object.prototype.get = 7;
        Object.prototype.__postroad_host = bad;
        globalThis.eval = globalThis.String = globalThis.Error = bad;
        console.log("%s: %d", "n", 1, {a: [1, 'b']}, set);
        console.log(send_email({host: "h", to: [{email: "b@y"}]}).code);
        null.x;
    """

    outcome = bench.js(source)

    assert outcome.out == "n: 1 { a: [ 1, 'b' ] } Set(1) { 1 }\n0\n"
    assert outcome.sent == [{"host": "h", "to": [{"email": "b@y"}]}]
    assert outcome.code == 1
    assert "TypeError: cannot read property 'x' of null" in outcome.stop


def test_without_the_engine_the_message_says_what_to_install(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)

    outcome = bench.js("console.log(1)")

    assert outcome.code == 2
    assert 'pip install "postroad[scripts]"' in outcome.err


def test_a_system_that_cannot_confine_a_script_says_so(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "win32")

    outcome = bench.js("console.log(1)")

    assert outcome.code == 2
    assert "a .py script runs here" in outcome.err
