"""Health: named checks that say whether the service can do its work now."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Check = Callable[[], Awaitable[str]]
"""Returns "" or why not, in words that anybody may read."""

_TIME_LIMIT_S = 2.0  # whoever asks has a time limit too: Kubernetes gives one second by default


class Health:
    """What /readyz asks."""

    def __init__(self, *, time_limit_s: float = _TIME_LIMIT_S) -> None:
        self._checks: dict[str, Check] = {}
        self._time_limit_s = time_limit_s
        self._is_stopping = False

    def add(self, name: str, check: Check) -> None:
        """Ask `check` too from now on; a second one of the same name replaces the first."""
        self._checks[name] = check

    def stop(self) -> None:
        """Be unready from now on: the service drains."""
        self._is_stopping = True

    async def report(self) -> dict[str, str]:
        """Return every check's answer by its name, "" where all is well."""
        answers = await asyncio.gather(*map(self._answer, self._checks.values()))
        found = dict(zip(self._checks, answers, strict=True))
        return {"service": "stopping"} | found if self._is_stopping else found

    async def is_ready(self) -> str:
        """Return "" or why not: what fails, each with its reason."""
        if self._is_stopping:
            return "service: stopping"
        found = await self.report()
        return "; ".join(f"{name}: {answer}" for name, answer in found.items() if answer)

    async def _answer(self, check: Check) -> str:
        try:
            async with asyncio.timeout(self._time_limit_s):
                return await check()
        except TimeoutError:
            return f"no answer within {self._time_limit_s:g} s"
        except Exception as exc:  # noqa: BLE001 - a check that fails is an answer
            return type(exc).__name__
