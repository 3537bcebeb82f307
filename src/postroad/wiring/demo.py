"""Two apps to try the service with: their mail is captured, so nothing leaves the machine."""

from __future__ import annotations

import itertools
import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

from postroad.errors import StorageError
from postroad.operations.administration import apps, users
from postroad.operations.administration.desk import Desk
from postroad.operations.nobase import LoggedIn
from postroad.tenancy.audit import SYSTEM
from postroad.tenancy.checks import Request
from postroad.tenancy.records import Mode
from postroad.wiring.core import Core

FILE: Final = "demo.json"
_ACCOUNT: Final = "13800138000"


@dataclass(frozen=True, slots=True)
class DemoApp:
    """One of the apps, with all that a caller needs.

    token: of a login at this start, "" for the app that has tokens off.
    """

    appid: str
    signature: str = field(repr=False)
    api_key: str = field(repr=False)
    account: str
    password: str = field(repr=False)
    token: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Demo:
    """The two apps.

    file: where their secrets are kept, for the next start; only its owner can read it.
    """

    with_tokens: DemoApp
    without_tokens: DemoApp
    file: Path


async def demo(core: Core, data_dir: Path) -> Demo:
    """Return the demo apps, made at the first start; each start logs the user in.

    raises: StorageError.
    """
    file = data_dir / FILE
    try:
        if file.exists():
            kept = json.loads(file.read_text("utf-8"))
            with_tokens, without = (DemoApp(**kept[name]) for name in ("on", "off"))
        else:
            with_tokens, without = [await _made(core, tokens) for tokens in (True, False)]
            _keep(file, {"on": asdict(with_tokens), "off": asdict(without)})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise StorageError(f"the demo's file {file} cannot be used: {error}") from error
    return Demo(await _logged_in(core, with_tokens), without, file)


async def _made(core: Core, tokens: bool) -> DemoApp:
    desk = Desk(core.directory, core.passwords, actor=SYSTEM)
    name = await _free(desk, "demo" if tokens else "demo-off")
    made = await apps.create(
        desk, name, mode=Mode.CAPTURE, tokens=tokens, interval_s=0, from_="Demo <demo@a.example>"
    )
    password = secrets.token_hex(8)
    await users.create(desk, made.app, _ACCOUNT, password, nickname="demo")
    return DemoApp(made.app.id, made.app.signature, made.secret, _ACCOUNT, password)


async def _free(desk: Desk, name: str) -> str:
    """Return a name that no app has: another demo may have been begun, and its file removed."""
    taken = {each.name.casefold() for each in await desk.directory.apps.list()}
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each not in taken)


async def _logged_in(core: Core, app: DemoApp) -> DemoApp:
    login = {"appid": app.appid, "signature": app.signature}
    login |= {"user": app.account, "pass": app.password}
    answer = await core.nobase.login(Request(login))
    if not isinstance(answer, LoggedIn):
        raise StorageError(f"the demo's user cannot log in ({answer}); remove {FILE} to begin anew")
    return DemoApp(**(asdict(app) | {"token": answer.token}))


def _keep(file: Path, apps_: dict[str, dict[str, str]]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        json.dump(apps_, stream, indent=2)
