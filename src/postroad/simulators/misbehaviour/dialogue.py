"""One connection to the hostile server: a plain SMTP dialogue with the script's actions in it."""

from __future__ import annotations

import contextlib
import select
import socket
import struct
import urllib.parse
from base64 import b64decode
from typing import TYPE_CHECKING, NoReturn

from postroad.simulators.misbehaviour.script import (
    BareLf,
    Close,
    Deaf,
    Drip,
    Echo,
    Flood,
    Half,
    Reset,
    Say,
    Silence,
    Usual,
)

if TYPE_CHECKING:
    import ssl
    import threading
    from collections.abc import Callable

    from postroad.simulators.misbehaviour.script import Action, Script, Step
    from postroad.simulators.recording import Record

HOST = "hostile.example"
LINE_LIMIT_OCTETS = 1 << 20
RECV_OCTETS = 65536


class EndedError(Exception):
    """The connection is over, whoever ended it."""


class Dialogue:
    """One connection, in a thread of its own.

    takes_turn: says of a step whether the script is to misbehave there this time.
    stopping:   set when the server ends; every wait ends with it.
    """

    def __init__(
        self,
        connection: socket.socket,
        script: Script,
        *,
        context: ssl.SSLContext,
        record: Record,
        pace_s: float,
        stopping: threading.Event,
        takes_turn: Callable[[Step], bool],
    ) -> None:
        self._socket = connection
        self._script = script
        self._context = context
        self._record = record
        self._number = record.open()
        self._pace_s = pace_s
        self._stopping = stopping
        self._takes_turn = takes_turn
        self._unread = b""
        self._said = b""
        self._is_closed = False  # after a greeting that refuses, only QUIT is taken
        self._secrets = b""
        self._username: str | None = None
        self._reverse_path: str | None = None
        self._forward_paths: list[str] = []
        self._parameters: tuple[str, ...] = ()

    def run(self) -> None:
        """Talk until one side has had enough."""
        try:
            if self._script.security == "tls":
                self._start_tls()
            self._do("greeting", f"220 {HOST} ESMTP Postroad simulator")
            self._is_closed = self._said.startswith(b"5")
            while True:
                self._answer(self._read_line())
        except (
            EndedError,
            OSError,
            ValueError,
        ):  # ssl.SSLError is an OSError; a cut TLS socket: Value
            pass
        finally:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._record.end(self._number)

    def cut(self) -> None:
        """End the connection from another thread; whatever `run` waits for ends."""
        with contextlib.suppress(OSError):
            # not SSLSocket.shutdown, which takes the TLS object away under the other thread
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    # The usual dialogue.

    def _answer(self, line: bytes) -> None:
        verb, _, argument = line.partition(b" ")
        if self._is_closed and verb.upper() != b"QUIT":
            self._write(b"503 5.5.1 No service here\r\n")
            return
        arg = argument.decode("utf-8", "replace").strip()
        match verb.upper():
            case b"EHLO":
                self._forget()
                self._do("ehlo", self._hello())
            case b"HELO":
                self._forget()
                self._do("helo", f"250 {HOST}")
            case b"STARTTLS":
                self._starttls()
            case b"AUTH":
                self._auth(arg)
            case b"MAIL":
                self._mail(arg)
            case b"RCPT":
                self._rcpt(arg)
            case b"DATA":
                self._data()
            case b"RSET":
                self._forget()
                self._do("rset", "250 2.0.0 OK")
            case b"NOOP":
                self._do("noop", "250 2.0.0 OK")
            case b"QUIT":
                self._do("quit", "221 2.0.0 Bye")
                self._close()
            case _:
                self._write(b"500 5.5.2 Command not recognized\r\n")
        if self._script.drops_pipelined:
            self._unread = b""

    def _hello(self) -> str:
        lines = [HOST, *self._script.extensions]
        script = self._script
        if script.security == "starttls" and not script.hides_starttls and not self._tls_version:
            lines.append("STARTTLS")
        return "\n".join([f"250-{line}" for line in lines[:-1]] + [f"250 {lines[-1]}"])

    def _starttls(self) -> None:
        can = self._script.security == "starttls" and not self._tls_version
        self._do("starttls", "220 2.0.0 Ready to start TLS" if can else "502 5.5.1 Not offered")
        if self._said.startswith(b"220"):
            self._start_tls()
            self._forget()

    def _start_tls(self) -> None:
        self._do("tls", "")
        self._unread = b""
        self._socket = self._context.wrap_socket(
            self._socket, server_side=True, do_handshake_on_connect=False
        )
        self._socket.do_handshake()

    def _auth(self, arg: str) -> None:
        mechanism, _, initial = arg.partition(" ")
        self._secrets = initial.encode()
        questions = {"LOGIN": ["VXNlcm5hbWU6", "UGFzc3dvcmQ6"]}.get(mechanism.upper(), [""])
        if initial:
            questions = questions[1:]
        self._do("auth", f"334 {questions.pop(0)}" if questions else "235 2.7.0 Welcome")
        while self._said.startswith(b"334"):
            answer = self._read_line()
            self._secrets += b" " + answer
            usual = f"334 {questions.pop(0)}" if questions else "235 2.7.0 Welcome"
            self._do("auth-answer", "501 5.7.0 Cancelled" if answer == b"*" else usual)
        if self._said.startswith(b"235"):
            self._username = self._decoded_secrets().split()[0] if self._secrets.strip() else ""

    def _mail(self, arg: str) -> None:
        path, parameters = _path(arg)
        names = {p.partition("=")[0].upper(): p.partition("=")[2] for p in parameters}
        usual = "250 2.1.0 OK"
        if self._reverse_path is not None:
            usual = "503 5.5.1 Nested MAIL command"
        elif any(name in names for name in self._script.refused_parameters):
            usual = "555 5.5.4 Parameter not implemented"
        elif names.get("SIZE", "").isdigit() and int(names["SIZE"]) > self._offered_size:
            usual = "552 5.3.4 Message too big"
        self._do("mail", usual)
        if self._said.startswith(b"2"):
            self._reverse_path, self._parameters = path, tuple(parameters)

    def _rcpt(self, arg: str) -> None:
        path, _ = _path(arg)
        usual = "250 2.1.5 OK"
        if self._reverse_path is None:
            usual = "503 5.5.1 MAIL first"
        elif "refuse" in path:
            usual = "550 5.1.1 No such user"
        elif "defer" in path:
            usual = "450 4.2.0 Try again later"
        self._do("rcpt", usual)
        if self._said.startswith(b"2"):
            self._forward_paths.append(path)

    def _data(self) -> None:
        ready = self._reverse_path is not None and self._forward_paths
        self._do("data", "354 Go ahead" if ready else "503 5.5.1 No valid recipients")
        if not self._said.startswith(b"354"):
            return
        content = self._read_content()
        too_big = len(content) > self._script.size_octets
        if not too_big:
            self._record.deliver(
                connection=self._number,
                reverse_path=self._reverse_path or "",
                forward_paths=tuple(self._forward_paths),
                content=content,
                username=self._username,
                tls_version=self._tls_version,
                mail_parameters=self._parameters,
            )
        self._forget()
        self._do("dot", "552 5.3.4 Message too big" if too_big else "250 2.0.0 OK: queued")

    def _forget(self) -> None:
        self._reverse_path, self._forward_paths, self._parameters = None, [], ()

    @property
    def _offered_size(self) -> int:
        sizes = [line.split()[1] for line in self._script.extensions if line.startswith("SIZE ")]
        return int(sizes[0]) if sizes else self._script.size_octets

    @property
    def _tls_version(self) -> str | None:
        version = getattr(self._socket, "version", None)
        return version() if version is not None else None

    # The script.

    def _do(self, step: Step, usual: str) -> None:
        """Reply at a step as the script wants, else as usual; `_said` is what was said."""
        self._said = b""
        octets = usual.replace("\n", "\r\n").encode() + b"\r\n" if usual else b""
        actions = self._script.on.get(step)
        if actions is None or not self._takes_turn(step):
            self._write(octets)
            return
        together = b""  # what is only said leaves in one write, so that it arrives in one
        for action in actions:
            match action:
                case Usual():
                    together += octets
                case Say(said):
                    together += said
                case BareLf(end):
                    together += octets.replace(b"\r\n", end)
                case _:
                    self._write(together)
                    together = b""
                    self._act(action, octets)
        self._write(together)

    def _act(self, action: Action, usual: bytes) -> None:
        match action:
            case Drip():
                self._drip(usual)
            case Half():
                self._write(usual[: len(usual) // 2])
                self._close()
            case Flood(chunk, times, start, end):
                self._flood(chunk, times, start, end)
            case Echo(form):
                self._write(b"535 5.7.8 Wrong credentials: " + self._echoed(form) + b"\r\n")
            case Close():
                self._close()
            case Reset():
                linger = struct.pack("ii", 1, 0)  # on, 0 s: close() sends RST
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                raise EndedError
            case Silence():
                self._read_for_ever()
            case Deaf():
                self._stopping.wait()
                raise EndedError

    def _drip(self, octets: bytes) -> None:
        for octet in octets:
            self._write(bytes([octet]))
            if self._stopping.wait(self._pace_s):
                raise EndedError

    def _read_for_ever(self) -> NoReturn:
        while True:
            self._receive()

    def _flood(self, chunk: bytes, times: int | None, start: bytes, end: bytes) -> None:
        self._write(start)
        written = 0
        while times is None or written < times:
            self._write(chunk)
            written += 1
        self._write(end)

    def _echoed(self, form: str) -> bytes:
        if form == "base64":
            return self._secrets.strip()
        clear = self._decoded_secrets()
        if form == "hex":
            return clear.encode().hex().encode()
        return (urllib.parse.quote(clear) if form == "urlencoded" else clear).encode()

    def _decoded_secrets(self) -> str:
        words = []
        for word in self._secrets.split():
            try:
                words.append(b64decode(word, validate=True).decode("utf-8", "replace"))
            except ValueError:
                words.append(word.decode("utf-8", "replace"))
        return " ".join(words).replace("\0", " ").replace("\x01", " ").strip()

    # Octets.

    def _write(self, octets: bytes) -> None:
        if not octets:
            return
        self._said += octets[: 512 - len(self._said)] if len(self._said) < 512 else b""
        self._record.add(self._number, "S", octets)
        self._socket.sendall(octets)

    def _receive(self) -> bytes:
        octets = self._socket.recv(RECV_OCTETS)
        if not octets:
            raise EndedError
        self._record.add(self._number, "C", octets)
        return octets

    def _read_line(self) -> bytes:
        while b"\n" not in self._unread:
            if len(self._unread) > LINE_LIMIT_OCTETS:
                raise EndedError
            self._unread += self._receive()
        line, _, self._unread = self._unread.partition(b"\n")
        return line.rstrip(b"\r")

    def _read_content(self) -> bytes:
        if "content" in self._script.on:
            while len(self._unread) < 3:
                self._unread += self._receive()
            self._do("content", "")
        taken = bytearray(b"\r\n" + self._unread)  # so that a lone dot is found at once
        searched = 0
        while (at := taken.find(b"\r\n.\r\n", searched)) < 0:
            searched = max(0, len(taken) - 4)
            taken += self._receive()
        self._unread = bytes(taken[at + 5 :])
        return bytes(taken[: at + 2]).replace(b"\r\n..", b"\r\n.")[2:]

    def _close(self) -> NoReturn:
        """End with FIN: unread octets would turn it into RST, so what is there is read."""
        with contextlib.suppress(OSError, ValueError):
            while select.select([self._socket], [], [], 0)[0]:
                self._receive()
        raise EndedError


def _path(argument: str) -> tuple[str, list[str]]:
    """The address of "FROM:<…> …" or "TO:<…> …" and the parameters after it."""
    inside, _, parameters = argument.partition("<")[2].partition(">")
    return inside, parameters.split()
