"""What an attachment takes and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from postroad.errors import HeaderFieldError, MessageError
from postroad.message import Attachment


@pytest.mark.parametrize(
    ("filename", "kind"),
    [
        ("견적서.pdf", "application/pdf"),
        ("A.TXT", "text/plain"),
        ("x.tar.gz", "application/gzip"),
        ("문서.hwp", "application/x-hwp"),
        ("b.docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        ("no-suffix", "application/octet-stream"),
        ("pdf", "application/octet-stream"),
        (".txt", "application/octet-stream"),
        ("x.unknown", "application/octet-stream"),
    ],
)
def test_the_media_type_comes_from_the_suffix(filename: str, kind: str) -> None:
    assert Attachment(filename, b"").content_type == kind


def test_a_file_keeps_its_name_and_octets(tmp_path: Path) -> None:
    path = tmp_path / "견적서.csv"
    path.write_bytes(b"a\rb\nc\0")

    attachment = Attachment.from_path(path)
    renamed = Attachment.from_path(str(path), "other.bin", "text/csv; charset=euc-kr", "cid@x")

    assert attachment == Attachment("견적서.csv", b"a\rb\nc\0", "text/csv")
    assert not attachment.inline
    assert renamed.filename == "other.bin"
    assert renamed.content_type == "text/csv; charset=euc-kr"
    assert renamed.content_id == "cid@x"
    assert not renamed.inline
    assert Attachment("a.png", b"", content_id="x").inline


def test_a_missing_file_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Attachment.from_path(tmp_path / "absent")


@pytest.mark.parametrize("content", [bytearray(b"ab"), memoryview(b"ab")])
def test_other_octets_become_bytes(content: bytearray | memoryview) -> None:
    assert Attachment("x", content).content == b"ab"


@pytest.mark.parametrize("content", ["text", None, 3, [1]])
def test_text_is_not_octets(content: object) -> None:
    with pytest.raises(MessageError, match="content: takes bytes"):
        Attachment("x", content)  # type: ignore[arg-type]


@pytest.mark.parametrize("filename", ["", None, 1, b"x"])
def test_a_file_has_a_name(filename: object) -> None:
    with pytest.raises(HeaderFieldError, match="filename"):
        Attachment(filename, b"")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "content_type",
    ["", "pdf", "a/b/c", "text/plain;", "text/plain; charset", "text/plain; name=x", "a b/c",
     "multipart/mixed", "Multipart/x", "글/자", 'text/plain; a="b', 1, "x/" + "y" * 300],
)  # fmt: skip
def test_a_media_type_that_is_none_is_refused(content_type: object) -> None:
    with pytest.raises(HeaderFieldError, match="content_type"):
        Attachment("x", b"", content_type)  # type: ignore[arg-type]


@pytest.mark.parametrize("content_id", ["", "<a>", "a b", "글", 1, "x" * 251])
def test_a_content_id_that_is_none_is_refused(content_id: object) -> None:
    with pytest.raises(HeaderFieldError, match="content_id"):
        Attachment("x", b"", content_id=content_id)  # type: ignore[arg-type]


def test_the_octets_are_not_shown() -> None:
    assert "secret" not in repr(Attachment("x", b"secret"))
