"""What the kernel refuses the engine's process, should a script ever break out of the engine.

The engine's contexts have no file, network or process functions at all, so a script meets none of
this. It stands for the day an engine bug lets a script run machine code: no new descriptor of any
kind (RLIMIT_NOFILE 0 lets neither a file nor a socket be opened), no process, no file system and
no TCP where Landlock exists. The child imports this module: standard library only.
"""

from __future__ import annotations

import ctypes
import math
import os
import sys

# The engine costs about 1.7 KB of stack per call: 16 MiB is some 9,900 calls, near Node's 11,000.
_STACK_OCTETS = 24 << 20
# Interpreter, engine, stack and the copies of a mail while it crosses the pipe.
_OVERHEAD_OCTETS = 256 << 20

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_LANDLOCK_CREATE_RULESET = 444
_LANDLOCK_RESTRICT_SELF = 446
_SIGKILL = 9


def widen_stack() -> int:
    """Let this thread's stack grow; the octets the engine may use of it, two thirds."""
    import resource

    unlimited = resource.RLIM_INFINITY
    soft, hard = resource.getrlimit(resource.RLIMIT_STACK)
    if sys.platform == "linux":  # elsewhere the main stack's size is fixed when a process starts
        wanted = _STACK_OCTETS if hard == unlimited else min(hard, _STACK_OCTETS)
        if soft == unlimited or soft < wanted:
            resource.setrlimit(resource.RLIMIT_STACK, (wanted, hard))
            soft = wanted
    return (_STACK_OCTETS if soft == unlimited else min(soft, _STACK_OCTETS)) * 2 // 3


def confine(memory_octets: int, timeout_s: float) -> None:
    """Give up, for good, what the engine does not need; all descriptors stay that are open."""
    if sys.platform == "linux":
        _leave_the_file_system()
    import resource

    limits = {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
        "RLIMIT_NPROC": 0,
        # A backstop: the parent's clock is earlier, unless the parent is gone.
        "RLIMIT_CPU": math.ceil(timeout_s) + 2,
        "RLIMIT_AS": memory_octets + _OVERHEAD_OCTETS,
        "RLIMIT_NOFILE": 0,
    }
    for name, wanted in limits.items():
        which = getattr(resource, name, None)  # macOS knows no RLIMIT_AS worth the name
        if which is None:
            continue
        hard = resource.getrlimit(which)[1]
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        try:
            resource.setrlimit(which, (value, value))
        except (OSError, ValueError):  # refused here; the other fences stand
            continue


def _leave_the_file_system() -> None:
    """Die with the parent, gain no privileges, and open nothing more (Landlock, Linux 5.13)."""
    libc = ctypes.CDLL(None)
    word = ctypes.c_ulong  # both calls are variadic: every argument is a whole register
    libc.prctl(word(_PR_SET_PDEATHSIG), word(_SIGKILL), word(0), word(0), word(0))
    libc.prctl(word(_PR_SET_NO_NEW_PRIVS), word(1), word(0), word(0), word(0))
    version = libc.syscall(word(_LANDLOCK_CREATE_RULESET), word(0), word(0), word(1))
    if version < 1:
        return
    file_rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    ruleset = (ctypes.c_uint64 * 3)(
        (1 << file_rights) - 1,
        0b11 if version >= 4 else 0,  # bind and connect over TCP
        0b11 if version >= 6 else 0,  # abstract sockets and signals of others
    )
    size = 8 if version < 4 else 16 if version < 6 else 24
    rules = libc.syscall(word(_LANDLOCK_CREATE_RULESET), ctypes.byref(ruleset), word(size), word(0))
    if rules >= 0:
        libc.syscall(word(_LANDLOCK_RESTRICT_SELF), word(rules), word(0))
        os.close(rules)
