"""Two messages, octet for octet, so that a reader sees the format."""

from __future__ import annotations

from tests.message.strategies import build_now

from postroad.message import Attachment, Message


def _lines(content: bytes) -> list[str]:
    return content.decode("ascii").split("\r\n")


def test_a_korean_message_with_both_bodies() -> None:
    message = Message(
        from_="알림 <noreply@알림.example>",
        to=["받는이 <bo@b.example>", "al@c.example"],
        cc='"Lee, Jr." <lee@d.example>',
        bcc="secret@e.example",
        subject="주문하신 상품이 오늘 발송되었습니다. 배송 조회는 아래에서 하실 수 있습니다",
        text="안녕하세요.\n상품이 발송되었습니다.\n",
        html='<p style="margin:0;padding:0;font-family:sans-serif;line-height:1.5">안녕</p>\n',
        headers={"List-Unsubscribe": "<https://x.example/u/1>, <mailto:u@x.example>"},
    )

    built = build_now(message)

    assert _lines(built.content) == [
        "From: =?UTF-8?B?7JWM66a8?= <noreply@xn--4y2bl5s.example>",
        "To: =?UTF-8?B?67Cb64qU7J20?= <bo@b.example>, al@c.example",
        'Cc: "Lee, Jr." <lee@d.example>',
        "Subject: =?UTF-8?B?7KO866y47ZWY7IugIOyDge2SiOydtCDsmKTripgg67Cc7Iah65CY?=",
        " =?UTF-8?B?7JeI7Iq164uI64ukLiDrsLDshqEg7KGw7ZqM64qUIOyVhOuemOyXkOyEnCA=?=",
        " =?UTF-8?B?7ZWY7IukIOyImCDsnojsirXri4jri6Q=?=",
        "Date: Thu, 5 Mar 2026 06:07:08 +0000",
        "Message-ID: <made.1@host.example>",
        "MIME-Version: 1.0",
        "List-Unsubscribe: <https://x.example/u/1>, <mailto:u@x.example>",
        "Content-Type: multipart/alternative;",
        ' boundary="=_a_Seed0123456789"',
        "",
        "--=_a_Seed0123456789",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: base64",
        "",
        "7JWI64WV7ZWY7IS47JqULg0K7IOB7ZKI7J20IOuwnOyGoeuQmOyXiOyKteuLiOuLpC4NCg==",
        "--=_a_Seed0123456789",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: quoted-printable",
        "",
        '<p style=3D"margin:0;padding:0;font-family:sans-serif;line-height:1.5">=EC=',
        "=95=88=EB=85=95</p>",
        "",
        "--=_a_Seed0123456789--",
        "",
    ]
    assert built.reverse_path == "noreply@xn--4y2bl5s.example"
    assert built.forward_paths == (
        "bo@b.example",
        "al@c.example",
        "lee@d.example",
        "secret@e.example",
    )
    assert not built.needs_smtputf8
    assert not built.is_8bit


def test_a_message_with_an_inline_image_and_a_korean_file() -> None:
    message = Message(
        from_="a@b.example",
        to="c@d.example",
        subject="Quote",
        text="See below.",
        html='<p>See <img src="cid:logo"></p>',
        attachments=[
            Attachment("logo.png", b"\x89PNG", content_id="logo"),
            Attachment("2026년 3월 견적서 (최종본).pdf", b"%PDF-1.7"),
        ],
        envelope_sender="<>",
    )

    built = build_now(message)

    assert _lines(built.content) == [
        "From: a@b.example",
        "To: c@d.example",
        "Subject: Quote",
        "Date: Thu, 5 Mar 2026 06:07:08 +0000",
        "Message-ID: <made.1@host.example>",
        "MIME-Version: 1.0",
        "Content-Type: multipart/mixed;",
        ' boundary="=_m_Seed0123456789"',
        "",
        "--=_m_Seed0123456789",
        "Content-Type: multipart/alternative;",
        ' boundary="=_a_Seed0123456789"',
        "",
        "--=_a_Seed0123456789",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        "See below.",
        "--=_a_Seed0123456789",
        'Content-Type: multipart/related; type="text/html";',
        ' boundary="=_r_Seed0123456789"',
        "",
        "--=_r_Seed0123456789",
        "Content-Type: text/html; charset=utf-8",
        "Content-Transfer-Encoding: 7bit",
        "",
        '<p>See <img src="cid:logo"></p>',
        "--=_r_Seed0123456789",
        "Content-Type: image/png;",
        ' name="logo.png"',
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: inline;",
        ' filename="logo.png"',
        "Content-ID: <logo>",
        "",
        "iVBORw==",
        "--=_r_Seed0123456789--",
        "",
        "--=_a_Seed0123456789--",
        "",
        "--=_m_Seed0123456789",
        "Content-Type: application/pdf;",
        ' name="=?UTF-8?B?MjAyNuuFhCAz7JuUIOqyrOyggeyEnCAo7LWc7KKF67O4KS5wZGY=?="',
        "Content-Transfer-Encoding: base64",
        "Content-Disposition: attachment;",
        " filename*0*=UTF-8''2026%EB%85%84%203%EC%9B%94%20%EA%B2%AC%EC%A0%81;",
        " filename*1*=%EC%84%9C%20%28%EC%B5%9C%EC%A2%85%EB%B3%B8%29.pdf",
        "",
        "JVBERi0xLjc=",
        "--=_m_Seed0123456789--",
        "",
    ]
    assert built.reverse_path == ""
