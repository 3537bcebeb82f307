"""Values that cross to the host and back."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
from tests.scripting.conftest import Bench

from postroad.scripting.protocol import MAX_REQUEST_OCTETS


def results(bench: Bench, *configs: str) -> list[Any]:
    """What send_email returned for each expression, or the exception it threw."""
    calls = ",".join(f"() => send_email({config})" for config in configs)
    source = f"""
        const call = (one) => {{ try {{ return one() }} catch (e) {{ return "threw " + e }} }};
        console.log(JSON.stringify([{calls}].map(call)))
    """
    outcome = bench.js(source)
    assert (outcome.code, outcome.err) == (0, "")
    parsed: list[Any] = json.loads(outcome.out)
    return parsed


def test_undefined_null_and_absent_are_the_same(bench: Bench) -> None:
    results(bench, "{a: undefined, b: null, c: [undefined, null]}")

    assert [{k: v for k, v in sent.items() if v is not None} for sent in bench.sent] == [
        {"c": [None, None]}
    ]


@pytest.mark.parametrize(
    ("config", "error"),
    [
        ("", "config: send_email needs one object, not undefined"),
        ("null", "config: send_email needs one object, not null"),
        ("7", "config: send_email needs one object, not 7"),
        ("'x'", "config: send_email needs one object, not 'x'"),
        ("[1]", "config: send_email needs one object, not [ 1 ]"),
        ("() => 1", "config: send_email needs one object, not [Function (anonymous)]"),
        ("{port: 25n}", "port: a BigInt cannot be carried by JSON"),
        ("{port: Object(25n)}", "port: a BigInt cannot be carried by JSON"),
        ("{to: {email: () => 1}}", "to.email: a function cannot be carried by JSON"),
        ("{body: Symbol('s')}", "body: a symbol cannot be carried by JSON"),
        ("{port: NaN}", "port: NaN is a number JSON cannot carry"),
        ("{to: [{}, {n: -Infinity}]}", "to[1].n: -Infinity is a number JSON cannot carry"),
        ("{body: new Map([[1, 2]])}", "body: a value of type Map cannot be carried by JSON"),
        ("{body: new Uint8Array(2)}", "body: a value of type Uint8Array cannot be carried"),
        ("{body: Promise.resolve(1)}", "body: a value of type Promise cannot be carried"),
        ("{body: /x/}", "body: a value of type RegExp cannot be carried by JSON"),
        ("{body: new Date(NaN)}", "body: an invalid Date cannot be carried by JSON"),
        ("(() => { const o = {}; o.to = {self: o}; return o })()", "to.self: a circle"),
        ("(() => { let o = {}; for (let i = 0; i < 99; i++) o = {o}; return o })()", "o.o.o.o"),
        ("{get host() { throw new Error('mine') }}", "config: cannot be read: Error: mine"),
        ("{get host() { throw {a: 1} }}", "config: cannot be read: { a: 1 }"),
        ("new Proxy({}, {ownKeys() { throw 1 }})", "config: cannot be read: 1"),
        ("{get host() { null.x }}", "config: cannot be read: TypeError: cannot read"),
    ],
)
def test_what_json_cannot_carry_is_code_minus_1_naming_it(
    bench: Bench, config: str, error: str
) -> None:
    (result,) = results(bench, config)

    assert (result["code"], result["log"]) == (-1, "")
    assert list(result) == ["code", "log", "error", "message_id", "phase", "hint"]
    assert result["error"].startswith(error)
    assert bench.sent == []


def test_what_json_can_carry_arrives_as_written(bench: Bench) -> None:
    shared = "(() => { const a = {email: 'a@x'}; return {from: a, to: a} })()"
    results(
        bench,
        "{n: 1.5, t: true, s: '한글\\u0000\\u{1F600}\"', list: [[1], {}], '__proto__x': 1}",
        "{s: new String('boxed'), n: new Number(2), d: new Date(0)}",
        'JSON.parse(\'{"__proto__": {"a": 1}}\')',
        "new (class { constructor() { this.own = 1 } get inherited() { return 2 } })",
        shared,
        "'x,'.repeat(3).split(',').reduce((o, k, i) => ({...o, [k + i]: i}), {})",
    )

    assert bench.sent == [
        {"n": 1.5, "t": True, "s": '한글\0\U0001f600"', "list": [[1], {}], "__proto__x": 1},
        {"s": "boxed", "n": 2, "d": "1970-01-01T00:00:00.000Z"},
        {"__proto__": {"a": 1}},
        {"own": 1},
        {"from": {"email": "a@x"}, "to": {"email": "a@x"}},
        {"x0": 0, "x1": 1, "x2": 2, "3": 3},
    ]


def test_a_lone_surrogate_reaches_send_email_and_the_pipe_goes_on(bench: Bench) -> None:
    bench.answer = lambda config: {"code": -1, "log": "", "error": f"subject {config['subject']}"}

    first, second = results(bench, "{subject: 'a\\ud800'}", "{subject: 'b'}")

    assert bench.sent == [{"subject": "a\ud800"}, {"subject": "b"}]
    assert first["error"] == "subject a\ud800"
    assert second["error"] == "subject b"


def test_a_mail_beyond_the_limit_is_code_minus_1_and_one_with_large_attachments_is_sent(
    bench: Bench,
) -> None:
    large, beyond, in_octets = results(
        bench,
        "{attachments: [{content: 'A'.repeat(34e6)}]}",
        f"{{body: 'A'.repeat({MAX_REQUEST_OCTETS})}}",
        f"{{body: '한'.repeat({MAX_REQUEST_OCTETS} / 2)}}",
    )

    assert large["code"] == 0
    assert len(bench.sent) == 1
    assert beyond["error"] == f"config: larger than {MAX_REQUEST_OCTETS} octets"
    assert in_octets == beyond


def test_the_result_crosses_whole_with_extra_keys_after_the_three(bench: Bench) -> None:
    log = "S: 250 ok\n" * 50_000
    bench.answer = lambda config: {
        "hint": None,
        "refused": [{"email": "x", "code": 550}],
        "error": "",
        "log": log,
        "code": 0,
    }

    (result,) = results(bench, "{}")

    assert list(result) == ["code", "log", "error", "hint", "refused"]
    assert result["log"] == log


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (lambda config: 1 / 0, "internal error: ZeroDivisionError: division by zero"),
        (lambda config: {}, "internal error: KeyError: 'code'"),
        (lambda config: None, "internal error: TypeError: "),
    ],
)
def test_a_defect_in_send_email_is_code_minus_99_not_an_exception(
    bench: Bench, answer: Any, error: str
) -> None:
    bench.answer = answer

    (result,) = results(bench, "{}")

    assert (result["code"], result["log"]) == (-99, "")
    assert result["error"].startswith(error)


def test_calls_may_be_many_and_from_promise_jobs(bench: Bench) -> None:
    source = """
        for (let i = 0; i < 200; i++) send_email({i});
        Promise.resolve(200).then((i) => send_email({i})).then((r) => console.log(r));
    """

    outcome = bench.js(source)

    assert outcome.out == "{ code: 0, log: '', error: '' }\n"
    assert outcome.sent == [{"i": i} for i in range(201)]


def test_time_inside_send_email_does_not_count(bench: Bench) -> None:
    spent = []

    def busy(config: Any) -> Any:
        spent.append(sum(range(20_000_000)))  # longer than the limit, without sleeping
        return {"code": 0, "log": "", "error": ""}

    bench.answer = busy

    outcome = bench.js("for (let i = 0; i < 3; i++) send_email({i}); exit(5)", timeout_s=0.3)

    assert (outcome.code, len(spent)) == (5, 3)


@pytest.mark.parametrize("language", ["js", "py"])
def test_the_front_door_is_what_sends_by_default(bench: Bench, language: str) -> None:
    with socket.socket() as taken:  # bound and not listening: every connection is refused
        taken.bind(("127.0.0.1", 0))
        arg = {
            "host": "127.0.0.1",
            "port": taken.getsockname()[1],
            "user": "",
            "pass": "",
            "from": {"email": "a@x.example"},
            "to": {"email": "b@y.example"},
            "subject": "제목",
            "body": "본문",
        }
        show = {
            "js": "console.log(r.code, r.error !== '')",
            "py": "print(r['code'], r['error'] != '')",
        }
        source = {"js": "const r = send_email(arg);", "py": "r = send_email(arg)\n"}[language]

        outcome = getattr(bench, language)(source + show[language], arg=arg, send_email=None)

    assert (outcome.code, outcome.out.lower(), outcome.err) == (0, "-2 true\n", "")
