"""No field lets a control character through, and the error names the field."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.message.strategies import BIDI, CONTROLS, SURROGATES, build_now

from postroad.errors import MessageError
from postroad.message import Address, Attachment, Message, forbid_controls

FROM, TO = "a@b.example", "c@d.example"


def _message(**fields: object) -> Message:
    return Message(**({"from_": FROM, "to": TO, "text": "x"} | fields))  # type: ignore[arg-type]


# Every text a caller can give, and the name its error must hold.
FIELDS: dict[str, tuple[str, Callable[[str], object]]] = {
    "from": ("from", lambda bad: _message(from_=f"x{bad}y <{FROM}>")),
    "from, quoted": ("from", lambda bad: _message(from_=f'"x{bad}y" <{FROM}>')),
    "from, path": ("from", lambda bad: _message(from_=f"a{bad}b@c.example")),
    "from, domain": ("from", lambda bad: _message(from_=f"a@b{bad}c.example")),
    "from, at the end": ("from", lambda bad: _message(from_=FROM + bad)),
    "to": ("to", lambda bad: _message(to=[TO, f"x{bad}y <{TO}>"])),
    "cc": ("cc", lambda bad: _message(cc=f"x{bad}y <{TO}>")),
    "bcc": ("bcc", lambda bad: _message(bcc=f"x{bad}@d.example")),
    "reply_to": ("reply_to", lambda bad: _message(reply_to=f"x{bad}y <{TO}>")),
    "envelope_sender": ("envelope_sender", lambda bad: _message(envelope_sender=FROM + bad)),
    "Address.name": ("name", lambda bad: Address(FROM, f"x{bad}y")),
    "Address.email": ("address", lambda bad: Address(f"x{bad}y@b.example")),
    "subject": ("subject", lambda bad: _message(subject=f"안녕{bad}")),
    "header name": ("headers", lambda bad: _message(headers={f"X{bad}Y": "v"})),
    "header value": ("X-Y", lambda bad: _message(headers={"X-Y": f"a{bad}b"})),
    "List-Unsubscribe": (
        "List-Unsubscribe",
        lambda bad: _message(headers=[("List-Unsubscribe", f"<https://x.example/>{bad}")]),
    ),
    "Sender": ("Sender", lambda bad: _message(headers={"Sender": f"x{bad} <{FROM}>"})),
    "message_id": ("message_id", lambda bad: _message(message_id=f"<a{bad}@b.example>")),
    "message_id, after": ("message_id", lambda bad: _message(message_id=f"<a@b.example>{bad}")),
    "filename": ("filename", lambda bad: Attachment(f"x{bad}.txt", b"")),
    "content_type": ("content_type", lambda bad: Attachment("x", b"", f"text/plain{bad}")),
    "content_id": ("content_id", lambda bad: Attachment("x", b"", content_id=f"a{bad}")),
}  # fmt: skip


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("bad", [*CONTROLS, *SURROGATES], ids=lambda bad: f"U+{ord(bad):04X}")
def test_a_control_character_is_refused_and_the_field_named(field: str, bad: str) -> None:
    name, make = FIELDS[field]

    with pytest.raises(MessageError) as caught:
        make(bad)

    assert name in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("field", ["from", "to", "cc", "reply_to", "Address.name", "filename"])
@pytest.mark.parametrize("bad", BIDI, ids=lambda bad: f"U+{ord(bad):04X}")
def test_a_name_that_turns_the_writing_is_refused(field: str, bad: str) -> None:
    name, make = FIELDS[field]

    with pytest.raises(MessageError) as caught:
        make(bad)

    assert name in str(caught.value)


@pytest.mark.parametrize("field", ["text", "html"])
def test_a_body_refuses_nul_and_half_characters_only(field: str) -> None:
    for bad in ("\0", *SURROGATES):
        with pytest.raises(MessageError, match=f"^{field}: .*position 1"):
            _message(**{field: f"x{bad}y"})
    everything_else = "".join(CONTROLS).replace("\0", "")
    content = build_now(_message(**{field: everything_else})).content
    assert content.isascii()


def test_a_tab_may_stand_in_free_text() -> None:
    message = _message(subject="a\tb", headers={"X-Y": "c\td"}, to=f'"e\tf" <{TO}>')

    assert b"\t" not in build_now(message).content
    forbid_controls("a\tb", "subject")
