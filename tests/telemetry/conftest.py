"""Pipes and clocks for the log."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

NOW = datetime(2026, 3, 1, 9, 0, 0, 123_456, UTC)


@dataclass
class Pipe:
    """Both ends of a pipe; the reading one never waits."""

    reading: int
    writing: int

    def read(self) -> bytes:
        """Everything there is."""
        pieces = []
        while True:
            try:
                piece = os.read(self.reading, 1 << 16)
            except BlockingIOError:
                break
            if not piece:
                break
            pieces.append(piece)
        return b"".join(pieces)

    def stop_reading(self) -> None:
        os.close(self.reading)
        self.reading = -1


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe(*os.pipe())
    os.set_blocking(made.reading, False)
    try:
        yield made
    finally:
        for descriptor in (made.reading, made.writing):
            if descriptor >= 0:
                os.close(descriptor)
