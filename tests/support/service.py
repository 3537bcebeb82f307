"""The service as its users meet it: the real command in a process of its own, asked over HTTP."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from tests.support import postgresql
from tests.support.folders import open_folder
from tests.support.programs import LOOPBACK, Program, free_port

from postroad.settings import Settings

SEND, LOGIN, REGISTER = "/api/mail/send", "/api/user/login", "/api/user/register"
READY = "/readyz"
SENT = {"code": 200, "msg": "success", "data": "邮件发送成功"}
ACCOUNT, PASSWORD = "13800138000", "UserPass123"  # of the seed's samples
POSTROAD = (sys.executable, "-m", "postroad")

_ANSWER_S = 30.0  # loopback answers at once: a server that does not hangs
_COMMAND_S = 60.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    """What the service said to a request.

    headers: names in lower case.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


class Client:
    """One connection that is kept alive, without a cookie jar.

    Any failure of the connection is an OSError or an HTTPException of http.client.
    """

    def __init__(self, port: int) -> None:
        self._connection = HTTPConnection(LOOPBACK, port, timeout=_ANSWER_S)

    def ask(
        self, path: str, values: Mapping[str, str] | None = None, *, method: str = "POST"
    ) -> Answer:
        """Return the answer to one request; the values are its form, or its query for GET."""
        fields = urlencode(values or {})
        if method == "GET":
            self._connection.request("GET", f"{path}?{fields}" if fields else path)
        else:
            self._connection.request(method, path, fields, _FORM)
        response = self._connection.getresponse()
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, headers, response.read())

    def begin(self, path: str, *, octets: int) -> None:
        """Ask for something and keep back all but the first of the body's octets."""
        self._connection.putrequest("POST", path)
        self._connection.putheader("Content-Type", _FORM["Content-Type"])
        self._connection.putheader("Content-Length", str(octets))
        self._connection.endheaders(b"a")

    def close(self) -> None:
        """Let go of the connection."""
        self._connection.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@dataclass(frozen=True)
class App:
    """An app as `app create` prints it, with the way its caller proves a user.

    proof: parameters beside the app's own: a token, or account and password.
    """

    appid: str
    signature: str
    api_key: str
    proof: Mapping[str, str]

    def mail(self, title: str, **changes: str) -> dict[str, str]:
        """Return the parameters of a mail."""
        return {
            "appid": self.appid,
            "signature": self.signature,
            "mail": "recipient@example.com",
            "title": title,
            "content": "<h1>这是测试邮件的HTML内容</h1>",
            **self.proof,
            **changes,
        }


class _Server(Program):
    """One run of the service."""

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    def signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(number)

    def wait(self, seconds: float) -> int:
        """Return its exit code; fails when it takes longer."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired as exc:
            raise AssertionError(f"not ended in {seconds:g} s\n{self.output}") from exc


class Service:
    """Postroad on a data folder; it can be started, ended and killed again and again.

    folder: its own, for the data and what it says.
    url:    of its PostgreSQL database; None: a file in the data folder.
    may_be_unsafe: as the server that most tests share is.
    """

    def __init__(
        self,
        folder: Path,
        *,
        data: Path | None = None,
        url: str | None = None,
        may_be_unsafe: bool = True,
    ) -> None:
        self.folder = folder
        self.data = data or folder / "data"
        self._settings = {} if url is None else {"POSTROAD_DATABASE": url}
        if url is not None and may_be_unsafe:
            self._settings["POSTROAD_ALLOW_UNSAFE_POSTGRESQL"] = "on"
        self._url = url
        self.port = free_port()
        self._runs: list[_Server] = []

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """The process of this run, or of the last."""
        return self._runs[-1].pid

    @property
    def output(self) -> str:
        """What it has said in all its runs, on both streams."""
        return "".join(run.output for run in self._runs)

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._runs[-1].exit_code

    def start(
        self,
        *,
        before: Sequence[str | Path] = (),
        command: Sequence[str] = POSTROAD,
        flags: Sequence[str] = (),
    ) -> None:
        """Start it and wait until it is ready.

        before:  words that the command stands behind, such as strace's. They must end in its
                 place, under the same process id.
        command: instead of the ordinary one.
        """
        folder = self.folder / f"run-{len(self._runs)}"
        folder.mkdir()
        listen = f"{LOOPBACK}:{self.port}"
        words = (*before, *command, "serve", "--data-dir", self.data, "--listen", listen, *flags)
        run = _Server(*words, folder=folder, environment=self.environment())
        self._runs.append(run)
        run.until("ready", self.is_ready)

    def is_ready(self) -> bool:
        """Whether it says so."""
        with contextlib.suppress(OSError), self.client() as client:
            return client.ask(READY, method="GET").status == 200
        return False

    def is_stopped(self) -> bool:
        """Whether SIGSTOP has reached it (proc_pid_stat(5))."""
        return (
            Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] == "T"
        )

    def until(self, what: str, is_so: Callable[[], bool]) -> None:
        """Wait until `is_so`, as long as it lives."""
        self._runs[-1].until(what, is_so)

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._runs[-1].signal(number)

    def wait(self, seconds: float = _COMMAND_S) -> int:
        """Return its exit code when it has ended."""
        return self._runs[-1].wait(seconds)

    def stop(self) -> int:
        """End it as a machine that shuts down does; return its exit code."""
        self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """End it in the middle of whatever it does."""
        self.signal(signal.SIGKILL)
        self.wait()

    def client(self) -> Client:
        """A new connection to it."""
        return Client(self.port)

    def ask(
        self, path: str, values: Mapping[str, str] | None = None, *, method: str = "POST"
    ) -> Answer:
        """Return the answer to one request on a connection of its own."""
        with self.client() as client:
            return client.ask(path, values, method=method)

    def run(self, *words: str, secrets: Mapping[str, str] | None = None) -> Any:
        """Return what a command of the operator prints, parsed; it needs no running server.

        secrets: variables of its environment.
        """
        done = subprocess.run(
            [*POSTROAD, *words, "--json"],
            env=self.environment(POSTROAD_DATA_DIR=str(self.data), **(secrets or {})),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_COMMAND_S,
        )
        said = done.stdout.decode()
        assert done.returncode == 0, f"{words} ended with {done.returncode}: {said}{done.stderr!r}"
        return json.loads(said)

    def create_app(self, name: str, *flags: str, tokens: bool = True) -> App:
        """Return a new app that never has its callers wait, with a user who is logged in.

        flags: further ones of `app create`.
        """
        words = ("--tokens", "on" if tokens else "off", "--interval", "0")
        made = self.run("app", "create", name, *words, "--per-recipient-hour", "0", *flags)
        keys = (made["appid"], made["signature"], made["api_key"])
        login = {"user": ACCOUNT, "pass": PASSWORD}
        values = {"appid": made["appid"], "signature": made["signature"], **login}
        with self.client() as client:
            answer = client.ask(REGISTER, {**values, "nickname": "Kim"}).json()
            assert answer["code"] == 200, answer
            if not tokens:
                return App(*keys, proof=login)
            answer = client.ask(LOGIN, values).json()
        assert answer["code"] == 200, answer
        return App(*keys, proof={"token": answer["data"]["token"]})

    def create_relay(self, app: App, port: int, *flags: str, **secrets: str) -> None:
        """Give an app a relay on loopback, without TLS; `secrets` as of `run`."""
        where = ("--host", LOOPBACK, "--port", str(port), "--security", "none")
        words = ("relay", "create", f"relay-{port}", "--app", app.appid, *where, *flags)
        self.run(*words, secrets=secrets)

    def rows(self, sql: str, *parameters: str) -> list[Any]:
        """Return rows of the database as another program sees it."""
        if self._url is not None:
            return postgresql.rows(self._url, sql, *parameters)
        return rows_in(self.data / "postroad.db", sql, *parameters)

    def settings(self) -> Settings:
        """Return the settings of a command beside it."""
        return Settings(data_dir=self.data, database=self._url)

    def run_sql(self, *statements: str) -> None:
        """Change its PostgreSQL database beside it."""
        assert self._url is not None
        postgresql.execute(self._url, *statements)

    def environment(self, **more: str) -> dict[str, str]:
        """Return the environment of its process and of commands beside it."""
        return environment(**(self._settings | more))

    def close(self) -> None:
        """End whatever still runs."""
        for run in self._runs:
            run.stop()


@contextmanager
def serving(*flags: str, url: str | None = None) -> Iterator[Service]:
    """A running service on a new folder, and on a database of PostgreSQL if one is given."""
    with new_service(url=url) as service:
        service.start(flags=flags)
        yield service


@contextmanager
def new_service(
    data: Path | None = None, *, url: str | None = None, may_be_unsafe: bool = True
) -> Iterator[Service]:
    """A service that was not started yet."""
    with open_folder() as folder:
        service = Service(folder, data=data, url=url, may_be_unsafe=may_be_unsafe)
        try:
            yield service
        finally:
            service.close()


def rows_in(database: Path, sql: str, *parameters: str) -> list[Any]:
    """Return rows of a database that another process may be writing to."""
    with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(sql, parameters).fetchall()


def finished(*words: str | Path, **more: str) -> int:
    """Return how a command ended, below 0 when it was killed.

    more: variables of its environment.
    """
    done = subprocess.run(
        words,
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_COMMAND_S,
        check=False,
    )
    return done.returncode


def environment(**more: str) -> dict[str, str]:
    """Return the environment of a command: the test's own without settings of Postroad's."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("POSTROAD_")}
    return kept | more


def refuses_connections(port: int) -> bool:
    """Whether nothing listens on a loopback port."""
    try:
        socket.create_connection((LOOPBACK, port), timeout=_ANSWER_S).close()
    except ConnectionRefusedError:
        return True
    return False
