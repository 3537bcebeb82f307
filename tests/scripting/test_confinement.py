"""What the engine's process has, and what the kernel would refuse it."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.scripting.conftest import Bench

from postroad.scripting import confinement

linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@linux
def test_the_child_has_two_pipes_its_own_status_no_environment_and_no_rights(bench: Bench) -> None:
    inherited = os.open(bench.write("open.txt", "x"), os.O_RDONLY)
    os.set_inheritable(inherited, True)
    seen: dict[str, Any] = {}

    def look(config: Any) -> Any:
        (pid,) = bench.children
        proc = Path("/proc") / pid
        seen["pid"] = pid
        seen["environment"] = (proc / "environ").read_bytes()
        seen["folder"] = (proc / "cwd").readlink()
        seen["files"] = {
            int(fd.name): str(fd.readlink()).partition(":")[0] for fd in (proc / "fd").iterdir()
        }
        seen["threads"] = len(list((proc / "task").iterdir()))
        seen["limits"] = {
            line[:26].strip(): line[26:].split()[:2]
            for line in (proc / "limits").read_text().splitlines()
        }
        seen["status"] = (proc / "status").read_text()
        return {"code": 0, "log": "", "error": ""}

    bench.answer = look

    outcome = bench.js("send_email({})", timeout_s=20.0)

    os.close(inherited)
    assert outcome.code == 0
    assert seen["environment"] == b""
    assert seen["folder"] == Path("/")
    status = f"/proc/{seen['pid']}/status"
    assert seen["files"] == {0: "pipe", 1: "pipe", 2: "/dev/null", 3: status}
    assert seen["threads"] == 1
    for name in ("Max open files", "Max processes", "Max file size", "Max core file size"):
        assert seen["limits"][name] == ["0", "0"], name
    assert seen["limits"]["Max cpu time"] == ["22", "22"]
    assert seen["limits"]["Max address space"][0] == str((256 + 256) << 20)
    assert "NoNewPrivs:\t1" in seen["status"]


def confined(step: str, attempt: str) -> str:
    """What an attempt prints in a process that took `step` before."""
    program = f"""
import errno, os, socket, sys
sys.path.insert(0, {str(Path(confinement.__file__).parent)!r})
import ctypes, math, resource, confinement
{step}
try:
    {attempt}
    print("done")
except OSError as error:
    print(errno.errorcode[error.errno])
"""
    return subprocess.run(
        [sys.executable, "-I", "-c", program], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize(
    "attempt",
    ["os.open('/etc/passwd', os.O_RDONLY)", "socket.socket()", "os.pipe()"],
)
def test_a_confined_process_opens_nothing(attempt: str) -> None:
    assert confined("confinement.confine(64 << 20, 5.0)", attempt) in ("EMFILE", "EACCES")


@linux
@pytest.mark.parametrize(
    "attempt",
    [
        "os.open('/etc/passwd', os.O_RDONLY)",
        "os.listdir('/')",
        "os.execv('/bin/true', ['true'])",
        "os.mkdir('/tmp/postroad-test-should-not-be')",
    ],
)
def test_landlock_closes_the_file_system(attempt: str) -> None:
    version = ctypes.CDLL(None).syscall(444, ctypes.c_void_p(0), ctypes.c_size_t(0), 1)
    if version < 1:
        pytest.skip("this kernel has no Landlock")

    assert confined("confinement._leave_the_file_system()", attempt) == "EACCES"


@pytest.mark.parametrize(
    "source",
    [
        "import fs from 'fs'",
        "require('fs')",
        "import('std')",
        "process.exit(0)",
        "fetch('http://127.0.0.1/')",
        "new XMLHttpRequest()",
        "std.loadFile('/etc/passwd')",
        "os.exec(['true'])",
        "new Function('return require')()('fs')",
        "send_email.constructor('return process')().exit()",
        "console.log.constructor('return std')()",
        "arg.constructor.constructor('return this.__postroad_host')()('send', '{}')",
        "new Worker('x.js')",
        "import('file:///etc/passwd')",
        "import('./mail.js')",
    ],
)
def test_files_network_and_processes_are_out_of_reach(bench: Bench, source: str) -> None:
    outcome = bench.js(source)

    assert (outcome.code, outcome.out, outcome.sent) == (1, "", [])
    assert "Error: " in outcome.stop
