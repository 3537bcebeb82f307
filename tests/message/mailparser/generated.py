"""Messages drawn from a seed: what a caller may well send, and what he might."""

from __future__ import annotations

from random import Random

from postroad.message import Address, Attachment, Message

_WORDS = (
    "안녕하세요", "주문이", "발송되었습니다", "您好", "订单", "已发货", "こんにちは", "naïve",
    "café", "word", "a", "I/O", "x=y", "100%", "#1", "<tag>",
    '"quoted"', "(주)회사", "😀", "👩‍👩‍👧", "Re:", "'n'", "a_b", "?",
    "=?UTF-8?Q?x?=", "@home", "e.g.", ";-)", "[공지]", "back\\slash",
)  # fmt: skip
_LOCALS = ("bo", "first.last+tag", "o'neil", "a=b", "x_y-z", "{odd}~`", "1", "사용자", "a" * 60)
_DOMAINS = (
    "b.example",
    "한국.kr",
    "bücher.example",
    "deep.sub.domain.example",
    "x" * 60 + ".example",
)
_FILES = ("견적서.pdf", "报价单 (最终版) 2026.xlsx", "plain.txt", "two words.csv", "a'b&c;d=e.bin",
          "아주 긴 파일 이름입니다 " * 6 + ".hwp", "x" * 100 + ".zip", "100%.png")  # fmt: skip


def _phrase(random: Random, most: int) -> str:
    return " ".join(random.choices(_WORDS, k=random.randint(1, most)))


def _address(random: Random) -> Address:
    email = f"{random.choice(_LOCALS)}@{random.choice(_DOMAINS)}"
    return Address(email, random.choice(("", _phrase(random, 3), _phrase(random, 12))))


def _addresses(random: Random, least: int) -> list[Address]:
    return [_address(random) for _ in range(random.choice((least, least, 2, 5)))]


def _body(random: Random, most: int) -> str:
    lines = [_phrase(random, 30) for _ in range(random.randint(1, most))]
    odd = ("", " ", "trailing \t", ".", "..", "From x", "--", "-- ", "=", "x" * 1500, "\x0c")
    lines += random.choices(odd, k=random.randint(0, 4))
    random.shuffle(lines)
    return random.choice(("\n", "\r\n", "\r")).join(lines)


def _attachment(random: Random, number: int) -> Attachment:
    content_id = random.choice((None, f"part{number}@host.example"))
    filename = random.choice(_FILES)
    # Readers append an inline text to the message's own, as is meant.
    is_text = filename.endswith((".txt", ".csv"))
    return Attachment(
        filename,
        random.randbytes(random.choice((0, 1, 57, 3000, 70_000))),
        content_id=content_id,
        inline=not is_text and random.random() < 0.2,
    )


def generated(seed: int) -> Message:
    """Return one message, the same for the same seed."""
    random = Random(seed)
    text = random.choice((None, _body(random, 8), _body(random, 3)))
    html = f"<p>{_body(random, 8)}</p>" if text is None or random.random() < 0.7 else None
    return Message(
        from_=_address(random),
        to=_addresses(random, 1),
        subject=_phrase(random, 20),
        text=text,
        html=html,
        cc=_addresses(random, 0),
        bcc=_addresses(random, 0),
        reply_to=_addresses(random, 0),
        attachments=[_attachment(random, n) for n in range(random.choice((0, 0, 1, 3)))],
        headers={"X-Note": _phrase(random, 20), "List-Id": "<list.example>"},
    )
