"""Which text is one mailbox, and what becomes of it on the wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from tests.message.strategies import BIDI, addresses, emails

from postroad.errors import AddressError, TooLargeError
from postroad.message import Address, limits, parse_address, parse_address_list

GOOD = [
    # text, path, name, display
    ("a@b.c", "a@b.c", "", "a@b.c"),
    ("<a@b.c>", "a@b.c", "", "a@b.c"),
    ("Bo <a@b.c>", "a@b.c", "Bo", "Bo <a@b.c>"),
    ("Bo<a@b.c>", "a@b.c", "Bo", "Bo <a@b.c>"),
    ("Bo B. Smith <a@b.c>", "a@b.c", "Bo B. Smith", '"Bo B. Smith" <a@b.c>'),
    ("O'Neil Jr <a@b.c>", "a@b.c", "O'Neil Jr", "O'Neil Jr <a@b.c>"),
    ('"Smith, Bo" <a@b.c>', "a@b.c", "Smith, Bo", '"Smith, Bo" <a@b.c>'),
    (r'"a \"b\" \\" <a@b.c>', "a@b.c", r'a "b" \ '[:-1], r'"a \"b\" \\" <a@b.c>'),
    ('"bo@x.com" <a@b.c>', "a@b.c", "bo@x.com", '"bo@x.com" <a@b.c>'),
    ("알림 <a@b.c>", "a@b.c", "알림", "=?UTF-8?B?7JWM66a8?= <a@b.c>"),
    ('"(주)회사" <a@b.c>', "a@b.c", "(주)회사", "=?UTF-8?B?KOyjvCntmozsgqw=?= <a@b.c>"),
    ("[Notice] Team <a@b.c>", "a@b.c", "[Notice] Team", '"[Notice] Team" <a@b.c>'),
    ('"=?UTF-8?Q?x?=" <a@b.c>', "a@b.c", "=?UTF-8?Q?x?=", None),
    ("first.last+tag@b.c", "first.last+tag@b.c", "", None),
    ("!#$%&'*+/=?^_`{|}~-@b.c", "!#$%&'*+/=?^_`{|}~-@b.c", "", None),
    ('"a b"@c.d', '"a b"@c.d', "", None),
    (r'"a\"b.."@c.d', r'"a\"b.."@c.d', "", None),
    ("me@localhost", "me@localhost", "", None),
    ("a@[192.0.2.1]", "a@[192.0.2.1]", "", None),
    ("a@[IPv6:2001:db8::1]", "a@[IPv6:2001:db8::1]", "", None),
    ("a@123.example", "a@123.example", "", None),
    ("a@bücher.example", "a@xn--bcher-kva.example", "", None),
    ("a@Bücher.example", "a@xn--bcher-kva.example", "", None),
    ("a@straße.example", "a@xn--strae-oqa.example", "", None),
    ("a@한국.kr", "a@xn--3e0b707e.kr", "", None),
    ("a@\u1112\u1161\u11ab국.kr", "a@xn--3e0b707e.kr", "", None),  # as macOS types it
    ("a@xn--3e0b707e.kr", "a@xn--3e0b707e.kr", "", None),
    ("사용자@한국.kr", "사용자@xn--3e0b707e.kr", "", None),
    (f"{'a' * 64}@b.c", f"{'a' * 64}@b.c", "", None),
    (f"a@{'b' * 63}.c", f"a@{'b' * 63}.c", "", None),
    (f"a@{'b.' * 125}cc", f"a@{'b.' * 125}cc", "", None),  # 254 octets
]
BAD = [
    # text, what the error says
    ("", "empty"),
    (" ", "no @"),
    ("plain", "no @"),
    ("@b.c", "nothing before"),
    ("a@", "nothing after"),
    ("a@b@c.d", "more than one @"),
    ('"a@b"@c.d', "more than one @"),
    (r"a\@b@c.d", "more than one @"),
    ('"a>b"@c.d', "may not stand before"),
    ('""@b.c', "may not stand before"),
    ('"a"b@c.d', "may not stand before"),
    ('"a@b.c', "may not stand before"),
    ("a b@c.d", "space"),
    (" a@b.c", "space"),
    ("a@b.c ", "no label"),
    ("a@b .c", "no label"),
    ("a\t@b.c", "space"),
    ("a\u3000b@c.d", "space"),
    ("a\xa0b@c.d", "space"),
    ("a..b@c.d", "dot"),
    (".a@b.c", "dot"),
    ("a.@b.c", "dot"),
    ("a@b..c", "empty"),
    ("a@.b", "empty"),
    ("a@b.", "empty"),
    ("a@-b.c", "no label"),
    ("a@b-.c", "no label"),
    ("a@b_c.d", "no label"),
    ("a@b,c.d", "no label"),
    ("a@1.2.3.4", "brackets"),
    ("a@[1.2.3.256]", "literal"),
    ("a@[1.2.3]", "literal"),
    ("a@[01.2.3.4]", "literal"),
    ("a@[1.2.3.4", "literal"),
    ("a@[IPv6:1::2::3]", "literal"),
    ("a@[IPv6:::1%eth0]", "literal"),
    ("a@[x:y]", "literal"),
    ("a@한국。kr", "international"),
    ("a@ｂ.c", "international"),
    ("a@😀.example", "international"),
    ("a@a\u200db\u00fc.example", "international"),
    (f"{'a' * 65}@b.c", "64 octets"),
    (f"{'가' * 22}@b.c", "64 octets"),
    (f"a@{'b' * 64}.c", "63 octets"),
    (f"a@{'b.' * 125}ccc", "254 octets"),
    (f"a@{'b.' * 127}ccc", "255 octets"),
    ("a@" + "b" * 1_000_000, "too long"),
    ("x" * 1_000_000 + " <a@b.c>", "too long"),
    ("a@b.c, d@e.f", "more than one @"),
    ("Bo <a@b.c>, Al <d@e.f>", "in quotes"),
    ("a@b.c <d@e.f>", "in quotes"),
    ("Smith, Bo <a@b.c>", "in quotes"),
    ("(주)회사 <a@b.c>", "in quotes"),
    ("Bo (work) <a@b.c>", "in quotes"),
    ("team: a@b.c;", "groups"),
    ("team: <a@b.c>", "in quotes"),
    ("a(b)@c.d", "comments"),
    ("a@b.c (Bo)", "no label"),
    ("Bo <>", "empty"),
    ("<>", "empty"),
    ("Bo <a@b.c", "groups"),
    ("a@b.c>", "without '<'"),
    ("Bo <a@b.c> x", "groups"),
    ("<<a@b.c>>", "in quotes"),
    ("Bo <<a@b.c>", "in quotes"),
    (" <a@b.c>", "space"),
    (" Bo <a@b.c>", "space"),
    ("Bo < a@b.c>", "space"),
    ("Bo <a@b.c >", "no label"),
    ('"Bo" x <a@b.c>', "in quotes"),
    ('"Bo <a@b.c>', "in quotes"),
    (f'"{"x" * 1025}" <a@b.c>', "1,024"),
    (f"{'가' * 342} <a@b.c>", "1,024"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "path", "name", "display"), GOOD)
def test_one_mailbox_is_read(text: str, path: str, name: str, display: str | None) -> None:
    address = Address.parse(text)

    assert (address.path, address.name) == (path, name)
    assert address.display == display or display is None
    assert address.needs_smtputf8 is not path.isascii()


@pytest.mark.parametrize(("text", "words"), BAD, ids=[text[:30] for text, _ in BAD])
def test_anything_else_is_refused_and_the_error_says_why(text: str, words: str) -> None:
    with pytest.raises(AddressError) as caught:
        Address.parse(text)

    assert words in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize("value", [None, 1, b"a@b.c", ["a@b.c"], object()])
def test_a_value_of_another_type_is_refused(value: object) -> None:
    with pytest.raises(AddressError):
        Address.parse(value)  # type: ignore[arg-type]
    with pytest.raises(AddressError):
        Address(value)  # type: ignore[arg-type]
    with pytest.raises(AddressError):
        Address("a@b.c", value)  # type: ignore[arg-type]
    with pytest.raises(AddressError, match=r"^from: "):
        parse_address(value, "from")  # type: ignore[arg-type]


@pytest.mark.parametrize("character", BIDI)
def test_a_name_cannot_turn_the_direction_of_writing(character: str) -> None:
    with pytest.raises(AddressError, match=f"U\\+{ord(character):04X}"):
        Address("a@b.c", f"x{character}y")


@given(emails)
def test_an_address_reads_its_own_path(email: str) -> None:
    address = Address.parse(email)

    assert Address.parse(address.path).path == address.path
    assert Address.parse(f"<{email}>") == address
    assert f"{address.local_part}@{address.domain}" == address.path
    assert Address(f"{address.local_part}@{address.unicode_domain}").path == address.path


@given(addresses)
def test_the_display_of_a_quoted_name_reads_back(address: Address) -> None:
    if "=?" not in address.display:
        assert Address.parse(address.display) == Address(address.path, address.name)


def test_a_list_names_the_mailbox_it_refuses() -> None:
    good = parse_address_list(["a@b.c", Address("d@e.f", "D"), "G <g@h.i>"], "to")

    assert good == (Address("a@b.c"), Address("d@e.f", "D"), Address("g@h.i", "G"))
    assert parse_address_list("a@b.c") == parse_address_list(Address("a@b.c"))
    assert parse_address_list(address for address in good) == good
    with pytest.raises(AddressError, match=r"^to\[1\]: 'x' is not a mailbox: no @"):
        parse_address_list(["a@b.c", "x"], "to")
    for wrong in (None, 1, b"a@b.c", {"email": "a@b.c"}):
        with pytest.raises(AddressError, match=r"^to: takes addresses"):
            parse_address_list(wrong, "to")  # type: ignore[arg-type]


def test_an_endless_list_is_refused_at_the_limit() -> None:
    def endless() -> object:
        number = 0
        while True:
            yield f"a{number}@b.c"
            number += 1

    with pytest.raises(TooLargeError, match="2,000"):
        parse_address_list(endless(), "to")  # type: ignore[arg-type]
    assert limits.RECIPIENTS == 2000


def test_two_spellings_of_a_domain_are_one_mailbox() -> None:
    assert Address("a@B.example").identity == Address("a@b.example").identity
    assert Address("A@b.example").identity != Address("a@b.example").identity


@given(addresses)
def test_the_text_of_an_address_is_read_back_as_the_same(address: Address) -> None:
    assert Address.parse(address.text) == address
