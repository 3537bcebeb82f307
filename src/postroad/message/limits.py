"""How much one message may hold: each limit with its precedent, beyond it `TooLargeError`.

| what                         | limit        | precedent                                        |
|------------------------------|--------------|--------------------------------------------------|
| recipients, to + cc + bcc    | 2,000        | Google Workspace; Exchange and Postfix 1,000     |
| attachments                  | 490          | Amazon SES: 500 parts, bodies among them         |
| extra header fields          | 200          | a mailing list adds some 15, a relay as many     |
| name of a header field       | 76 octets    | with ": " it fills a line (RFC 5322 §2.1.1)      |
| value of a header field      | 32 KiB       | Postfix cuts at 102,400; encoded it is below     |
| the header, built            | 1 MiB        | Exim's header_maxsize                            |
| display name                 | 1,024 octets | none known; 340 Korean letters                   |
| file name                    | 1,024 octets | file systems: 255; NTFS 255 letters (765 octets) |
| text or html                 | 10 MiB each  | Gmail clips at 102 KB; SES takes 40 MB in all    |
| html read for the text part  | 1 Mi letters | the rest is cut, and the cut is marked           |
| the message, built           | 150 MiB      | Exchange Online: 150 MB; Gmail 25 MB, SES 40 MB  |
| local part, domain, path     | 64, 255, 254 | RFC 5321 §4.5.3.1 (256 with "<" and ">")         |
| line of a header             | 76, 998      | RFC 2047 §2; RFC 5322 §2.1.1                     |
"""

from __future__ import annotations

RECIPIENTS = 2_000
ATTACHMENTS = 490
HEADER_FIELDS = 200
FIELD_NAME_OCTETS = 76
FIELD_VALUE_OCTETS = 32 * 1024
HEADER_OCTETS = 1024 * 1024
DISPLAY_NAME_OCTETS = 1024
FILE_NAME_OCTETS = 1024
CONTENT_ID_OCTETS = 250  # a path's length: it is made like one
MESSAGE_ID_OCTETS = 250
BODY_OCTETS = 10 * 1024 * 1024
HTML_READ_CHARS = 1024 * 1024
MESSAGE_OCTETS = 150 * 1024 * 1024

LOCAL_PART_OCTETS = 64
DOMAIN_OCTETS = 255
LABEL_OCTETS = 63
PATH_OCTETS = 254

FOLDED_LINE_OCTETS = 76  # RFC 2047 §2: lines that hold encoded words; others may have 78
LINE_OCTETS = 998  # RFC 5322 §2.1.1, without CRLF
WORD_OCTETS = 900  # one that cannot be folded, on a line of its own, far from LINE_OCTETS
ENCODED_WORD_OCTETS = 75  # RFC 2047 §2

CACHED_ADDRESSES = 2048  # senders repeat, recipients in part; some 2 MB at worst in ordinary use
CACHED_FIELDS = 512  # extra header fields repeat from message to message
CACHED_FIELD_CHARS = 512  # longer values are not kept
