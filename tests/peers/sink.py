"""Postfix's smtp-sink: takes mail, writes down what it took, fails where it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.folders import open_folder
from tests.support.installed import found, is_root, needs
from tests.support.programs import LOOPBACK, Program, free_port, has_connections

from postroad import Relay, Timeouts

needs_sink = needs(smtp_sink=bool(found("smtp-sink")))


class Sink:
    """A running smtp-sink."""

    def __init__(self, program: Program, port: int, folder: Path) -> None:
        self._program = program
        self._port = port
        self._folder = folder

    def relay(self, timeouts: Timeouts | None = None) -> Relay:
        """Return the way to it: no TLS, no login."""
        return Relay(LOOPBACK, self._port, security="none", timeouts=timeouts or Timeouts())

    def contents(self, *, is_connected: bool = False) -> list[bytes]:
        """Return the content of every transaction that had some, lines ended by LF, unstuffed.

        is_connected: a sender keeps its connection open, with no transaction under way.
        """
        self._program.until("idle", lambda: self._is_idle(is_connected=is_connected))
        dumps = [file.read_bytes() for file in self._folder.glob("dump.*")]
        # Its own fields end with Received, of three lines; its own empty line ends the file.
        taken = [dump.split(b"\tby smtp-sink", 1) for dump in dumps]
        contents = [rest[1].split(b"\n", 2)[2] for rest in taken if len(rest) == 2]
        return [content.removesuffix(b"\n") for content in contents if content]

    def _is_idle(self, *, is_connected: bool) -> bool:
        """Whether every connection is closed, unless one may be open, and so is every file."""
        files = (file for file in self._program.open_files if file.parent == self._folder)
        return (is_connected or not has_connections(self._port)) and not any(
            file.name.startswith("dump.") for file in files
        )


@contextmanager
def running_sink(*options: str) -> Iterator[Sink]:
    """A smtp-sink with these options for as long as the context lasts."""
    with open_folder("nobody" if is_root() else None) as folder:
        port = free_port()
        user = ("-u", "nobody") if is_root() else ()
        words = (*user, "-d", f"{folder}/dump.", *options, f"{LOOPBACK}:{port}", "100")
        with Program(found("smtp-sink"), *words, folder=folder) as program:
            program.until_listening(port)
            yield Sink(program, port, folder)
