"""How parameters are read: query, form, multipart and JSON alike, and nothing guessed."""

from __future__ import annotations

import contextlib
import json
import tracemalloc
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postroad.api.bodies import FORM, JSON, MULTIPART, Pair, pairs_of_body, pairs_of_form
from postroad.api.faults import BadRequest, Fault
from postroad.api.parameters import Parameters, collect

NAMES = ("appid", "title", "content")
TYPED = f"{MULTIPART}; boundary=xyz"


def read(query: bytes = b"", content_type: str = "", body: bytes = b"") -> Parameters:
    return collect(pairs_of_form(query), pairs_of_body(content_type, body), NAMES)


def part(name: str, value: bytes, *more: str) -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"'
    return "\r\n".join(["--xyz", disposition + "".join(more), "", ""]).encode() + value + b"\r\n"


def fault_of(content_type: str, body: bytes) -> Fault:
    with pytest.raises(BadRequest) as raised:
        pairs_of_body(content_type, body)
    return raised.value.fault


@pytest.mark.parametrize(
    ("octets", "value"),
    [
        (b"title=a", "a"),
        (b"title=", ""),
        (b"title", ""),
        (b"title=a+b%20c%2B", "a b c+"),
        (b"title=a=b", "a=b"),
        (b"title=%E6%B5%8B%e8%af%95", "测试"),
        ("title=测试".encode(), "测试"),
        (b"%74itle=a", "a"),
        (b"&&title=a&", "a"),
        (b"title=%", "%"),
        (b"title=100%&content=", "100%"),
        (b"title=%4&content=", "%4"),
        (b"title=%zz%41", "%zzA"),
        (b"title=%%41", "%A"),
        (b"title=%u6D4B", "%u6D4B"),
        (b"title=a;content=b", "a;content=b"),
        (b"title=a%26content%3Db", "a&content=b"),
        (b"title=a%00b", "a\x00b"),
        (b"title= a ", " a "),
        ("title=\ufefftitle".encode(), "\ufefftitle"),
    ],
)
def test_a_form_is_decoded_once_and_taken_as_it_is(octets: bytes, value: str) -> None:
    in_query, in_body = read(octets), read(content_type=FORM, body=octets)

    assert in_query == in_body
    assert in_query.values["title"] == value
    assert not in_query.repeated
    assert not in_query.undecodable


@pytest.mark.parametrize(
    "octets",
    [
        b"title=\xff",
        b"title=%ff",
        b"title=%C3",
        b"title=%ED%A0%80",
        b"title=%C0%80",
        b"title=\xc4%E3",
    ],
)
def test_what_is_not_utf_8_is_undecodable(octets: bytes) -> None:
    found = read(octets)

    assert found == Parameters({}, (), ("title",))


def test_only_names_that_were_asked_for_are_kept() -> None:
    found = read(b"Title=a&titles=b&title[]=c&%ff=d&=e&_method=PUT&appid=1")

    assert found == Parameters({"appid": "1"})


@pytest.mark.parametrize(
    ("query", "body", "repeated"),
    [
        (b"title=a&title=b", b"", ("title",)),
        (b"title=a&title=a", b"", ("title",)),
        (b"title=a&%74itle=a", b"", ("title",)),
        (b"", b"title=a&title", ("title",)),
        (b"title=a", b"title=b", ("title",)),
        (b"title=a", b"title=", ("title",)),
        (b"title=a", b"title=a", ()),
        (b"title=a", b"title=%61", ()),
        (b"title=a", b"content=a", ()),
        (b"content=1&content=2&appid=1", b"appid=2", ("appid", "content")),
        (b"other=1&other=2", b"other=3", ()),
    ],
)
def test_a_name_given_twice_is_repeated(
    query: bytes, body: bytes, repeated: tuple[str, ...]
) -> None:
    assert read(query, FORM, body).repeated == repeated


def test_a_repeated_name_whose_first_value_is_text_is_not_decodable_by_luck() -> None:
    found = read(b"title=a", FORM, b"title=%ff")

    assert found == Parameters({}, ("title",), ("title",))


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"{}", Parameters({})),
        (b' {"title": "a"} ', Parameters({"title": "a"})),
        ('{"title": "测\\u8bd5"}'.encode(), Parameters({"title": "测试"})),
        (b'{"title": "\\ud83d\\ude00"}', Parameters({"title": "😀"})),
        (b'{"appid": 1234567890}', Parameters({"appid": "1234567890"})),
        (b'{"appid": 1.50e3}', Parameters({"appid": "1.50e3"})),
        (b'{"appid": ' + b"9" * 9_999 + b"}", Parameters({"appid": "9" * 9_999})),
        (b'{"title": null}', Parameters({})),
        (b'{"title": ""}', Parameters({"title": ""})),
        (b'{"title": true}', Parameters({}, (), ("title",))),
        (b'{"title": ["a"]}', Parameters({}, (), ("title",))),
        (b'{"title": {"a": 1, "a": 2}}', Parameters({}, (), ("title",))),
        (b'{"title": "\\ud83d"}', Parameters({}, (), ("title",))),
        (b'{"title": "\xff", "appid": "1"}', Parameters({"appid": "1"}, (), ("title",))),
        (b'{"title": "a", "title": "a"}', Parameters({"title": "a"}, ("title",))),
        (b'{"title": "a", "\\u0074itle": null}', Parameters({}, ("title",))),
        (b'{"other": [], "title": "a\\u0000"}', Parameters({"title": "a\x00"})),
    ],
)
def test_json_gives_texts_and_numbers(body: bytes, expected: Parameters) -> None:
    assert read(content_type=JSON, body=body) == expected


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b'{"title": "\\ud83d\\\\ude00"}', ("title",)),
        (b'{"title": "\\\\ud83d"}', ()),
        (b'{"title": "a", "content": "\\ud83d"}', ("content",)),
        (b'{"title": ["\\ud83d"]}', ("title",)),
    ],
)
def test_half_a_surrogate_pair_spoils_its_own_value_only(
    body: bytes, fault: tuple[str, ...]
) -> None:
    assert read(content_type=JSON, body=body).undecodable == fault


@pytest.mark.parametrize("piece", [b"{}", b"[]", b'{"":0}', b"[[[[]]]]", b"10", b'"a"'])
def test_nothing_is_made_of_what_stands_deeper_in_json(piece: bytes) -> None:
    body = b'{"title": "a", "other": [' + b",".join([piece] * (1_000_000 // len(piece))) + b"]}"
    read(content_type=JSON, body=b"{}")

    tracemalloc.start()
    try:
        found = read(content_type=JSON, body=body)
        _, peak_octets = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == Parameters({"title": "a"})
    assert peak_octets < 3 * len(body)


def test_a_hundred_and_first_member_is_the_last_that_is_looked_at() -> None:
    body = b"{" + b",".join(b'"%d":0' % number for number in range(101)) + b", and no more JSON"

    assert fault_of(JSON, body) is Fault.TOO_MANY


def test_null_in_json_leaves_room_for_the_query() -> None:
    found = read(b"title=a", JSON, b'{"title": null}')

    assert found == Parameters({"title": "a"})


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'"title"',
        b"1",
        b"null",
        b"{",
        b"{'title': 'a'}",
        b'{"title": "a"} x',
        b'{"title": NaN}',
        b'{"title": -Infinity}',
        b'{"title": "a\nb"}',
        b"\xef\xbb\xbf{}",
        '{"title": "a"}'.encode("utf-16"),
        b"[" * 100_000,
        b'{"title":' * 100_000,
        b'{"title":' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"title=a",
    ],
)
def test_what_is_no_json_object_is_malformed(body: bytes) -> None:
    assert fault_of(JSON, body) is Fault.MALFORMED


def test_multipart_fields_are_read() -> None:
    body = (
        part("appid", b"1") + part("title", "测试".encode()) + part("content", b"") + b"--xyz--\r\n"
    )

    found = read(content_type=TYPED, body=body)

    assert found == Parameters({"appid": "1", "title": "测试", "content": ""})


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (part("title", b"a", '; filename="a.txt"'), Parameters({}, (), ("title",))),
        (part("title", b"a", '; filename=""'), Parameters({}, (), ("title",))),
        (part("title", b"\xff"), Parameters({}, (), ("title",))),
        (part("title", b"a") + part("title", b"a"), Parameters({"title": "a"}, ("title",))),
        (part("other", b"a", '; filename="a.txt"'), Parameters({})),
        (part("title", b"a\r\nb"), Parameters({"title": "a\r\nb"})),
    ],
)
def test_odd_multipart_fields_are_named(body: bytes, expected: Parameters) -> None:
    assert read(content_type=TYPED, body=body + b"--xyz--\r\n") == expected


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (MULTIPART, part("title", b"a") + b"--xyz--\r\n"),
        (TYPED, part("title", b"a")),
        (TYPED, b"--xyz-"),
        (TYPED, b"title=a"),
        (TYPED, b"--xyz\r\n\r\na\r\n--xyz--\r\n"),
        (TYPED, b"--xyz\r\nContent-Disposition: form-data\r\n\r\na\r\n--xyz--\r\n"),
        (TYPED, b"--xyz\r\nContent-Disposition: form-data; name=\xff\r\n\r\na\r\n--xyz--\r\n"),
        (TYPED, b"--xyz\r\n" + b"A: b\r\n" * 50 + b"\r\na\r\n--xyz--\r\n"),
        (f"{MULTIPART}; boundary=é", b"--xyz--\r\n"),
        (f"{MULTIPART}; boundary={'x' * 2_000}", b"--xyz--\r\n"),
    ],
)
def test_broken_multipart_is_malformed(content_type: str, body: bytes) -> None:
    assert fault_of(content_type, body) is Fault.MALFORMED


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/plain;charset=UTF-8",
        "application/xml",
        "*/*",
        ";",
        "application/JSON5",
    ],
)
def test_a_body_of_another_type_is_malformed(content_type: str) -> None:
    assert fault_of(content_type, b"title=a") is Fault.MALFORMED


@pytest.mark.parametrize("content_type", ["", FORM, JSON, MULTIPART, TYPED, "text/plain"])
def test_an_empty_body_has_no_parameters_whatever_its_type(content_type: str) -> None:
    assert read(content_type=content_type) == Parameters({})


@pytest.mark.parametrize(
    "content_type",
    [f"{FORM}; charset=gbk", f"{FORM};charset=UTF-7", "APPLICATION/X-WWW-FORM-URLENCODED"],
)
def test_every_form_is_utf_8_whatever_it_says(content_type: str) -> None:
    found = read(content_type=content_type, body=b"title=%E6%B5%8B&content=%B2%E2&appid=%2BAD4-")

    assert found == Parameters({"title": "测", "appid": "+AD4-"}, (), ("content",))


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, b"a=1&" * 1_000_000),
        (FORM, b"&".join(b"a" for _ in range(101))),
        (JSON, json.dumps({str(n): "" for n in range(101)}).encode()),
        (TYPED, part("a", b"") * 101 + b"--xyz--\r\n"),
    ],
)
def test_more_parameters_than_anybody_needs_are_refused(content_type: str, body: bytes) -> None:
    assert fault_of(content_type, body) is Fault.TOO_MANY


def test_a_hundred_parameters_are_read() -> None:
    pairs = pairs_of_form(b"&".join(b"n%d=%d" % (n, n) for n in range(100)))

    assert pairs == [(f"n{n}", str(n)) for n in range(100)]


@given(st.lists(st.tuples(st.text(), st.text()), max_size=20))
def test_what_a_client_encodes_is_what_is_read(pairs: list[Pair]) -> None:
    encoded = urlencode(pairs).encode()

    read_back = pairs_of_form(encoded)

    assert read_back == pairs


@given(st.binary(), st.sampled_from([FORM, JSON, TYPED]))
def test_no_octets_break_the_reading(body: bytes, content_type: str) -> None:
    pairs: list[Pair] = []

    with contextlib.suppress(BadRequest):
        pairs = pairs_of_body(content_type, body)

    assert all(isinstance(name, str) for name, _ in pairs)


@given(st.text(alphabet="%aF0 +&=\u6d4b"))
def test_a_percent_sign_is_an_escape_only_before_two_hexadecimal_digits(text: str) -> None:
    (pair,) = pairs_of_form(b"t=" + quote(text).encode())

    assert pair == ("t", text)
