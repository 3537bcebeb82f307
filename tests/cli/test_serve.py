"""`postroad serve`: its options, what it says when it is ready, and what it refuses."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pytest
from tests.cli.conftest import Run, process

from postroad.cli import serve
from postroad.cli.exits import Exit
from postroad.cli.layout import display_width
from postroad.errors import SettingsError
from postroad.settings import SETTINGS, Listen, PresetOverride, Settings, load
from postroad.wiring.demo import Demo, DemoApp

ROOT = Path(__file__).parents[2]
ANNOUNCE = """
from postroad.cli import serve
from postroad.settings import Settings
from tests.cli.test_serve import Service

serve.announce(Service(setup_password="p"), Settings())
raise SystemExit(7)
"""


@dataclass
class Service:
    """What a service that is ready tells."""

    url: str = "http://127.0.0.1:8025"
    data_dir: str = "/srv/postroad"
    setup_password: str | None = None
    warnings: tuple[str, ...] = ()
    demo: None = None


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a folder of its own, without settings from outside."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("POSTROAD_")]:
        monkeypatch.delenv(name)


def test_every_setting_is_an_option(run: Run) -> None:
    options = {name for each in serve.command.params for name in each.opts}

    assert {setting.flag for setting in SETTINGS} < options
    assert "--config" in options


def test_no_secret_is_an_option() -> None:
    options = {name for each in serve.command.params for name in each.opts}

    assert not {f"--{setting.name}" for setting in SETTINGS if setting.is_secret} & options
    assert "--ses-secret" not in options
    assert "--ses-secret-file" in options


def test_a_person_is_told_where_it_is_and_how_to_stop_it() -> None:
    lines = serve.greeting(Service())

    assert lines == [
        "Postroad listens on http://127.0.0.1:8025",
        "  data folder  /srv/postroad",
        f"  stop it      Ctrl-C, or SIGTERM to process {os.getpid()}",
    ]


def test_every_warning_is_told_once() -> None:
    lines = serve.greeting(Service(warnings=("one", "two")), ("two", "three"))

    assert lines[3:] == ["warning: one", "warning: two", "warning: three"]


def test_the_one_time_password_is_told_on_stderr_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    serve.announce(Service(setup_password="correct horse"), Settings())

    said = capsys.readouterr()
    assert "correct horse" not in said.out
    assert said.err == (
        "operator's one-time password, shown only now: correct horse\n"
        "  (for the web console to come; commands need none)\n"
    )


def test_a_newcomer_s_first_steps_hold_every_secret_and_fit_a_terminal() -> None:
    on = DemoApp("1234567890", "5" * 32, f"pr_{'k' * 43}", "13800138000", "p" * 16, "7" * 64)
    off = replace(on, appid="1234567891", token="")
    demo = Demo(on, off, Path("/srv/postroad/demo.json"))

    lines = serve.first_steps(
        demo, "http://127.0.0.1:8025", Settings(data_dir=Path("/srv/postroad"))
    )

    page = "\n".join(lines)
    assert max(map(display_width, lines)) <= 80
    assert [line for line in lines if line.startswith("Demo app")] == [
        "Demo app, tokens on",
        "Demo app, tokens off",
    ]
    for secret in (*astuple(on), off.appid, "/srv/postroad/demo.json"):
        assert secret in page
    command = page[page.index("curl ") : page.index("Show it")].replace("\\\n", "")
    words = shlex.split(command)
    assert words[:2] == ["curl", "http://127.0.0.1:8025/api/mail/send"]
    assert [word for word in words[2:] if word != "-d"][:4] == [
        f"appid={on.appid}",
        f"signature={on.signature}",
        f"token={on.token}",
        "mail=bo@b.example",
    ]


def test_a_later_start_says_nothing_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    serve.announce(Service(), Settings(listen=Listen("0.0.0.0", 80)))

    said = capsys.readouterr()
    assert said.err == ""
    assert "warning: 0.0.0.0:80 is reached from other machines without TLS" in said.out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_greeting_that_cannot_be_written_stops_nothing() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", ANNOUNCE], stdout=full, stderr=full, cwd=ROOT, timeout=60
        )

    assert done.returncode == 7


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--listen", "8025"), "setting listen (from --listen): it must be HOST:PORT"),
        (("--max-body", "3"), "setting max_body (from --max-body): it must be a size"),
        (("--tls-key", "/k"), "setting tls_certificate: it is missing"),
        (("--config", "none.toml"), "settings file none.toml: cannot be read"),
        (
            ("--tls-key", "k.pem", "--tls-certificate", "c.pem"),
            "setting tls_certificate (from --tls-certificate): ",
        ),
    ],
)
def test_a_wrong_setting_is_wrong_usage(run: Run, arguments: tuple[str, ...], words: str) -> None:
    result = run("serve", *arguments)

    assert result.exit_code == Exit.USAGE
    assert words in result.stderr
    assert not list(Path().iterdir())


def test_a_flag_wins_over_the_environment(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTROAD_LISTEN", "wrong")
    monkeypatch.setenv("POSTROAD_LOG_LEVEL", "wrong")

    result = run("serve", "--listen", "127.0.0.1:1")

    assert result.exit_code == Exit.USAGE
    assert "setting log_level (from POSTROAD_LOG_LEVEL)" in result.stderr


def test_a_password_in_a_wrong_place_is_not_repeated(run: Run) -> None:
    by_file = run("serve", "--ses-secret-file", "hunter2")
    by_url = run("serve", "--database", "postgresql://bo:hunter2@db/")
    by_flag = run("serve", "--ses-secret", "hunter2")

    assert "--database: a password is never taken from the command line" in by_url.stderr
    for result in (by_file, by_url, by_flag):
        assert result.exit_code == Exit.USAGE
        assert "hunter2" not in result.output


def test_a_preset_that_is_none_is_refused_by_its_source() -> None:
    settings = load({}, {"POSTROAD_PRESETS_NAVR_HOST": "localhost"})

    with pytest.raises(SettingsError, match=r"presets\.navr\.host \(from POSTROAD_PRESETS_NAVR_HO"):
        serve.checked(settings)


def test_a_preset_s_override_is_taken() -> None:
    settings = load({}, {"POSTROAD_PRESETS_TENCENT_SES_PORT": "2465"})

    assert serve.checked(settings).presets == {"tencent-ses": PresetOverride(port=2465)}


BARE = """
import sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Bare())
from postroad.cli.program import program
program.main(sys.argv[2:])
"""


@pytest.mark.parametrize("missing", ["uvloop", "litestar,granian", "sqlalchemy,cryptography"])
def test_without_its_parts_it_says_what_to_install(missing: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BARE, missing, "serve", "--listen", "127.0.0.1:0"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=60,
    )

    assert done.returncode == Exit.USAGE, done.stderr
    assert "postroad[server]" in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())


def test_the_help_needs_none_of_the_service(tmp_path: Path) -> None:
    done = process("serve", "--help", cwd=tmp_path)

    assert done.returncode == Exit.OK
    assert b"--trusted-proxies" in done.stdout
