"""Every setting from every source, which source wins, and how each is refused."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest
from tests.settings.conftest import Load

from postroad.errors import SettingsError
from postroad.settings import (
    PRESET_SETTINGS,
    SETTINGS,
    Listen,
    PresetOverride,
    SesSettings,
    Setting,
    Settings,
)

ALL = [*SETTINGS, *PRESET_SETTINGS]
SES = {
    "POSTROAD_SES_REGION": "us-east-1",
    "POSTROAD_SES_ACCESS_KEY_ID": "AKIA",
    "POSTROAD_SES_SECRET": "s3cr3t",
    "POSTROAD_SES_SHARED_SENDER": "shared@example.com",
}
TLS = {"POSTROAD_TLS_CERTIFICATE": "/c.pem", "POSTROAD_TLS_KEY": "/k.pem"}


@dataclass(frozen=True)
class Example:
    """A value of one setting: as text, as TOML, parsed; and text that is refused."""

    text: str
    toml: str
    value: Any
    wrong: str
    wrong_toml: str = "1979-05-27"


EXAMPLES = {
    "listen": Example("[::1]:80", '"[::1]:80"', Listen("::1", 80), "8025"),
    "data_dir": Example("/srv/mail", '"/srv/mail"', Path("/srv/mail"), "~/mail"),
    "database": Example("sqlite:////d/x.db", '"sqlite:////d/x.db"', "sqlite:////d/x.db", "mysql:x"),
    "allow_unsafe_postgresql": Example("on", "true", True, "maybe", '"yes"'),
    "max_body": Example("2MiB", '"2MiB"', 2 << 20, "12"),
    "per_address_minute": Example("600", "600", 600, "-1", '"many"'),
    "per_recipient_hour": Example("0", "0", 0, "1000001", '"30"'),
    "drain_s": Example("2.5", "2.5", 2.5, "nan"),
    "get_door": Example("off", "false", False, "maybe", '"no"'),
    "tls_certificate": Example("/my.pem", '"/my.pem"', Path("/my.pem"), ""),
    "tls_key": Example("/my.pem", '"/my.pem"', Path("/my.pem"), ""),
    "trusted_proxies": Example(
        "10.0.0.0/8, ::1", '["10.0.0.0/8", "::1"]', ("10.0.0.0/8", "::1/128"), "10.0.0.1/8"
    ),
    "log_format": Example("json", '"json"', "json", "xml"),
    "log_level": Example("debug", '"debug"', "debug", "DEBUG"),
    "ses.region": Example("eu-west-1", '"eu-west-1"', "eu-west-1", "Ireland"),
    "ses.access_key_id": Example("AKIB", '"AKIB"', "AKIB", ""),
    "ses.secret": Example("t0p", '"t0p"', "t0p", ""),
    "ses.senders": Example(
        "a@b.example,@c.example",
        '["a@b.example", "@c.example"]',
        ("a@b.example", "@c.example"),
        "a",
    ),
    "ses.shared_sender": Example("a@b.example", '"a@b.example"', "a@b.example", "A <a@b.example>"),
    "presets.NAME.host": Example("localhost", '"localhost"', "localhost", "a b"),
    "presets.NAME.port": Example("2465", "2465", 2465, "0", '"2465"'),
    "presets.NAME.security": Example("tls", '"tls"', "tls", "ssl"),
    "presets.NAME.cafile": Example("/ca.pem", '"/ca.pem"', Path("/ca.pem"), ""),
    "presets.NAME.verify": Example("off", "false", False, "perhaps"),
}

each_setting = pytest.mark.parametrize("setting", ALL, ids=lambda setting: str(setting.name))
each_flag = pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: str(setting.name))


def surroundings(setting: Setting) -> dict[str, str]:
    """The variables that a setting cannot do without, itself left out."""
    others = {**SES, **TLS}
    needed = {
        name: value
        for name, value in others.items()
        if name.startswith("POSTROAD_SES") == setting.name.startswith("ses.")
        and name.startswith("POSTROAD_TLS") == setting.name.startswith("tls_")
    }
    needed.pop(setting.variable, None)
    if setting.name == "ses.senders":
        del needed["POSTROAD_SES_SHARED_SENDER"]
    if setting.name == "ses.shared_sender":
        needed["POSTROAD_SES_SENDERS"] = "@example.com"
    return needed


def variable(setting: Setting) -> str:
    return setting.variable.replace("NAME", "TENCENT_SES")


def as_file(setting: Setting, toml: str) -> str:
    table, _, key = setting.name.replace("NAME", "tencent-ses").rpartition(".")
    return f"{f'[{table}]' if table else ''}\n{key} = {toml}\n"


def value_of(settings: Settings, setting: Setting) -> Any:
    table, _, key = setting.name.rpartition(".")
    owners = {"": settings, "ses": settings.ses}
    owner = owners.get(table, settings.presets.get("tencent-ses"))
    return getattr(owner, key)


def test_every_setting_has_an_example() -> None:
    assert set(EXAMPLES) == {setting.name for setting in ALL}


def test_every_field_of_the_settings_is_in_the_table() -> None:
    ours = {field.name for field in fields(Settings)} - {"ses", "presets", "sources", "notes"}
    of_ses = {f"ses.{field.name}" for field in fields(SesSettings)}
    of_presets = {f"presets.NAME.{field.name}" for field in fields(PresetOverride)}

    assert ours | of_ses | of_presets == {setting.name for setting in ALL}


@each_setting
def test_a_setting_is_read_from_its_variable(setting: Setting, read: Load) -> None:
    example = EXAMPLES[setting.name]

    settings = read(environ={**surroundings(setting), variable(setting): example.text})

    assert value_of(settings, setting) == example.value


@each_setting
def test_a_setting_is_read_from_the_file(setting: Setting, read: Load) -> None:
    example = EXAMPLES[setting.name]

    settings = read(environ=surroundings(setting), file=as_file(setting, example.toml))

    assert value_of(settings, setting) == example.value


@each_flag
def test_a_setting_is_read_from_its_flag(setting: Setting, read: Load, here: Path) -> None:
    example = EXAMPLES[setting.name]
    (here / "secret").write_text(f"{example.text}\n", "utf-8")
    given = "secret" if setting.is_secret else example.text

    settings = read({setting.key: given}, surroundings(setting))

    assert value_of(settings, setting) == example.value
    assert settings.sources[setting.name] == setting.flag


@each_setting
def test_a_variable_wins_over_the_file(setting: Setting, read: Load) -> None:
    example = EXAMPLES[setting.name]
    environ = {**surroundings(setting), variable(setting): example.text}

    settings = read(environ=environ, file=as_file(setting, _another(setting)))

    assert value_of(settings, setting) == example.value


@each_flag
def test_a_flag_wins_over_the_variable(setting: Setting, read: Load, here: Path) -> None:
    example = EXAMPLES[setting.name]
    (here / "secret").write_text(example.text, "utf-8")
    given = "secret" if setting.is_secret else example.text
    environ = {**surroundings(setting), variable(setting): _another(setting).strip('[]"')}

    settings = read({setting.key: given}, environ)

    assert value_of(settings, setting) == example.value


@each_setting
def test_a_wrong_value_is_refused_by_the_name_of_the_setting_and_its_variable(
    setting: Setting, read: Load
) -> None:
    environ = {**surroundings(setting), variable(setting): EXAMPLES[setting.name].wrong}

    with pytest.raises(SettingsError) as caught:
        read(environ=environ)

    name = setting.name.replace("NAME", "tencent-ses")
    assert f"setting {name} (from {variable(setting)}): " in str(caught.value)


@each_setting
def test_a_wrong_type_in_the_file_is_refused_with_what_is_right(
    setting: Setting, read: Load, here: Path
) -> None:
    toml = EXAMPLES[setting.name].wrong_toml

    with pytest.raises(SettingsError) as caught:
        read(environ=surroundings(setting), file=as_file(setting, toml))

    name = setting.name.replace("NAME", "tencent-ses")
    file = here / "etc" / "postroad.toml"
    said = str(caught.value)
    assert f"setting {name} (from {file}): it must be {setting.kind.expected}, written " in said


def _another(setting: Setting) -> str:
    """TOML of another valid value than the example's."""
    others = {
        "listen": '"0.0.0.0:1"',
        "database": '"sqlite:////other"',
        "max_body": '"1MiB"',
        "per_address_minute": "7",
        "per_recipient_hour": "7",
        "drain_s": "7",
        "get_door": "true",
        "presets.NAME.verify": "true",
        "presets.NAME.port": "7",
        "presets.NAME.security": '"none"',
        "trusted_proxies": '["127.0.0.1"]',
        "log_format": '"text"',
        "log_level": '"error"',
        "ses.region": '"us-west-2"',
        "ses.senders": '["x@y.example"]',
        "ses.shared_sender": '"x@y.example"',
    }
    return others.get(setting.name, '"/another"')
