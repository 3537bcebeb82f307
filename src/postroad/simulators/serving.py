"""`postroad simulate`: run a simulator until interrupted and print what arrives."""

from __future__ import annotations

import contextlib
import json
import shlex
import signal
import sys
import threading
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, TextIO

from postroad import providers
from postroad.errors import SettingsError
from postroad.simulators.recording import Received, Transcript
from postroad.simulators.show import summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postroad.providers import Preset
    from postroad.simulators.profiles import Security
    from postroad.simulators.server import Simulator

DEFAULT_PORT = 2525
KEEP = 100  # mails remembered; what was printed and saved is no longer needed
SLOW_S = 3.0  # the pause of slow@ that a person notices
PACE_S = 1.0  # one octet a second


def serve(
    name: str,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    save: str | Path | None = None,
    username: str | None = None,
    password: str | None = None,
    security: Security | None = None,
    behaviours: Sequence[str] = (),
    dialogue: bool = False,
    out: TextIO | None = None,
    stop: SimpleQueue[None] | None = None,
) -> None:
    """Run a simulator until Ctrl-C or SIGTERM, printing each mail as it arrives.

    port:       0 takes any free port and prints it.
    save:       a folder, made if need be, for one .eml file per mail.
    behaviours: for "hostile".
    dialogue:   prints each connection's transcript too, credentials masked; the transcript of a
                connection that brought no mail is printed always.
    stop:       anything put into it ends the server as Ctrl-C does.
    raises:     SettingsError when it cannot start.
    """
    from postroad.simulators import simulate

    if behaviours and name != "hostile":
        raise SettingsError(f"behaviours are for the simulator hostile, not {name}")
    out = sys.stdout if out is None else out
    folder = _folder(save)
    news: SimpleQueue[Received | Transcript | None] = SimpleQueue()
    options: dict[str, object] = {
        "host": host,
        "port": port,
        "security": security,
        "keep": KEEP,
        "on_message": news.put,
        "on_end": news.put,
    }
    options |= {"username": username} if username is not None else {}
    options |= {"password": password} if password is not None else {}
    if name == "hostile":
        options |= {"behaviours": behaviours, "pace_s": PACE_S}
    else:
        options |= {"slow_s": SLOW_S}
    with _until_told(news, stop), simulate(name, **options) as server:
        _print(out, _welcome(server, behaviours, folder))
        bringers: set[int] = set()
        while (item := news.get()) is not None:
            if isinstance(item, Received):
                bringers.add(item.connection)
                _print(out, "\n" + summary(item) + _saved(item, folder, server.name))
            elif dialogue or item.connection not in bringers:
                _print(out, _how_it_went(item, server.security))
            if isinstance(item, Transcript):
                bringers.discard(item.connection)
    _print(out, "\nstopped")


def _print(out: TextIO, text: str) -> None:
    encoding = getattr(out, "encoding", None) or "utf-8"
    out.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    out.flush()


def _folder(save: str | Path | None) -> Path | None:
    if save is None:
        return None
    folder = Path(save)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"cannot make the folder {folder}: {error.strerror}") from error
    return folder


def _saved(received: Received, folder: Path | None, name: str) -> str:
    """Write the mail beside those of earlier runs; what to print about it comes back."""
    if folder is None:
        return ""
    number = received.number
    while True:
        path = folder / f"{name}-{number:04d}.eml"
        try:
            with path.open("xb") as file:
                file.write(received.content)
        except FileExistsError:
            number += 1
        except OSError as error:
            return f"\n  not saved   {path}: {error.strerror}"
        else:
            return f"\n  saved       {path}"


def _welcome(server: Simulator, behaviours: Sequence[str], folder: Path | None) -> str:
    shown_host = "localhost" if server.host in {"127.0.0.1", "::1"} else server.host
    lines = [
        f"{server.name} listens on {shown_host} port {server.port}, security {server.security}",
        f"  username    {server.username}",
        f"  password    {server.password}",
    ]
    lines += [f"  token       {server.token}"] if server.token and server.name != "hostile" else []
    lines += [f"  cafile      {server.cafile}"]
    lines += [f"  behaviour   {behaviour}" for behaviour in behaviours]
    lines += [f"  saves to    {folder}"] if folder is not None else []
    preset = _preset(server)
    sender = server.username if "@" in server.username else _mailbox(server)
    words = [
        "postroad", "send", *(("--preset", preset.name) if preset else ()),
        "--host", shown_host, "--port", str(server.port),
        *(() if _is_usual(server, preset) else ("--security", server.security)),
        *(() if server.security == "none" else ("--cafile", server.cafile)),
        "--username", server.username, "--password-env", "PASSWORD",
        "--from", sender, "--to", "bo@example.com", "--subject", "안녕하세요", "--text", "Hello",
    ]  # fmt: skip
    lines += ["", "Try it:", f"  PASSWORD={shlex.quote(server.password)} {shlex.join(words)}"]
    lines += ["", "In Python:", f"  {_in_python(server, shown_host, preset)}"]
    lines += ["", "Ctrl-C ends it."]
    return "\n".join(lines)


def _in_python(server: Simulator, host: str, preset: Preset | None) -> str:
    """The relay as an expression, `from postroad import Relay` understood."""
    options: dict[str, object] = {"username": server.username, "password": server.password}
    options |= {"host": host, "port": server.port}
    options |= {} if _is_usual(server, preset) else {"security": server.security}
    options |= {} if server.security == "none" else {"cafile": server.cafile}
    is_offered = preset and server.security in {each.security for each in preset.endpoints}
    if preset and not is_offered:  # Relay.preset picks among what the provider offers
        options |= {"provider": preset.name}
    name = f"{json.dumps(preset.name)}, " if preset and is_offered else ""
    given = ", ".join(
        f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in options.items()
    )
    return f"Relay{'.preset' if name else ''}({name}{given})"


def _preset(server: Simulator) -> Preset | None:
    """The preset of the provider that is simulated, if it takes the account's user name."""
    if server.name not in providers.preset_names():
        return None
    preset = providers.preset(server.name)
    try:
        preset.user_name_for(server.username)
    except SettingsError:
        return None
    return preset


def _is_usual(server: Simulator, preset: Preset | None) -> bool:
    """Whether the preset's first choice is how this server is secured."""
    return preset is not None and preset.endpoints[0].security == server.security


def _how_it_went(transcript: Transcript, security: Security) -> str:
    text = transcript.text()
    if text:
        return f"\nconnection {transcript.connection}:\n{_indented(text)}"
    what = "closed before TLS" if security == "tls" else "closed, nothing was said"
    return f"\nconnection {transcript.connection}: ({what})"


def _mailbox(server: Simulator) -> str:
    from postroad.simulators.profiles import PROFILES

    profile = PROFILES.get(server.name)
    return profile.address_of(server.username) if profile else f"{server.username}@example.com"


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


@contextlib.contextmanager
def _until_told(
    news: SimpleQueue[Received | Transcript | None], stop: SimpleQueue[None] | None
) -> Iterator[None]:
    """Turn SIGINT, SIGTERM and `stop` into the None that ends the loop; signals are put back."""
    restore = {}
    if threading.current_thread() is threading.main_thread():
        for number in (signal.SIGINT, signal.SIGTERM):
            # SimpleQueue.put is reentrant: a signal may come in the middle of get()
            restore[number] = signal.signal(number, lambda *_: news.put(None))
    if stop is not None:
        threading.Thread(target=lambda: news.put(stop.get()), daemon=True).start()
    try:
        yield
    finally:
        for number, handler in restore.items():
            signal.signal(number, handler)
