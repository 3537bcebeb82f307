"""Reads presets and generic explanations from package data, each file once, when first needed."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Final

from postroad.errors import Phase, PostroadError, Reason, SettingsError
from postroad.providers.known import KnownReply, ReasonHint
from postroad.providers.language import LANGUAGES, Words
from postroad.providers.preset import Endpoint, FromRule, Limits, Preset, Step, UserForm, UserName

# In the order in which they are listed. A constant, so that naming them reads no file.
NAMES: Final = (
    *("naver", "gmail", "office365", "outlook", "ses"),
    *("daum", "kakao", "nate"),
    *("qq", "exmail", "163", "126", "yeah", "aliyun", "directmail", "tencent-ses"),
    *("sendgrid", "mailgun", "mailgun-eu", "postmark", "resend"),
    *("yandex", "yahoo", "icloud", "zoho", "fastmail"),
)

_HERE: Final = Path(__file__).parent
_JOINED: Final = ("steps", "replies", "reasons")  # a preset's own come first, then those it extends


def preset_names() -> tuple[str, ...]:
    """Return the names of all presets, those of one kind together."""
    return NAMES


def preset(name: str) -> Preset:
    """Return the preset called `name`; case and surrounding white space do not matter.

    raises: SettingsError naming the known presets when there is no such one.
    """
    key = name.strip().lower().replace("_", "-")
    if key not in NAMES:
        raise SettingsError(_unknown(name, key))
    return _preset(key)


def find_preset(name: str | None) -> Preset | None:
    """Return the preset called `name`, or None when there is no such one."""
    key = (name or "").strip().lower().replace("_", "-")
    return _preset(key) if key in NAMES else None


def preset_at(host: str) -> Preset | None:
    """Return the preset one of whose servers is `host`, or None; reads every preset once."""
    name = host.lower()
    for each in map(_preset, NAMES):
        for endpoint in each.endpoints:
            before, region, after = endpoint.host.partition("{region}")
            if name == before or (region and name.startswith(before) and name.endswith(after)):
                return each
    return None


@cache
def read(folder: str, name: str) -> dict[str, Any]:
    """Return the parsed file `name`.toml of `folder`, what it extends merged in.

    raises: PostroadError naming file and place where the words lack a language.
    """
    import tomllib

    with (_HERE / folder / f"{name}.toml").open("rb") as file:
        own = tomllib.load(file)
    check(own, f"{name}.toml")
    base = own.pop("extends", None)
    if base is None:
        return own
    inherited = read(folder, base)
    joined = {key: [*own.get(key, ()), *inherited.get(key, ())] for key in _JOINED}
    return inherited | own | joined


def check(raw: Any, file: str, place: str = "") -> None:
    """Do nothing when every explanation in `raw` is whole and in every language.

    raises: PostroadError such as "naver.toml, replies[3].cause: zh is missing".
    """
    if isinstance(raw, list):
        for index, each in enumerate(raw):
            check(each, file, f"{place}[{index}]")
    elif isinstance(raw, dict):
        for wanted in (LANGUAGES, ("cause", "remedy")):
            missing = [key for key in wanted if not raw.get(key)]
            if missing and not raw.keys().isdisjoint(wanted):
                where = f"{file}, {place}" if place else file
                are = "are" if missing[1:] else "is"
                raise PostroadError(
                    f"{where}: {' and '.join(missing)} {are} missing", reason=Reason.INTERNAL
                )
        for key, each in raw.items():
            check(each, file, f"{place}.{key}" if place else key)


def words(raw: dict[str, str]) -> Words:
    """Return the three languages of a table of package data."""
    return Words(ko=raw["ko"], zh=raw["zh"], en=raw["en"])


def known_reply(raw: dict[str, Any]) -> KnownReply:
    """Return a known reply from its table; a single value may stand for a list of one."""
    return KnownReply(
        cause=words(raw["cause"]),
        remedy=words(raw["remedy"]),
        codes=tuple(_listed(raw.get("code"))),
        enhanced=raw.get("enhanced", ""),
        texts=tuple(_listed(raw.get("text"))),
        phases=tuple(Phase(phase) for phase in _listed(raw.get("phase"))),
        temporary=raw.get("temporary"),
        auth=raw.get("auth", False),
        later=words(raw["later"]) if "later" in raw else None,
    )


@cache
def _preset(name: str) -> Preset:
    raw = read("data", name)
    user = raw["user"]
    limits = dict(raw.get("limits", {}))
    note = limits.pop("note", None)
    return Preset(
        name=name,
        title=words(raw["title"]),
        endpoints=tuple(Endpoint(**each) for each in raw["endpoints"]),
        user=UserName(
            form=UserForm(user["form"]),
            label=words(user["label"]),
            example=user["example"],
            fixed=user.get("fixed", ""),
            domains=tuple(user.get("domains", ())),
        ),
        secret=words(raw["secret"]),
        from_rule=FromRule(raw["from"]),
        mechanisms=tuple(raw["mechanisms"]),
        limits=Limits(**limits, note=words(note) if note else None),
        steps=tuple(Step(words(each), each.get("link")) for each in raw["steps"]),
        replies=tuple(known_reply(each) for each in raw.get("replies", ())),
        hints=tuple(_hint(each) for each in raw.get("reasons", ())),
        oauth_scope=raw.get("oauth_scope"),
        drops_spaces_in_password=raw.get("drops_spaces_in_password", False),
    )


def _hint(raw: dict[str, Any]) -> ReasonHint:
    return ReasonHint(
        reason=Reason(raw["reason"]),
        cause=words(raw["cause"]),
        remedy=words(raw["remedy"]),
        port=raw.get("port"),
    )


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _unknown(name: str, key: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(key[:40], NAMES, n=1)
    guess = f" Did you mean {near[0]}?" if near else ""
    return f"provider: no preset {name[:80]!a}.{guess} Known: {', '.join(NAMES)}"
