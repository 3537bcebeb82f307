"""Addresses: one strict parser for what the envelope and the header carry."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from postroad.errors import AddressError, TooLargeError
from postroad.message import limits
from postroad.message.characters import forbid_bidi, forbid_controls, shown
from postroad.message.words import phrase

# atext of RFC 5322 §3.2.3 and everything beyond ASCII, said by what they are not: a class that
# reaches to U+10FFFF takes milliseconds to compile.
_ATEXT = r'[^\x00-\x20"(),.:;<>@\[\\\]\x7f]+'
_DOT_ATOM = re.compile(rf"{_ATEXT}(?:\.{_ATEXT})*")
# RFC 5321 §4.1.2 without "<", ">" and "@": at these three lesser parsers cut an address in two.
_QUOTED_LOCAL = re.compile(r'"(?:[^\x00-\x1f"<>@\\\x7f]|\\[ -;=?A-~])+"')
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?")
_IPV4 = re.compile(r"(?:0|[1-9][0-9]{0,2})(?:\.(?:0|[1-9][0-9]{0,2})){3}")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_QUOTED_NAME = re.compile(r'"((?:[^"\\]|\\.)*)" *')
_QUOTED_PAIR = re.compile(r"\\(.)")
_BARE_NAME_FORBIDDEN = re.compile(r'["(),:;<>@\\]')


@dataclass(frozen=True, slots=True, init=False)
class Address:
    """A mailbox and the name shown with it; valid by construction.

    email:          local-part@domain as it was given; the domain may be international.
    name:           the display name, "" for none.
    path:           what MAIL and RCPT carry between "<" and ">", the domain as A-labels; the
                    header shows the same.
    display:        the mailbox as a header field carries it, on one line.
    needs_smtputf8: the local part is not ASCII.
    raises:         AddressError, saying what is wrong.
    source:         RFC 5321 §4.1.2, RFC 5322 §3.4, RFC 6531 §3.3, RFC 5891.
    """

    email: str
    name: str
    path: str = field(init=False, repr=False, compare=False)
    display: str = field(init=False, repr=False, compare=False)
    needs_smtputf8: bool = field(init=False, repr=False, compare=False)

    def __init__(self, email: str, name: str = "") -> None:
        if not isinstance(email, str):
            raise AddressError(f"an address is text, not {type(email).__name__}")
        _check_name(name)
        path = _wire_path(email)
        words = phrase(name)
        put = object.__setattr__
        put(self, "email", email)
        put(self, "name", name)
        put(self, "path", path)
        put(self, "display", f"{' '.join(words)} <{path}>" if words else path)
        put(self, "needs_smtputf8", not path.isascii())

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address that `text` holds: `Name <a@b>`, `"Name" <a@b>`, `<a@b>` or `a@b`.

        raises: AddressError for anything else: comments, groups, lists, spaces around it.
        """
        if not isinstance(text, str):
            raise AddressError(f"an address is text, not {type(text).__name__}")
        return _parse(text)

    @property
    def text(self) -> str:
        """The mailbox as a person writes it; `parse` returns the same address again."""
        if not self.name:
            return self.email
        if _BARE_NAME_FORBIDDEN.search(self.name) or self.name != self.name.strip():
            quoted = self.name.replace("\\", "\\\\").replace('"', '\\"')
            return f'"{quoted}" <{self.email}>'
        return f"{self.name} <{self.email}>"

    @property
    def local_part(self) -> str:
        """What stands before the "@", quotes included."""
        return self.path.rpartition("@")[0]

    @property
    def domain(self) -> str:
        """The domain on the wire: A-labels, or an address literal in brackets."""
        return self.path.rpartition("@")[2]

    @property
    def unicode_domain(self) -> str:
        """The domain for people to read: U-labels where it is international."""
        if "xn--" not in self.domain.lower():
            return self.domain
        import idna

        try:
            return idna.decode(self.domain)
        except idna.IDNAError:
            return self.domain

    @property
    def identity(self) -> str:
        """The path with its domain in lower case: equal for two spellings of one mailbox."""
        local, _, domain = self.path.rpartition("@")
        return f"{local}@{domain.lower()}"

    def __str__(self) -> str:
        return self.display


def parse_address(value: str | Address, field: str = "address") -> Address:
    """Return `value` as an Address.

    field:  the name the error begins with.
    raises: AddressError.
    """
    if type(value) is Address:
        return value
    if not isinstance(value, str):
        raise AddressError(f"{field}: takes one address, not {type(value).__name__}")
    try:
        return _parse(value)
    except AddressError as error:
        raise AddressError(f"{field}: {error}") from None


def parse_address_list(
    value: str | Address | Iterable[str | Address], field: str = "addresses"
) -> tuple[Address, ...]:
    """Return one or several addresses as a tuple; each str is exactly one mailbox.

    field:  the name the error begins with.
    raises: AddressError; TooLargeError beyond `limits.RECIPIENTS`.
    """
    if type(value) is str or type(value) is Address:
        return (parse_address(value, field),)
    if isinstance(value, (str, bytes, dict)) or not isinstance(value, Iterable):
        raise AddressError(f"{field}: takes addresses, not {type(value).__name__}")
    addresses: list[Address] = []
    for one in value:
        if len(addresses) == limits.RECIPIENTS:
            raise TooLargeError(f"{field}: more than {limits.RECIPIENTS:,} addresses")
        addresses.append(
            one if type(one) is Address else parse_address(one, f"{field}[{len(addresses)}]")
        )
    return tuple(addresses)


@lru_cache(maxsize=limits.CACHED_ADDRESSES)
def _parse(text: str) -> Address:
    if len(text) > 2 * limits.PATH_OCTETS + 2 * limits.DISPLAY_NAME_OCTETS:
        raise AddressError(f"{shown(text)} is too long for one mailbox")
    forbid_controls(text, "address", AddressError)
    if not text.endswith(">"):
        return Address(text)
    before, opened, path = text[:-1].rpartition("<")
    if not opened:
        raise AddressError(f"{shown(text)} is not a mailbox: '>' without '<'")
    if not before:
        return Address(path)
    if before[0] == '"' and (quoted := _QUOTED_NAME.fullmatch(before)):
        return Address(path, _QUOTED_PAIR.sub(r"\1", quoted[1]))
    name = before.rstrip(" ")
    if not name or name[0] == " ":
        raise AddressError(f"{shown(text)} is not a mailbox: a space before it")
    if special := _BARE_NAME_FORBIDDEN.search(name):
        raise AddressError(
            f"{shown(text)} is not one mailbox: {special[0]!r} in a name needs the name in quotes"
        )
    return Address(path, name)


def _check_name(name: str) -> None:
    if not isinstance(name, str):
        raise AddressError(f"a name is text, not {type(name).__name__}")
    if len(name) * 4 > limits.DISPLAY_NAME_OCTETS and (
        len(name) > limits.DISPLAY_NAME_OCTETS
        or len(name.encode(errors="replace")) > limits.DISPLAY_NAME_OCTETS
    ):
        raise AddressError(f"the name is longer than {limits.DISPLAY_NAME_OCTETS:,} octets")
    if not name.isprintable():
        forbid_controls(name, "name", AddressError)
        forbid_bidi(name, "name", AddressError)


def _wire_path(email: str) -> str:
    """Return what MAIL and RCPT carry for `email`: its domain as A-labels."""
    if not email:
        raise AddressError("the address is empty")
    if len(email) > 2 * limits.PATH_OCTETS:  # nothing longer can have a short A-label form
        raise AddressError(f"{shown(email)} is too long: a path has {limits.PATH_OCTETS} octets")
    if not email.isprintable():
        forbid_controls(email, "address", AddressError)
        forbid_bidi(email, "address", AddressError)
    local, at, domain = email.rpartition("@")
    if not at:
        raise AddressError(f"{shown(email)} is not a mailbox: no @")
    if not domain:
        raise AddressError(f"{shown(email)} is not a mailbox: nothing after the @")
    if problem := _local_problem(local):
        raise AddressError(f"{shown(email)} is not a mailbox: {problem}")
    path = f"{local}@{_wire_domain(domain)}"
    size = len(path) if path.isascii() else len(path.encode())
    if size > limits.PATH_OCTETS:
        raise AddressError(f"{shown(email)} is too long: a path has {limits.PATH_OCTETS} octets")
    return path


def _local_problem(local: str) -> str:
    """Return what is wrong with a local part, or ""."""
    is_ascii = local.isascii()
    if (len(local) if is_ascii else len(local.encode())) > limits.LOCAL_PART_OCTETS:
        return f"more than {limits.LOCAL_PART_OCTETS} octets before the @"
    if _DOT_ATOM.fullmatch(local) or _QUOTED_LOCAL.fullmatch(local):
        if is_ascii or local.isprintable():
            return ""
        if any(c.isspace() for c in local):
            return "a space before the @"
        return "a character before the @ that cannot be seen"
    if not local:
        return "nothing before the @"
    if "@" in local:
        return "more than one @"
    if "." in (local[0], local[-1]) or ".." in local:
        return "a dot at the start, the end or twice in a row before the @"
    if any(character in local for character in '(),:;<>[]\\"'):
        return "a character that may not stand before the @: comments, groups and lists are refused"
    return "a space before the @"


@lru_cache(maxsize=limits.CACHED_ADDRESSES)  # recipients share their domains
def _wire_domain(domain: str) -> str:
    """Return `domain` as the wire carries it; raises AddressError."""
    if domain.startswith("["):
        if _is_literal(domain):
            return domain
        raise AddressError(f"{shown(domain)} is not an address literal")
    labels = [label if label.isascii() else _a_label(label) for label in domain.split(".")]
    for label in labels:
        if not label:
            raise AddressError(f"{shown(domain)} is not a domain: a part is empty")
        if len(label) > limits.LABEL_OCTETS:
            raise AddressError(
                f"{shown(domain)} is too long: {limits.LABEL_OCTETS} octets between two dots"
            )
        if not _LABEL.fullmatch(label):
            raise AddressError(f"{shown(domain)} is not a domain: {shown(label)} is no label")
    if labels[-1].isdecimal():  # RFC 3696 §2: no top-level domain is a number
        raise AddressError(
            f"{shown(domain)} is not a domain: an IP address stands in brackets, [192.0.2.1]"
        )
    wire = ".".join(labels)
    if len(wire) > limits.DOMAIN_OCTETS:
        raise AddressError(
            f"{shown(domain)} is too long: a domain has {limits.DOMAIN_OCTETS} octets"
        )
    return wire


def _a_label(label: str) -> str:
    """Return an international label as its A-label; case and NFC as RFC 5895 §2 maps them."""
    import idna  # 3 ms that ASCII domains need not pay

    try:
        return idna.alabel(unicodedata.normalize("NFC", label.lower())).decode("ascii")
    except UnicodeError as error:
        raise AddressError(
            f"{shown(label)} is no valid part of an international domain: {error}"
        ) from None


def _is_literal(domain: str) -> bool:
    """True for [192.0.2.1] and [IPv6:2001:db8::1] (RFC 5321 §4.1.3)."""
    if not domain.endswith("]"):
        return False
    literal = domain[1:-1]
    if _IPV4.fullmatch(literal):
        return all(int(octet) <= 255 for octet in literal.split("."))
    if literal[:5].lower() != "ipv6:" or not _IPV6.fullmatch(literal[5:]):
        return False
    import ipaddress

    try:
        ipaddress.IPv6Address(literal[5:])
    except ValueError:
        return False
    return True
