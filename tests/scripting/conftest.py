"""A folder with a config and a script in it, run with a send_email that records."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from postroad.scripting import run

# Where a test is not about time, nothing should ever run into a limit.
AMPLE_S = 30.0


@dataclass
class Outcome:
    """What one run did."""

    code: int
    out: str
    err: str
    sent: list[Any]

    @property
    def stop(self) -> str:
        """The first line on stderr."""
        return self.err.partition("\n")[0]


def _children() -> frozenset[str]:
    tasks = Path("/proc/self/task").glob("*/children")
    return frozenset(number for task in tasks for number in task.read_text().split())


@dataclass
class Bench:
    """Writes the files, runs them, and keeps what was sent."""

    folder: Path
    answer: Callable[[Any], Any] = lambda config: {"code": 0, "log": "", "error": ""}
    sent: list[Any] = field(default_factory=list)
    others: frozenset[str] = field(default_factory=_children)

    @property
    def children(self) -> frozenset[str]:
        """The process numbers of the children, zombies too, that this process had not before."""
        return _children() - self.others

    def write(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        path.chmod(0o600)
        return path

    def config(self, content: object) -> Path:
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        return self.write("config.json", text)

    def run(self, config: Path, **options: Any) -> Outcome:
        out, err = io.StringIO(), io.StringIO()

        def send_email(mail: Any) -> Any:
            self.sent.append(mail)
            return self.answer(mail)

        options.setdefault("timeout_s", AMPLE_S)
        options.setdefault("send_email", send_email)
        code = run(config, stdout=out, stderr=err, **options)
        return Outcome(code, out.getvalue(), err.getvalue(), self.sent)

    def js(self, source: str | bytes, arg: object = None, **options: Any) -> Outcome:
        self.write("mail.js", source)
        return self.run(self.config({"scriptfile": "./mail.js", "arg": arg}), **options)

    def py(self, source: str | bytes, arg: object = None, **options: Any) -> Outcome:
        self.write("mail.py", source)
        return self.run(self.config({"scriptfile": "./mail.py", "arg": arg}), **options)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)
