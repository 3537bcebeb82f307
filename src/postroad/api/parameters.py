"""The parameters of a request, read strictly: nothing is guessed, nothing is chosen."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from postroad.api.bodies import Odd, Pair, pairs_of_body, pairs_of_form
from postroad.api.call import Call
from postroad.api.faults import BadRequest, Fault

# Beyond this, reading takes long enough for other requests to notice (1 MiB: up to 0.2 s).
_READ_ASIDE_OCTETS: Final = 64 * 1024
# One at a time: Python runs one thread at a time, and each more would take its turn from the loop.
_aside: Final = ThreadPoolExecutor(1, "postroad-bodies")


@dataclass(frozen=True, slots=True)
class Parameters:
    """What was given of the names that were asked for.

    values:      as they were given, nothing stripped.
    repeated:    names given twice, or in query and body with different values.
    undecodable: names whose value is no text: not UTF-8, a file, a list, true.
    """

    values: Mapping[str, str]
    repeated: tuple[str, ...] = ()
    undecodable: tuple[str, ...] = ()


async def parameters_of(call: Call, names: Sequence[str]) -> Parameters:
    """Return the parameters among `names` from the query and the body of a request.

    raises: BadRequest.
    """
    content_type = call.only(b"content-type")
    encoding = call.only(b"content-encoding").strip().lower()
    body = await call.body()
    if body and encoding not in {"", "identity"}:
        raise BadRequest(Fault.MALFORMED)
    if len(body) > _READ_ASIDE_OCTETS:
        return await asyncio.get_running_loop().run_in_executor(
            _aside, _parameters, call.query, content_type, body, names
        )
    return _parameters(call.query, content_type, body, names)


def _parameters(query: bytes, content_type: str, body: bytes, names: Sequence[str]) -> Parameters:
    return collect(pairs_of_form(query), pairs_of_body(content_type, body), names)


def collect(query: Sequence[Pair], body: Sequence[Pair], names: Sequence[str]) -> Parameters:
    """Return what two lists of pairs say about `names`; the same said in both is said once."""
    in_query, in_body = dict(query), dict(body)
    values: dict[str, str] = {}
    repeated: list[str] = []
    undecodable: list[str] = []
    for name in names:
        said = [each[name] for each in (in_query, in_body) if each.get(name, Odd.NULL) != Odd.NULL]
        if not said:
            continue
        if len(said) == 2 and said[0] != said[1]:
            repeated.append(name)
        if Odd.ILLEGAL in said:
            undecodable.append(name)
        elif isinstance(said[0], str):
            values[name] = said[0]
    if len(in_query) < len(query) or len(in_body) < len(body):
        twice = _twice(query) | _twice(body)
        repeated = [name for name in names if name in repeated or name in twice]
    return Parameters(values, tuple(repeated), tuple(undecodable))


def _twice(pairs: Sequence[Pair]) -> set[str]:
    counted = Counter(name for name, _ in pairs)
    return {name for name, times in counted.items() if times > 1}
