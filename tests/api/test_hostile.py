"""Requests that nobody with good intentions sends: the dialect's own error, and nothing done."""

from __future__ import annotations

import gzip
import json

import pytest
from tests.api.service import NAVER, SEND, Reply, Service, changed, head, post, running

from postroad.api import danbee, nobase
from postroad.api.faults import Fault

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
MULTIPART = "multipart/form-data; boundary=xyz"
CHUNKED = "Transfer-Encoding: chunked"

PATHS = [SEND, NAVER]


def assert_fault(reply: Reply, path: str, fault: Fault) -> None:
    """The answer is the dialect's own word for the fault."""
    if path == NAVER:
        assert reply.status == 200
        said = reply.said
        code, template = danbee.FAULTS[fault]
        text = template.format(seconds=10)
        assert said["resultCode"] == "fail"
        assert said["apiResultCode"] == str(code.value)
        assert said["resultMessage"] == text
    else:
        status, number, template = nobase.FAULTS[fault]
        text = template.format(seconds=10)
        assert reply.status == status
        assert reply.code_and_data == (number, text)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("content_type", "body", "fault"),
    [
        (FORM, b"a=1&" * 200_000, Fault.TOO_MANY),
        (FORM, b"&" * 1_000_000, Fault.TOO_MANY),
        (JSON, b"[" * 1_000_000, Fault.MALFORMED),
        (JSON, b'{"appid":' * 100_000, Fault.MALFORMED),
        (JSON, json.dumps([{"appid": "1"}]).encode(), Fault.MALFORMED),
        (JSON, json.dumps(dict.fromkeys(map(str, range(50_000)))).encode(), Fault.TOO_MANY),
        (JSON, b'"appid"', Fault.MALFORMED),
        (MULTIPART, b"appid=1", Fault.MALFORMED),
        (
            MULTIPART,
            b"--xyz\r\nContent-Disposition: form-data; name=appid\r\n\r\n1",
            Fault.MALFORMED,
        ),
        (MULTIPART, b"--xyz\r\n" * 50_000, Fault.MALFORMED),
        ("multipart/mixed; boundary=xyz", b"--xyz--", Fault.MALFORMED),
        ("text/xml", b"<appid>1</appid>", Fault.MALFORMED),
        ("text/plain", b"appid=1", Fault.MALFORMED),
        (None, b"appid=1", Fault.MALFORMED),
    ],
)
def test_a_body_that_is_not_what_it_says(
    service: Service, path: str, content_type: str | None, body: bytes, fault: Fault
) -> None:
    reply = service.post(path, body, content_type)

    assert_fault(reply, path, fault)
    assert not service.operations.asked
    assert [refused[:2] for refused in service.refused] == [(fault, reply.status)]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["gzip", "deflate", "identity, gzip", "x"])
def test_a_compressed_body_is_not_unpacked(service: Service, path: str, encoding: str) -> None:
    bomb = gzip.compress(b"a=1&" * 100_000)

    reply = service.post(path, bomb, FORM, f"Content-Encoding: {encoding}")

    assert_fault(reply, path, Fault.MALFORMED)
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding"])
def test_a_field_that_proxies_may_read_otherwise_is_refused(
    service: Service, path: str, name: str
) -> None:
    reply = service.post(path, b"{}", JSON, f"{name}: {FORM}", f"{name}: {JSON}")

    assert_fault(reply, path, Fault.MALFORMED)
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("separator", ["&", "&&", "&=&"])
def test_a_million_parameters_in_the_query_are_refused(
    service: Service, path: str, separator: str
) -> None:
    reply = service.get(f"{path}?{separator.join('a' * 150)}")

    assert_fault(reply, path, Fault.TOO_MANY)


# Size


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("more", [(), ("Expect: 100-continue",)])
def test_a_gigabyte_is_refused_before_it_is_sent(
    service: Service, path: str, more: tuple[str, ...]
) -> None:
    declared = head("POST", path, f"Content-Type: {FORM}", f"Content-Length: {10**9}", *more)

    reply = service.exchange(declared)

    assert_fault(reply, path, Fault.FAR_TOO_LARGE)
    assert not service.operations.asked


@pytest.mark.parametrize("length", ["18446744073709551615", "9" * 40])
def test_a_length_beyond_all_numbers_is_refused(service: Service, length: str) -> None:
    reply = service.exchange(head("POST", SEND, f"Content-Length: {length}"))

    assert reply.status in {400, 413, 431}
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("is_chunked", [True, False])
def test_who_sends_too_much_is_heard_out_and_told(path: str, is_chunked: bool) -> None:
    body = b"title=" + b"a" * 20_000
    request = post(path, body, FORM)
    if is_chunked:
        request = head("POST", path, f"Content-Type: {FORM}", CHUNKED) + chunks(body)

    with running(changed(max_body_octets=10_000)) as service, service.connect() as client:
        client.send(request + head("GET", "/healthz"))
        reply, after = client.reply(), client.reply()

    assert_fault(reply, path, Fault.TOO_LARGE)
    assert after.body == b"ok\n"
    assert not service.operations.asked


def test_a_body_of_the_whole_limit_is_read() -> None:
    body = b"title=" + b"a" * 9_994

    with running(changed(max_body_octets=10_000)) as service:
        service.post(SEND, body)

    assert len(service.only_asked.values["title"]) == 9_994


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_without_end_is_cut(path: str) -> None:
    with running(changed(max_body_octets=1_000)) as service:
        reply = service.exchange(head("POST", path, CHUNKED) + chunks(b"a" * 100_000))

    assert_fault(reply, path, Fault.FAR_TOO_LARGE)
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
def test_a_flood_of_tiny_chunks_is_cut(service: Service, path: str) -> None:
    reply = service.exchange(head("POST", path, CHUNKED) + chunks(b"a" * 20_000, size=1))

    assert_fault(reply, path, Fault.MALFORMED)
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
def test_bodies_share_one_store_of_memory_and_give_it_back(path: str) -> None:
    body = b"title=" + b"a" * 594
    halves = post(path, body, FORM)[:-10], post(path, body, FORM)[-10:]

    limits = changed(max_body_octets=900, max_bodies_octets=1_000)
    with running(limits) as service, service.connect() as holder:
        holder.send(halves[0])
        service.until(lambda: service.app.held_octets > 0)
        taken = service.post(SEND, body)
        refused = holder.reply()
        service.told()
        held_octets = service.app.held_octets

    assert_fault(refused, path, Fault.BUSY)
    assert taken.code_and_data[0] == 200
    assert held_octets == 0


# Time


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("limits", [{"receive_timeout_s": 0.05}, {"body_timeout_s": 0.05}])
@pytest.mark.parametrize(
    "begun",
    [
        (f"Content-Type: {FORM}", "Content-Length: 100"),
        (f"Content-Type: {FORM}", CHUNKED),
    ],
)
def test_a_body_that_does_not_come_is_not_waited_for(
    path: str, limits: dict[str, float], begun: tuple[str, ...]
) -> None:
    with running(changed(**limits)) as service, service.connect() as client:
        client.send(head("POST", path, *begun))
        reply = client.reply()
        is_closed = client.is_closed()

    assert_fault(reply, path, Fault.TOO_SLOW)
    assert is_closed
    assert not service.operations.asked


def test_a_head_that_does_not_come_is_not_waited_for() -> None:
    with (
        running(head_timeout_s=0.1) as service,
        service.connect() as silent,
        service.connect() as slow,
    ):
        slow.send(head("GET", SEND)[:-2])
        closed = silent.is_closed(), slow.is_closed()

    assert closed == (True, True)
    assert not service.operations.asked


@pytest.mark.parametrize("path", PATHS)
def test_a_body_that_ends_early_does_nothing(path: str) -> None:
    with running() as service:
        with service.connect() as client:
            client.send(post(path, b"appid=1&title=abcdef", FORM)[:-3])
            service.until(lambda: service.app.held_octets > 0)
        accesses = service.told()

    assert not service.operations.asked
    assert not service.crashes
    assert [access.route for access in accesses] == [path]


# HTTP itself


def test_transfer_encoding_wins_over_a_length_and_the_connection_ends(service: Service) -> None:
    smuggled = head("GET", f"{SEND}?appid=smuggled")
    body = chunks(b"appid=1")
    lengths = f"Content-Type: {FORM}", f"Content-Length: {len(body) + len(smuggled)}", CHUNKED

    with service.connect() as client:
        client.send(head("POST", SEND, *lengths) + body + smuggled)
        reply = client.reply()
        is_closed = client.is_closed()

    assert reply.status in {200, 400}
    assert is_closed
    assert all(request.values == {"appid": "1"} for _, request, _ in service.operations.asked)


@pytest.mark.parametrize(
    "octets",
    [
        head("POST", SEND, "Content-Length: -1"),
        head("POST", SEND, "Content-Length: +1") + b"a",
        head("POST", SEND, "Content-Length: 0x1") + b"a",
        head("POST", SEND, "Content-Length: 3", "Content-Length: 4") + b"abcd",
        head("POST", SEND, "Content-Length: 3, 4") + b"abcd",
        head("POST", SEND, "Transfer-Encoding: chunked, identity") + b"0\r\n\r\n",
        head("GET", "@evil.example/api/mail/send"),
        head("GET", "evil.example"),
        head("GET", SEND + "?" + "a" * 70_000),
        head("GET", SEND, "X: " + "a" * 70_000),
        head("GET", SEND, *("X: a" for _ in range(5_000))),
        head("GET", SEND, "X y: a"),
        head("GET", SEND, "X: a\x00b"),
        head("GET", "*"),
        head("OPTIONS", "*"),
        head("CONNECT", "smtp.evil.example:25"),
        f"GET {SEND} HTTP/3.0\r\n\r\n".encode(),
        f"GET  {SEND} HTTP/1.1\r\n\r\n".encode(),
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 500,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        f"GET {SEND} HTTP/1.1\r\nHost: a/b\r\n\r\n".encode(),
        f"GET {SEND} HTTP/1.1\r\nHost: a b\r\n\r\n".encode(),
        b"EHLO postroad\r\n\r\n",
        b"\r\n" * 50_000,
    ],
)
def test_what_is_no_http_request_is_refused_by_the_server(service: Service, octets: bytes) -> None:
    reply = service.exchange(octets)

    assert reply.status == 0 or 400 <= reply.status < 500
    assert not service.operations.asked
    assert not service.crashes
    assert service.get("/healthz").body == b"ok\n"


@pytest.mark.parametrize(
    "ending", [b"zz\r\nab\r\n0\r\n\r\n", b"-1\r\n\r\n", b"5\r\nabc\r\n0\r\n\r\n"]
)
def test_a_broken_chunk_does_nothing(service: Service, ending: bytes) -> None:
    broken = head("POST", SEND, f"Content-Type: {FORM}", CHUNKED) + b"7\r\nappid=1\r\n" + ending

    reply = service.exchange(broken)

    assert reply.status == 0 or reply.code_and_data[0] == 204
    assert not service.operations.asked
    assert not service.crashes


@pytest.mark.parametrize(
    "target",
    [f"http://evil.example{SEND}?appid=1", f"http://user:pw@evil.example{SEND}?appid=1"],
)
def test_an_absolute_target_means_its_path(service: Service, target: str) -> None:
    reply = service.get(target)

    assert reply.code_and_data == (200, "邮件发送成功")
    assert service.only_asked.values == {"appid": "1"}


@pytest.mark.parametrize(
    "path",
    [
        "/api/mail/send%00",
        "/api/mail/send;x=1",
        "/api/mail",
        "/API/mail/send",
        "/api/mail/../mail/send",
        "/%ff",
        "/api/mail/send/x",
        "/api/mail/send/",
        "//api/mail/send",
        "/api//mail/send",
        "/api%2fmail%2fsend",
        "/api/mail/%73end",
        "//metrics",
        "/metrics/",
        "/%6detrics",
        "/..%2f..%2fetc/passwd",
        "/" + "a/" * 5_000,
        "/" + "%00" * 3_000,
    ],
)
def test_other_paths_lead_nowhere(service: Service, path: str) -> None:
    reply = service.get(path)

    assert reply.status == 404
    assert reply.body == b"There is nothing here.\n"
    assert not service.operations.asked
    assert not service.crashes


@pytest.mark.parametrize("host", ["a.example.", "[::1]:80", "127.0.0.1:99999"])
def test_the_host_is_not_trusted_with_anything(service: Service, host: str) -> None:
    reply = service.exchange(f"GET {SEND}?appid=1 HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())

    assert reply.code_and_data == (200, "邮件发送成功")
    assert host not in str(reply.headers)


@pytest.mark.parametrize(
    "hosts", ["", "Host:\r\n", "Host: a\r\nHost: b\r\n", "Host: a\r\nHost: a\r\n"]
)
@pytest.mark.parametrize("path", ["/healthz", SEND])
def test_a_request_names_its_host_once(service: Service, path: str, hosts: str) -> None:
    reply = service.exchange(f"GET {path} HTTP/1.1\r\n{hosts}\r\n".encode())

    assert reply.status == 400
    assert not service.operations.asked


def test_before_http_1_1_there_is_no_host(service: Service) -> None:
    reply = service.exchange(b"GET /healthz HTTP/1.0\r\n\r\n")

    assert reply.status == 200


def test_an_upgrade_is_not_taken_up(service: Service) -> None:
    reply = service.get(
        SEND,
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )

    assert reply.status == 200


def test_pipelined_requests_are_answered_in_order(service: Service) -> None:
    with service.connect() as client:
        client.send(post(SEND, b"appid=1", FORM) + post(SEND, b"{", JSON) + head("GET", "/healthz"))
        replies = [client.reply() for _ in range(3)]

    assert [reply.status for reply in replies] == [200, 200, 200]
    assert replies[1].code_and_data == (204, "接口参数错误:请求格式错误")
    assert replies[2].body == b"ok\n"


# What every answer carries, and what is told of it


@pytest.mark.parametrize(
    "request_",
    [
        post(SEND, b"", FORM),
        post(SEND, b"x", "text/plain"),
        head("PUT", SEND),
        head("OPTIONS", SEND),
        head("POST", SEND, "Content-Length: 1000000000"),
        post(NAVER, b"", JSON),
        head("GET", "/"),
        head("GET", "/metrics"),
        head("GET", "/nothing"),
        head("CONNECT", "a:25"),
    ],
)
def test_every_answer_is_private_and_read_as_what_it_is(service: Service, request_: bytes) -> None:
    reply = service.exchange(request_)

    assert reply.header("cache-control") == "no-store"
    assert reply.header("referrer-policy") == "no-referrer"
    assert reply.header("x-content-type-options") == "nosniff"
    assert reply.header("server") == "postroad"


def test_what_is_told_of_a_request_has_no_query(service: Service) -> None:
    service.get(f"{SEND}?appid=1&pass=hunter2&token=hunter2&signature=hunter2")
    service.get(f"{SEND}/?pass=hunter2")
    service.get("/pass/hunter2?pass=hunter2")
    service.exchange(head("X" * 1_000, "/" + "y" * 1_000))

    accesses = service.told()

    assert "hunter2" not in repr(accesses)
    assert [(access.method, access.route, access.status) for access in accesses] == [
        ("GET", SEND, 200),
        ("GET", "", 404),
        ("GET", "", 404),
        ("other", "", 404),
    ]
    assert all(access.ip == "127.0.0.1" and access.duration_s > 0 for access in accesses)


def chunks(body: bytes, size: int = 1 << 20) -> bytes:
    """Return a body in chunks of `size`."""
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])
