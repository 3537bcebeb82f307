"""The transparency of DATA: a leading dot is doubled, a lone dot ends (RFC 5321 §4.5.2)."""

from __future__ import annotations

from postroad.errors import LocalProtocolError, Phase

END_OF_DATA = b".\r\n"


def dot_stuff(content: bytes) -> bytes:
    """Return `content` with every line-leading "." doubled and its last line ended.

    content: octets, lines ended by CRLF only; 0 or more lines.
    returns: octets, longer by one per stuffed line; no terminating "."; `content` itself when
             there is nothing to change.
    raises:  LocalProtocolError on a bare CR or LF (they smuggle commands).
    source:  RFC 5321 §4.5.2 and §2.3.8.
    """
    line_ends = content.count(b"\n")
    if line_ends != content.count(b"\r") or line_ends != content.count(b"\r\n"):
        raise LocalProtocolError("bare CR or LF in message content", phase=Phase.CONTENT)
    if b"\n." in content:
        content = content.replace(b"\n.", b"\n..")
    if content[:1] == b".":
        content = b"." + content
    return content if content[-2:] == b"\r\n" or not content else content + b"\r\n"
