"""Callers that send one mail after the other until the service is gone."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from random import Random

from tests.support.service import SEND, App, Client, Service

# Every fault is at a moment of its own, and the same ones in every run.
MOMENTS = Random(20260903)
_TOGETHER = 4
_PATIENCE_S = 30.0


class Callers:
    """Whoever sends to an app, over all starts of the service.

    answers: for each title the code of its answer, None when none came.
    """

    def __init__(self, service: Service, apps: Sequence[App]) -> None:
        self.answers: dict[str, int | None] = {}
        self._service = service
        self._apps = apps
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()
        self._is_enough = False

    @property
    def promised(self) -> set[str]:
        """The titles that were answered with 200."""
        with self._changed:
            return {title for title, code in self.answers.items() if code == 200}

    @property
    def unanswered(self) -> set[str]:
        """The titles that got no answer."""
        with self._changed:
            return {title for title, code in self.answers.items() if code is None}

    @contextmanager
    def calling(self) -> Iterator[None]:
        """Send until the connections fail; who leaves before waits for those under way."""
        threads = [
            threading.Thread(target=self._call, args=(app,))
            for app in self._apps
            for _ in range(_TOGETHER)
        ]
        self._is_enough = False
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._is_enough = True
            for thread in threads:
                thread.join()

    def until_some_moment(self, most: int = 60) -> None:
        """Wait for a few more promises, and then a little longer."""
        wanted = len(self.promised) + MOMENTS.randint(1, most)
        with self._changed:
            in_time = self._changed.wait_for(
                lambda: sum(code == 200 for code in self.answers.values()) >= wanted, _PATIENCE_S
            )
        assert in_time, f"{len(self.promised)} promises instead of {wanted}: {self._refusals()}"
        threading.Event().wait(MOMENTS.uniform(0, 0.005))  # into the middle of something

    def _call(self, app: App) -> None:
        with Client(self._service.port) as client:
            while not self._is_enough:
                title = f"mail-{next(self._numbers)}-"
                with self._changed:
                    self.answers[title] = None
                try:
                    code = client.ask(SEND, app.mail(title)).json()["code"]
                except (OSError, HTTPException, ValueError):
                    return
                with self._changed:
                    self.answers[title] = code
                    self._changed.notify_all()

    def _refusals(self) -> set[int | None]:
        return set(self.answers.values()) - {200}
