"""Defaults, paths, secrets, unknown names, and what only works together."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.settings.conftest import Load
from tests.settings.test_sources import SES

from postroad.errors import SettingsError
from postroad.settings import Listen, PresetOverride, Settings, check_files, load


def test_the_defaults_are_those_of_the_dataclass(read: Load, here: Path) -> None:
    settings = read()

    assert settings == Settings(data_dir=here / "postroad-data")
    assert settings.database_path == here / "postroad-data" / "postroad.db"
    assert not settings.sources


def test_without_an_environment_that_of_the_process_is_read(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTROAD_LISTEN", "127.0.0.1:1")

    settings = load()

    assert settings.listen == Listen("127.0.0.1", 1)


def test_the_file_can_be_named_by_a_variable(here: Path) -> None:
    (here / "p.toml").write_text('log_level = "error"', "utf-8")

    settings = load({}, {"POSTROAD_CONFIG": "p.toml"})

    assert settings.log_level == "error"
    assert settings.sources == {"log_level": "p.toml"}


def test_a_file_that_is_given_wins_over_the_variable(here: Path) -> None:
    (here / "given.toml").write_text('log_level = "error"', "utf-8")

    settings = load({}, {"POSTROAD_CONFIG": "/nonexistent"}, Path("given.toml"))

    assert settings.log_level == "error"


def test_an_empty_name_of_the_file_is_refused(here: Path) -> None:
    with pytest.raises(SettingsError, match="POSTROAD_CONFIG is empty"):
        load({}, {"POSTROAD_CONFIG": ""})


def test_no_file_is_read_that_nobody_named(read: Load, here: Path) -> None:
    (here / "postroad.toml").write_text("this is no TOML", "utf-8")

    assert read().log_level == "info"


def test_relative_paths_start_from_where_they_are_written(read: Load, here: Path) -> None:
    by_file = read(file='data_dir = "data"\ndatabase = "sqlite:///db/x.db"')
    by_variable = read(environ={"POSTROAD_DATA_DIR": "data"})

    assert by_file.data_dir == here / "etc" / "data"
    assert by_file.database_path == here / "etc" / "db" / "x.db"
    assert by_variable.data_dir == here / "data"


def test_four_slashes_are_an_absolute_database_and_three_a_relative_one(
    read: Load, here: Path
) -> None:
    absolute = read(environ={"POSTROAD_DATABASE": "sqlite:////var/lib/p.db"})
    relative = read(environ={"POSTROAD_DATABASE": "sqlite:///var/lib/p.db"})

    assert absolute.database_path == Path("/var/lib/p.db")
    assert relative.database_path == here / "var" / "lib" / "p.db"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql+asyncpg://bo:hunter2@db/mail", "without a driver's name"),
        ("postgresql://bo:hunter2@db", "in the name of one database"),
        ("postgresql://bo:hunter2@db/", "in the name of one database"),
        ("postgresql://bo:hunter2@db/a/b", "in the name of one database"),
        ("postgresql:///mail?user=hunter2", "its parameters are among"),
        ("postgresql:///mail", "it names no host"),
        ("postgresql://bo:hunter2@db:x/mail", "cannot be understood"),
        ("postgresql://bo@db/mail?hunter2", "cannot be understood"),
        ("postgresql://bo:hunter2@db/mail?sslmode=strict", "sslmode is one of"),
        ("postgres:hunter2", "it names no host"),
        ("mysql://bo:hunter2@db/mail", "it must be sqlite:///FILE"),
        ("sqlite://", "it must be sqlite:///FILE"),
        ("sqlite:///", "a database in memory"),
        ("sqlite:///:memory:", "a database in memory"),
        ("sqlite:////var/lib/", "the name of a file"),
        ("sqlite:///x.db?mode=hunter2", "without parameters"),
    ],
)
def test_a_database_that_cannot_be_is_refused_without_repeating_its_password(
    url: str, words: str, read: Load
) -> None:
    with pytest.raises(SettingsError) as caught:
        read({"database": url})

    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://bo:hunter2@127.0.0.1:5432/mail",
        "postgres://bo@[::1]/mail?sslmode=disable",
        "postgresql://bo@/mail?host=/var/run/postgresql",
        "postgresql://bo:hunter2@db.example/mail?sslmode=verify-full&sslrootcert=/ca.pem",
        "postgresql://localhost:5433,127.0.0.1/mail?target_session_attrs=primary",
    ],
)
def test_a_postgresql_database_is_taken_as_it_is_and_never_shown_with_its_password(
    url: str, read: Load
) -> None:
    settings = read({"database": url})

    assert settings.postgresql == url
    assert "hunter2" not in f"{settings!r} {settings.database_shown}"
    assert settings.database_shown.endswith("/mail")
    assert settings.warnings == ()


@pytest.mark.parametrize("mode", ["", "?sslmode=require", "?sslmode=verify-ca"])
def test_a_database_on_another_machine_without_proven_tls_draws_a_warning(
    mode: str, read: Load
) -> None:
    settings = read({"database": f"postgresql://bo:hunter2@10.0.0.5:5432/mail{mode}"})

    (warning,) = settings.warnings
    assert "sslmode is not verify-full" in warning
    assert "hunter2" not in warning


@pytest.mark.parametrize(
    "wrong",
    [
        *("8025", ":8025", "*:8025", "::1:8025", "[::1]", "[127.0.0.1]:1", "localhost:65536"),
        *("localhost:-1", "localhost:٣", "127.1:80", "a b:80", "a\x00:80", "1.2.3.4.5:80", "-a:1"),
    ],
)
def test_what_is_no_address_to_listen_on_is_refused(wrong: str, read: Load) -> None:
    with pytest.raises(SettingsError, match="it must be HOST:PORT"):
        read(environ={"POSTROAD_LISTEN": wrong})


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("localhost:8025", Listen("localhost", 8025)),
        ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ("[0:0:0:0:0:0:0:1]:65535", Listen("::1", 65_535)),
    ],
)
def test_what_is_one_is_taken(given: str, found: Listen, read: Load) -> None:
    assert read(environ={"POSTROAD_LISTEN": given}).listen == found
    assert Listen("::1", 80).__str__() == "[::1]:80"


def test_a_network_with_bits_beyond_its_prefix_is_told_the_network(read: Load) -> None:
    with pytest.raises(SettingsError, match=r"the network is 10\.0\.0\.0/8"):
        read(environ={"POSTROAD_TRUSTED_PROXIES": "10.0.0.1/8"})


@pytest.mark.parametrize("size", ["1.5MiB", "-1", "1 MiB", "1TiB", "1023", "257MiB", "９KiB"])
def test_what_is_no_size_is_refused(size: str, read: Load) -> None:
    with pytest.raises(SettingsError, match="it must be a size"):
        read(environ={"POSTROAD_MAX_BODY": size})


@pytest.mark.parametrize(
    ("word", "value"), [("ON", True), ("yes", True), ("0", False), ("False", False)]
)
def test_a_switch_knows_its_words(word: str, value: bool, read: Load) -> None:
    assert read(environ={"POSTROAD_GET_DOOR": word}).get_door is value


def test_an_unknown_variable_is_refused_with_a_guess(read: Load) -> None:
    with pytest.raises(SettingsError, match=r"POSTROAD_LISTN: .* did you mean POSTROAD_LISTEN"):
        read(environ={"POSTROAD_LISTN": "s3cr3t"})


@pytest.mark.parametrize(
    ("file", "words"),
    [
        ('listn = "x"', "no setting is called listn; did you mean listen?"),
        ("[log]\nlevel = 1", "no setting is called log"),
        ("[ses]\nregoin = 1", "no setting is called ses.regoin; did you mean ses.region?"),
        ("[presets.naver]\nhots = 1", "no setting is called presets.naver.hots"),
        ('[presets.Naver]\nhost = "x"', "no setting is called presets.Naver.host"),
        ("ses = 5", "ses must be a table: [ses]"),
        ("[presets]\nnaver = 5", "presets.naver must be a table"),
        ('listen_file = "x"', "no setting is called listen_file"),
        ("listen = ", "not TOML"),
        ('listen = "a"\nlisten = "b"', "not TOML"),
    ],
)
def test_a_file_with_anything_unknown_is_refused(file: str, words: str, read: Load) -> None:
    with pytest.raises(SettingsError) as caught:
        read(file=file)

    assert words in str(caught.value)
    assert "postroad.toml" in str(caught.value)


def test_a_file_that_is_not_there_or_no_file_is_refused(here: Path) -> None:
    for path, words in ((here / "none.toml", "No such file"), (here, "Is a directory")):
        with pytest.raises(SettingsError, match=words):
            load({}, {}, path)


def test_a_file_that_is_not_utf_8_is_refused(here: Path) -> None:
    (here / "p.toml").write_bytes(b'listen = "\xff"')

    with pytest.raises(SettingsError, match="not UTF-8"):
        load({}, {}, here / "p.toml")


def test_variables_that_are_no_settings_are_left_alone(read: Load) -> None:
    environ = {
        "POSTROAD_DEBUG": "1",
        "POSTROAD_KEY": "pr_x",
        "POSTROAD_SERVICE_HOST": "10.0.0.1",
        "POSTROAD_SERVICE_PORT_HTTP": "80",
        "POSTROAD_PORT": "tcp://10.0.0.1:80",
        "POSTROAD_PORT_80_TCP_ADDR": "10.0.0.1",
        "postroad_listen": "x",
        "_POSTROAD_COMPLETE": "x",
    }

    assert read(environ=environ) == read()


def test_an_unknown_flag_is_refused(read: Load) -> None:
    with pytest.raises(SettingsError, match="no setting is called listn"):
        read({"listn": "x"})


def test_a_flag_that_is_not_given_changes_nothing(read: Load) -> None:
    assert read({"listen": None, "ses.secret_file": None}) == read()


def test_a_secret_is_in_no_representation_and_no_error(read: Load) -> None:
    settings = read(environ=SES)

    assert settings.ses is not None
    assert settings.ses.secret == "s3cr3t"
    assert "s3cr3t" not in repr(settings)
    with pytest.raises(SettingsError) as caught:
        read(environ={**SES, "POSTROAD_SES_SECRET": "s3cr3t\n"})
    assert "s3cr3t" not in str(caught.value)


def test_a_secret_file_wins_over_the_secret_of_a_lower_source(read: Load, here: Path) -> None:
    (here / "secret").write_text("newer\r\n", "utf-8")
    environ = {**SES, "POSTROAD_SES_SECRET_FILE": "secret"}
    del environ["POSTROAD_SES_SECRET"]

    settings = read(environ=environ, file='[ses]\nsecret = "older"')

    assert settings.ses is not None
    assert settings.ses.secret == "newer"


def test_a_secret_and_its_file_from_one_source_are_refused(read: Load) -> None:
    with pytest.raises(SettingsError, match=r"give ses\.secret or ses\.secret_file, not both"):
        read(environ={**SES, "POSTROAD_SES_SECRET_FILE": "x"})
    with pytest.raises(SettingsError, match=r"give ses\.secret or ses\.secret_file, not both"):
        read(file='[ses]\nsecret = "a"\nsecret_file = "b"')


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "No such file"),
        (b"", "must hold the secret, on one line"),
        (b"\n", "must hold the secret, on one line"),
        (b"s3cr3t\nmore", "must hold the secret, on one line"),
        (b"\xff\xfe", "not UTF-8"),
        (b"x" * 70_000, "more than 65536 octets"),
    ],
)
def test_a_secret_file_that_will_not_do_is_neither_named_nor_quoted(
    content: bytes | None, words: str, read: Load, here: Path
) -> None:
    if content is not None:
        (here / "hunter2").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        read({"ses.secret_file": "hunter2"})

    assert str(caught.value).startswith("setting ses.secret (from --ses-secret-file): ")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_a_file_with_a_secret_that_everybody_can_read_is_warned_of(read: Load, here: Path) -> None:
    file = '[ses]\nsecret = "s3cr3t"'
    environ = {name: value for name, value in SES.items() if name != "POSTROAD_SES_SECRET"}
    quiet = read(environ=environ, file=file)
    (here / "etc" / "postroad.toml").chmod(0o644)

    loud = load({}, environ, here / "etc" / "postroad.toml")

    assert not quiet.warnings
    assert len(loud.warnings) == 1
    assert "chmod 600" in loud.warnings[0]
    assert "s3cr3t" not in loud.warnings[0]


def test_a_file_with_the_database_s_password_that_everybody_can_read_is_warned_of(
    read: Load, here: Path
) -> None:
    quiet = read(file='database = "postgresql://bo:s3cr3t@localhost/mail"')
    (here / "etc" / "postroad.toml").chmod(0o644)

    loud = load({}, {}, here / "etc" / "postroad.toml")

    assert not quiet.warnings
    (warning,) = loud.warnings
    assert "chmod 600" in warning
    assert "s3cr3t" not in warning


@pytest.mark.parametrize("missing", ["REGION", "ACCESS_KEY_ID", "SECRET", "SHARED_SENDER"])
def test_half_of_ses_is_refused(missing: str, read: Load) -> None:
    environ = {name: value for name, value in SES.items() if name != f"POSTROAD_SES_{missing}"}

    with pytest.raises(SettingsError, match="it is missing"):
        read(environ=environ)


@pytest.mark.parametrize(
    ("there", "missing"), [("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")]
)
def test_a_certificate_and_its_key_go_together(there: str, missing: str, read: Load) -> None:
    with pytest.raises(SettingsError, match=rf"setting {missing}: it is missing, and {there} "):
        read({there: "/x.pem"})


def test_presets_are_read_from_file_and_variables_together(read: Load) -> None:
    settings = read(
        environ={"POSTROAD_PRESETS_NAVER_PORT": "2465"},
        file='[presets.naver]\nhost = "localhost"\nport = 1\n[presets.163]\nverify = false',
    )

    assert settings.presets == {
        "naver": PresetOverride(host="localhost", port=2465),
        "163": PresetOverride(verify=False),
    }


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (Settings(listen=Listen("0.0.0.0", 1)), "reached from other machines without TLS"),
        (Settings(listen=Listen("::", 1)), "reached from other machines without TLS"),
        (Settings(listen=Listen("mail.example.com", 1)), "reached from other machines"),
        (Settings(trusted_proxies=("0.0.0.0/0",)), "anybody can then claim any address"),
        (Settings(trusted_proxies=("::/0",)), "anybody can then claim any address"),
        (Settings(presets={"qq": PresetOverride(verify=False)}), "presets.qq.verify is off"),
        (Settings(presets={"qq": PresetOverride(security="none")}), "passwords cross in the clear"),
    ],
)
def test_what_works_and_is_dangerous_is_warned_of(settings: Settings, words: str) -> None:
    assert len(settings.warnings) == 1
    assert words in settings.warnings[0]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(listen=Listen("::1", 1)),
        Settings(listen=Listen("localhost", 1)),
        Settings(listen=Listen("127.8.8.8", 1)),
        Settings(listen=Listen("0.0.0.0", 1), trusted_proxies=("10.0.0.1/32",)),
        Settings(listen=Listen("::", 1), tls_certificate=Path("c"), tls_key=Path("k")),
        Settings(presets={"qq": PresetOverride(host="localhost", security="none")}),
    ],
)
def test_what_is_safe_is_not(settings: Settings) -> None:
    assert not settings.warnings


def test_files_that_cannot_be_read_are_told_with_setting_and_source(read: Load, here: Path) -> None:
    settings = read({"tls_certificate": "c.pem", "tls_key": "k.pem"})
    (here / "c.pem").touch()

    with pytest.raises(SettingsError, match=r"setting tls_key \(from --tls-key\): .*k\.pem cannot"):
        check_files(settings)
    (here / "k.pem").touch()
    check_files(settings)


def test_the_folder_of_a_database_elsewhere_must_be_there(read: Load, here: Path) -> None:
    settings = read({"database": "sqlite:///var/lib/p.db"})

    with pytest.raises(SettingsError, match=r"there is no folder .*an absolute path has four"):
        check_files(settings)
    (here / "var" / "lib").mkdir(parents=True)
    check_files(settings)
