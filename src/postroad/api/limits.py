"""What the header fields of an answer say of limits.

Their names are those that the drafts of the IETF's working group HTTPAPI gave to separate fields
(draft-ietf-httpapi-ratelimit-headers-06 §3); Retry-After is RFC 9110 §10.2.3.
"""

from __future__ import annotations

from postroad.api.call import Header, Headers
from postroad.tenancy.limits import Standing


def limit_fields(standing: Standing | None) -> Headers:
    """Return how a caller stands to a limit: how much in a window, what is left, until when."""
    if standing is None:
        return ()
    return (
        (b"ratelimit-limit", b"%d" % standing.most),
        (b"ratelimit-remaining", b"%d" % standing.remaining),
        (b"ratelimit-reset", b"%d" % standing.seconds),
    )


def retry_after(seconds: int) -> Header:
    """Return when to come back, in seconds from now."""
    return b"retry-after", b"%d" % seconds
