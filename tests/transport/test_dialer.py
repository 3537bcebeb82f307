"""The dialer: each address in turn, in time, and a reason when none answers."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest

from postroad.errors import ConnectError, Reason
from postroad.transport.dialer import MAX_ADDRESSES, dial, dial_async


def dial_both(
    host: str, port: int, timeout_s: float, *, public_only: bool = False
) -> list[str | Reason | None]:
    """What the blocking and the asyncio dialer find: an address, or the reason why not."""
    found: list[str | Reason | None] = []
    for is_async in (False, True):
        try:
            if is_async:
                dialing = dial_async(host, port, timeout_s, public_only=public_only)
                sock, address = asyncio.run(dialing)
            else:
                sock, address = dial(host, port, timeout_s, public_only=public_only)
        except ConnectError as error:
            found.append(error.reason)
        else:
            sock.close()
            found.append(address)
    return found


def answers(monkeypatch: pytest.MonkeyPatch, addresses: list[str]) -> None:
    """Let every name resolve to `addresses`, as a name server would."""
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda _, port, *__, **___: [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses
        ],
    )


@pytest.fixture
def listener() -> socket.socket:
    return socket.create_server(("127.0.0.1", 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_name_and_a_literal_are_dialed(host: str, listener: socket.socket) -> None:
    with listener:
        assert dial_both(host, listener.getsockname()[1], 5) == ["127.0.0.1"] * 2


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_an_ipv6_literal_may_stand_in_brackets(host: str) -> None:
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as listener:
        assert dial_both(host, listener.getsockname()[1], 5) == ["::1"] * 2


def test_the_next_address_is_tried_when_one_refuses(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ["127.0.0.2", "127.0.0.1"])

    with listener:
        assert dial_both("mail.example", listener.getsockname()[1], 5) == ["127.0.0.1"] * 2


def test_a_name_with_a_thousand_addresses_is_given_up_after_a_few(
    listener: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers(monkeypatch, ["127.0.0.2"] * MAX_ADDRESSES + ["127.0.0.1"])

    with listener:
        assert dial_both("mail.example", listener.getsockname()[1], 5) == [Reason.REFUSED] * 2


def test_a_port_without_a_server_refuses(listener: socket.socket) -> None:
    port = listener.getsockname()[1]
    listener.close()

    assert dial_both("127.0.0.1", port, 5) == [Reason.REFUSED] * 2


@pytest.mark.parametrize(
    "host", ["no-such-host.invalid", "홍길동.invalid", "a..b", "x" * 64 + ".kr"]
)
def test_an_unknown_name_is_told_from_a_silent_server(host: str) -> None:
    assert dial_both(host, 25, 5) == [Reason.DNS] * 2


def test_a_server_that_does_not_answer_costs_no_more_than_the_time_out() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        address = full.getsockname()
        crowd = [socket.socket() for _ in range(4)]  # fills the queue of who waits to be accepted
        for sock in crowd:
            sock.setblocking(False)
            sock.connect_ex(address)

        found = dial_both("127.0.0.1", address[1], 0.2)

        for sock in crowd:
            sock.close()
    assert found == [Reason.CONNECT_TIMEOUT] * 2


def test_a_name_server_that_does_not_answer_costs_no_more_than_the_time_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answered = threading.Event()

    def silent(*_: object, **__: object) -> list[object]:
        answered.wait(10)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)

    with pytest.raises(ConnectError, match=r"within 0\.2 s"):
        dial("mail.example", 25, 0.2)
    answered.set()
