"""What a config file and the script it names must be."""

from __future__ import annotations

import os
import tracemalloc
from pathlib import Path

import pytest
from tests.scripting.conftest import Bench

from postroad.scripting import config as configs


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('{"scriptfile": "./mail.js",\n  "arg": {,}}', "config.json:2:11: "),
        ('{"scriptfile": "./mail.js"\n "arg": {}}', "config.json:2:2: "),
        ("", "config.json:1:1: "),
        ("[1]", "config.json:1:1: the config must be an object"),
        ('{"scriptfile": "./mail.js",\n "args": {}}', "config.json:2:2: unknown key 'args'"),
        (
            '{"scriptfile": "./mail.js", "arg": {"host": "a",\n\n  "host": "b"}}',
            "config.json:3:3: the key 'host' stands twice",
        ),
        ('{"scriptfile": "./mail.js", "scriptfile": "x"}', ":1:29: the key 'scriptfile' stands"),
        ('{"scriptfile": "./mail.js", "arg": {"port": NaN}}', "config.json:1:45: NaN is not JSON"),
        ('{"scriptfile": "./mail.js", "arg": {"port": -Infinity}}', ":1:45: -Infinity is not"),
        ('{"arg": {}}', "config.json:1:1: scriptfile must name the script"),
        ('{\n "scriptfile": 7}', "config.json:2:2: scriptfile must name the script"),
        ('{"scriptfile": " "}', "scriptfile must name the script"),
        ('{"scriptfile": "./mail.js",\n "arg": [1]}', "config.json:2:2: arg must be an object"),
        ('{"scriptfile": "./mail.js", "arg": "x"}', "config.json:1:29: arg must be an object"),
        ("[\n" + "[" * 99_999, "config.json:2:99999: nested too deeply"),
        ("[" * 99_999 + '"' + '\\"[' * 9_999, "config.json:1:99999: nested too deeply"),
        ('{\n"scriptfile": "./none.js"}', "config.json:2:1: './none.js': cannot open the script"),
        ('{"scriptfile": "\\u001b[31m\\nx.js"}', "1:2: '\\x1b[31m\\nx.js': cannot open"),
        ('{"scriptfile": "/\\u001b[31mx.js"}', "absolute: '/\\x1b[31mx.js'"),
    ],
)
def test_a_malformed_config_is_refused_with_its_place(
    bench: Bench, text: str, complaint: str
) -> None:
    bench.write("mail.js", "console.log('ran')")

    outcome = bench.run(bench.config(text))

    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert outcome.err.count("\n") == 1


def test_the_same_key_in_two_objects_and_in_text_is_no_duplicate(bench: Bench) -> None:
    bench.write("mail.js", "console.log(arg.to.email, arg.body)")
    text = r"""{"scriptfile": "mail.js", "arg": {"from": {"email": "a"}, "to": {"email": "b"},
        "list": [{"email": 1}, {"email": 2}], "body": "\"email\": {NaN"}}"""

    outcome = bench.run(bench.config(text))

    assert outcome.out == 'b "email": {NaN\n'


def test_a_long_string_takes_a_small_multiple_of_itself(bench: Bench) -> None:
    bench.write("mail.py", "")
    size = 10_000_000
    config = bench.config({"scriptfile": "mail.py", "arg": {"a": "x" * size, "b": "\n" * size}})

    tracemalloc.start()  # it sees what `re` takes for its ways back
    configs.load(config)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 6 * config.stat().st_size


def test_octets_that_are_not_utf8_are_named_by_place(bench: Bench) -> None:
    config = bench.config("한글\n경고".encode() + b"\xb0\xe6")

    assert bench.run(config).err.startswith(f"{config}:2:3: not UTF-8")


def test_a_byte_order_mark_is_tolerated_in_both_files(bench: Bench) -> None:
    bench.write("mail.js", "\ufeffconsole.log('안녕', arg.name)")
    config = bench.config('\ufeff{"scriptfile": "mail.js", "arg": {"name": "수신자"}}')

    assert bench.run(config).out == "안녕 수신자\n"


@pytest.mark.parametrize("arg", ['"arg": null', '"arg": {}', None])
def test_an_absent_arg_is_an_empty_object(bench: Bench, arg: str | None) -> None:
    bench.write("mail.js", "console.log(arg)")

    outcome = bench.run(bench.config(f'{{"scriptfile": "mail.js"{", " + arg if arg else ""}}}'))

    assert outcome.out == "{}\n"


def test_a_config_that_is_missing_or_a_folder_is_exit_code_2(bench: Bench) -> None:
    missing = bench.run(bench.folder / "none.json")
    folder = bench.run(bench.folder)

    assert (missing.code, folder.code) == (2, 2)
    assert "cannot open the config file: No such file" in missing.err
    assert "must be a regular file" in folder.err


def test_the_script_is_found_from_the_config_file_not_from_the_working_folder(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.write("inner/mail.js", "console.log('inner')")
    bench.write("inner/config.json", '{"scriptfile": "./mail.js"}')
    bench.write("mail.js", "console.log('outer')")
    monkeypatch.chdir(bench.folder)

    assert bench.run(Path("inner/config.json")).out == "inner\n"


@pytest.mark.parametrize(
    ("scriptfile", "complaint"),
    [
        ("../outside.js", "leads out of the config's folder"),
        ("sub/../../outside.js", "leads out of the config's folder"),
        ("link-out.js", "leads out of the config's folder"),
        ("{outside}", "this path is absolute"),
        ("/dev/stdin", "this path is absolute"),
        ("https://x.example/mail.js", "must be a file, not an address"),
        ("file:///etc/passwd", "must be a file, not an address"),
        (".", "must be a regular file"),
        ("sub", "must be a regular file"),
        ("fifo", "must be a regular file"),
        ("loop", "cannot"),
        ("none.js", "cannot open the script: No such file"),
        ("large.js", "larger than 1048576 octets"),
        ("a\0b", "cannot hold NUL"),
        ("\ud800", "cannot be found"),
    ],
)
def test_a_script_must_be_a_modest_regular_file_inside_the_folder(
    bench: Bench, scriptfile: str, complaint: str
) -> None:
    home = bench.folder / "home"
    outside = bench.write("outside.js", "SECRET")
    bench.write("home/large.js", "/" * (configs.MAX_SCRIPT_OCTETS + 1))
    (home / "sub").mkdir()
    (home / "link-out.js").symlink_to(outside)
    (home / "loop").symlink_to(home / "loop")
    os.mkfifo(home / "fifo")
    bench.folder = home

    outcome = bench.run(bench.config({"scriptfile": scriptfile.format(outside=outside)}))

    assert (outcome.code, outcome.out) == (2, "")
    assert complaint in outcome.err
    assert "SECRET" not in outcome.err


def test_a_link_that_stays_inside_the_folder_is_followed(bench: Bench) -> None:
    (bench.folder / "link.js").symlink_to(bench.write("real.js", "console.log('real')"))

    assert bench.run(bench.config({"scriptfile": "link.js"})).out == "real\n"


def test_an_absolute_path_runs_when_it_is_allowed(bench: Bench) -> None:
    script = bench.write("elsewhere/mail.js", "console.log('there')")
    bench.folder = bench.folder / "home"
    config = bench.config({"scriptfile": str(script)})

    assert bench.run(config, allow_absolute=True).out == "there\n"


def test_a_script_of_exactly_one_mebibyte_runs(bench: Bench) -> None:
    source = b"console.log('fits') //"

    outcome = bench.js(source + b" " * (configs.MAX_SCRIPT_OCTETS - len(source)))

    assert outcome.out == "fits\n"


def test_a_script_that_is_not_utf8_is_named_by_place(bench: Bench) -> None:
    outcome = bench.js(b"let a = 1\nlet b = '\xb0\xe6'")

    assert outcome.code == 2
    assert outcome.err.startswith("mail.js:2:10: not UTF-8")


@pytest.mark.parametrize(
    ("arg", "mode", "warned"),
    [
        ({"pass": "x"}, 0o644, True),
        ({"relays": [{"token": "x"}]}, 0o604, True),
        ({"pass": "x"}, 0o640, False),
        ({"pass": ""}, 0o644, False),
        ({"pass_env": "PW"}, 0o644, False),
    ],
)
def test_a_password_everyone_can_read_is_one_warning_line(
    bench: Bench, arg: object, mode: int, warned: bool
) -> None:
    bench.write("mail.py", "")
    config = bench.config({"scriptfile": "mail.py", "arg": arg})
    config.chmod(mode)

    outcome = bench.run(config)

    assert outcome.code == 0
    assert outcome.err.startswith("warning: ") is warned
    assert outcome.err.count("\n") == int(warned)


@pytest.mark.parametrize(
    "limit",
    [
        {"timeout_s": 0.0},
        {"timeout_s": float("nan")},
        {"timeout_s": float("inf")},
        {"max_sends": -1},
        {"max_output_octets": -1},
        {"memory_octets": 1 << 20},
    ],
)
def test_a_limit_that_cannot_work_is_named(bench: Bench, limit: dict[str, float]) -> None:
    outcome = bench.js("console.log(1)", **limit)

    assert outcome.code == 2
    assert next(iter(limit)) in outcome.err
