"""Attachments: octets with a file name and a media type."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from postroad.errors import HeaderFieldError, MessageError, TooLargeError
from postroad.message import limits
from postroad.message.characters import forbid_bidi, forbid_controls, shown
from postroad.message.words import filename_parameter, name_parameter

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+"  # noqa: S105 - RFC 2045 §5.1
_MEDIA_TYPE = re.compile(rf'({_TOKEN}/{_TOKEN})((?:; ?{_TOKEN}=(?:{_TOKEN}|"[ !#-\[\]-~]*"))*)')
_CONTENT_ID = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.@:-]+")

# Kept here rather than asked of `mimetypes`, which reads the machine's files and differs from one
# to the next: the same file name gives the same message everywhere.
_BY_SUFFIX = {
    "7z": "application/x-7z-compressed",
    "aac": "audio/aac",
    "ai": "application/postscript",
    "avif": "image/avif",
    "bmp": "image/bmp",
    "bz2": "application/x-bzip2",
    "css": "text/css",
    "csv": "text/csv",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "message/rfc822",
    "epub": "application/epub+zip",
    "flac": "audio/flac",
    "gif": "image/gif",
    "gz": "application/gzip",
    "heic": "image/heic",
    "htm": "text/html",
    "html": "text/html",
    "hwp": "application/x-hwp",
    "hwpx": "application/hwp+zip",
    "ico": "image/vnd.microsoft.icon",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "js": "text/javascript",
    "json": "application/json",
    "log": "text/plain",
    "m4a": "audio/mp4",
    "md": "text/markdown",
    "mov": "video/quicktime",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "ps": "application/postscript",
    "rar": "application/vnd.rar",
    "rtf": "application/rtf",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "tif": "image/tiff",
    "tiff": "image/tiff",
    "tsv": "text/tab-separated-values",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "wav": "audio/wav",
    "webm": "video/webm",
    "webp": "image/webp",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "yaml": "application/yaml",
    "yml": "application/yaml",
    "zip": "application/zip",
}


@dataclass(frozen=True, slots=True, init=False)
class Attachment:
    """One file of a message, sent octet for octet; valid by construction.

    filename:     what the recipient sees; any language, no control characters.
    content:      the octets.
    content_type: type/subtype, parameters allowed except `name`; from the file name when absent.
    content_id:   without "<" and ">"; the html shows the file with <img src="cid:…">.
    inline:       shown within the message rather than listed; so with a content_id, except text,
                  which readers would append to the message's own.
    raises:       HeaderFieldError, TooLargeError or MessageError, naming the field.
    source:       RFC 2183, RFC 2392.
    """

    filename: str
    content: bytes = field(repr=False)
    content_type: str
    content_id: str | None
    inline: bool

    def __init__(
        self,
        filename: str,
        content: bytes | bytearray | memoryview,
        content_type: str | None = None,
        content_id: str | None = None,
        *,
        inline: bool = False,
    ) -> None:
        _check_filename(filename)
        if not isinstance(content, (bytes, bytearray, memoryview)):
            raise MessageError(f"content: takes bytes, not {type(content).__name__}")
        if len(content) > limits.MESSAGE_OCTETS:
            raise TooLargeError(f"content: more than {limits.MESSAGE_OCTETS:,} octets")
        put = object.__setattr__
        put(self, "filename", filename)
        put(self, "content", bytes(content))
        kind = _media_type(content_type, filename)
        put(self, "content_type", kind)
        put(self, "content_id", _checked_content_id(content_id))
        is_text = kind.lower().startswith("text/")
        put(self, "inline", bool(inline) or (content_id is not None and not is_text))

    @classmethod
    def from_path(
        cls,
        path: str | Path,
        filename: str | None = None,
        content_type: str | None = None,
        content_id: str | None = None,
        *,
        inline: bool = False,
    ) -> Attachment:
        """Return the file at `path` as an attachment, under its own name unless one is given.

        raises: OSError when it cannot be read; MessageError for what is no regular file, since a
                device or a pipe may have no end; TooLargeError.
        """
        file = Path(path)
        if not stat.S_ISREG(file.stat().st_mode):
            raise MessageError(f"content: {shown(str(path))} is not a regular file")
        with file.open("rb") as opened:
            content = opened.read(limits.MESSAGE_OCTETS + 1)
        if len(content) > limits.MESSAGE_OCTETS:
            raise TooLargeError(f"content: more than {limits.MESSAGE_OCTETS:,} octets")
        name = file.name if filename is None else filename
        return cls(name, content, content_type, content_id, inline=inline)


def media_type_of(filename: str) -> str:
    """Return the media type that the suffix of `filename` stands for, else octet-stream."""
    stem, dot, suffix = filename.rpartition(".")
    known = _BY_SUFFIX.get(suffix.lower()) if stem and dot else None
    return known or "application/octet-stream"


@lru_cache(maxsize=limits.CACHED_FIELDS)
def part_header(
    filename: str, content_type: str, content_id: str | None, inline: bool, encoding: str
) -> bytes:
    """Return the header of an attachment's part, up to and with the empty line."""
    disposition = "inline" if inline else "attachment"
    return (
        f"Content-Type: {content_type}{name_parameter(filename)}\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n"
        f"Content-Disposition: {disposition}{filename_parameter(filename)}\r\n"
        + (f"Content-ID: <{content_id}>\r\n" if content_id else "")
        + "\r\n"
    ).encode("ascii")


def _check_filename(filename: str) -> None:
    if not isinstance(filename, str):
        raise HeaderFieldError(f"filename: takes text, not {type(filename).__name__}")
    if not filename:
        raise HeaderFieldError("filename: is empty")
    if len(filename) > limits.FILE_NAME_OCTETS:
        raise TooLargeError(f"filename: longer than {limits.FILE_NAME_OCTETS:,} octets")
    if not filename.isprintable():
        forbid_controls(filename, "filename")
        forbid_bidi(filename, "filename")
    if not filename.isascii() and len(filename.encode()) > limits.FILE_NAME_OCTETS:
        raise TooLargeError(f"filename: longer than {limits.FILE_NAME_OCTETS:,} octets")


def _media_type(content_type: str | None, filename: str) -> str:
    if content_type is None:
        return media_type_of(filename)
    if not isinstance(content_type, str):
        raise HeaderFieldError(f"content_type: takes text, not {type(content_type).__name__}")
    forbid_controls(content_type, "content_type")
    matched = _MEDIA_TYPE.fullmatch(content_type) if len(content_type) <= 200 else None
    if not matched:
        raise HeaderFieldError(f"content_type: {shown(content_type)} is not type/subtype")
    if matched[1].lower().startswith("multipart/"):
        raise HeaderFieldError(f"content_type: {shown(content_type)} is built, not attached")
    if "name=" in matched[2].lower():
        raise HeaderFieldError("content_type: the name is set by the argument filename")
    return content_type


def _checked_content_id(content_id: str | None) -> str | None:
    if content_id is None:
        return None
    if not isinstance(content_id, str):
        raise HeaderFieldError(f"content_id: takes text, not {type(content_id).__name__}")
    forbid_controls(content_id, "content_id")
    if len(content_id) > limits.CONTENT_ID_OCTETS or not _CONTENT_ID.fullmatch(content_id):
        raise HeaderFieldError(
            f"content_id: {shown(content_id)}: letters, digits, dots and one @ without < and >"
        )
    return content_id
