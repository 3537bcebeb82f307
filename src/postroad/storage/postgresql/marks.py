"""The stores' "?" as PostgreSQL's "$1"."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import count

# What is quoted or a comment stays as it is; a quote within quotes is written twice, which reads
# as two quoted texts side by side.
_PART = re.compile(r"""'[^']*'|"[^"]*"|--[^\n]*|\?""")


@lru_cache(maxsize=4096)
def numbered(sql: str) -> str:
    """Return a statement with its "?" numbered as PostgreSQL wants them."""
    numbers = count(1)
    return _PART.sub(lambda found: f"${next(numbers)}" if found[0] == "?" else found[0], sql)
