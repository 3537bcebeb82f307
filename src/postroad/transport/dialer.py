"""The only place that opens connections to other hosts: resolve, try each address, connect."""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from postroad.errors import ConnectError, Reason

if TYPE_CHECKING:
    import asyncio

MAX_ADDRESSES = 10  # of one host; a name with a thousand must not keep a sender for ever

Address = tuple[socket.AddressFamily, tuple[str, int]]
Dialed = tuple[socket.socket, str]
"""A connected, non-blocking socket, and the address it leads to."""

_UNREACHABLE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM)


def dial(host: str, port: int, timeout_s: float, *, public_only: bool = False) -> Dialed:
    """Return a connection to the first address of `host` that answers.

    public_only: connect to nothing but the internet, and to ports of mail; the name is resolved
                 once, and every address it has must do.
    raises:      ConnectError with the reason; within `timeout_s`, name resolution included.
    """
    deadline = time.monotonic() + timeout_s
    failure: OSError | None = None
    for family, address in _allowed(_resolve(host, port, timeout_s), host, port, public_only):
        sock = None
        try:
            sock = socket.socket(family, socket.SOCK_STREAM)
            sock.settimeout(max(deadline - time.monotonic(), 0.001))
            sock.connect(address)
        except OSError as exc:
            if sock is not None:
                sock.close()
            failure = exc
        else:
            return _prepared(sock), address[0]
    raise _failed(host, port, timeout_s, failure) from failure


async def dial_async(
    host: str, port: int, timeout_s: float, *, public_only: bool = False
) -> Dialed:
    """Do as `dial`, without blocking the event loop."""
    import asyncio  # the blocking mailer does without its 30 ms

    loop = asyncio.get_running_loop()
    failure: OSError | None = None
    sock: socket.socket | None = None
    try:
        async with asyncio.timeout(timeout_s):
            found = await _resolve_async(loop, host, port)
            for family, address in _allowed(found, host, port, public_only):
                try:
                    sock = socket.socket(family, socket.SOCK_STREAM)
                    sock.setblocking(False)
                    await loop.sock_connect(sock, address)
                except OSError as exc:
                    if sock is not None:
                        sock.close()
                    failure = exc
                else:
                    return _prepared(sock), address[0]
    except BaseException as exc:
        if sock is not None:
            sock.close()
        if not isinstance(exc, TimeoutError):
            raise
        failure = exc
    raise _failed(host, port, timeout_s, failure) from failure


def _prepared(sock: socket.socket) -> socket.socket:
    sock.setblocking(False)
    with contextlib.suppress(OSError):  # commands are small and each waits for its reply
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _resolve(host: str, port: int, timeout_s: float) -> Sequence[Address]:
    """Return the addresses of `host`; the resolver has no time-out of its own, so a thread waits.

    raises: ConnectError when the name is unknown or the resolver does not answer.
    """
    found: list[Sequence[Address] | ConnectError] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(name_on_the_wire(host), port, type=socket.SOCK_STREAM)
            found.append(_addresses(answers))
        except (OSError, UnicodeError) as exc:
            found.append(_unknown(host, exc))

    if _is_literal(host):
        ask()
    else:
        thread = threading.Thread(target=ask, name="postroad-resolve", daemon=True)
        thread.start()
        thread.join(timeout_s)
    if not found:
        raise ConnectError(
            f"no answer for the name {host} within {timeout_s:.3g} s", reason=Reason.DNS
        )
    if isinstance(found[0], ConnectError):
        raise found[0]
    return found[0]


async def _resolve_async(
    loop: asyncio.AbstractEventLoop, host: str, port: int
) -> Sequence[Address]:
    try:
        return _addresses(
            await loop.getaddrinfo(name_on_the_wire(host), port, type=socket.SOCK_STREAM)
        )
    except (OSError, UnicodeError) as exc:
        if isinstance(exc, TimeoutError):
            raise
        raise _unknown(host, exc) from exc


def name_on_the_wire(host: str) -> str:
    """Return the name to look up: IPv6 literals without their brackets, others in ASCII."""
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1]
    if host.isascii():
        return host
    import idna

    return idna.encode(host, uts46=True).decode("ascii")


def _is_literal(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):
            socket.inet_pton(family, host.strip("[]"))
            return True
    return False


def _addresses(answers: Sequence[tuple[object, ...]]) -> Sequence[Address]:
    return [(answer[0], answer[4]) for answer in answers]  # type: ignore[misc]


def _allowed(
    found: Sequence[Address], host: str, port: int, public_only: bool
) -> Sequence[Address]:
    """Return the addresses to try.

    raises: ConnectError when only public ones may be and one is not, of all there are.
    """
    if public_only:
        from postroad.transport.guard import check  # its tables cost others nothing

        check(host, port, [address[0] for _, address in found])
    return found[:MAX_ADDRESSES]


def _unknown(host: str, exc: Exception) -> ConnectError:
    why = exc.strerror if isinstance(exc, OSError) else "it is no host name"
    error = ConnectError(f"the host name {host} cannot be resolved: {why}", reason=Reason.DNS)
    error.__cause__ = exc
    return error


def _failed(host: str, port: int, timeout_s: float, exc: OSError | None) -> ConnectError:
    """Return the error for the last address that was tried."""
    where = f"{host}:{port}"
    if isinstance(exc, TimeoutError):
        return ConnectError(
            f"{where} did not answer within {timeout_s:.3g} s", reason=Reason.CONNECT_TIMEOUT
        )
    if isinstance(exc, ConnectionRefusedError):
        return ConnectError(f"{where} refused the connection", reason=Reason.REFUSED)
    if exc is not None and exc.errno in _UNREACHABLE:
        return ConnectError(f"{where} cannot be reached: {exc.strerror}", reason=Reason.UNREACHABLE)
    if exc is not None and exc.errno == errno.ETIMEDOUT:
        return ConnectError(f"{where} did not answer", reason=Reason.CONNECT_TIMEOUT)
    return ConnectError(f"{where} cannot be reached: {exc}", reason=Reason.UNREACHABLE)
