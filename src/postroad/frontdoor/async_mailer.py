"""The asyncio mailer: a pool of connections, results as they come, memory that does not grow."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import Self

from postroad.errors import ConnectionLost, MessageError, Phase, SettingsError
from postroad.frontdoor.mailer import TIMEOUT_S, check_timeout
from postroad.frontdoor.result import Result, failed
from postroad.frontdoor.sources import Single, Stream
from postroad.message import Message
from postroad.transport.pool import Pool
from postroad.transport.relay import Relay


class AsyncMailer:
    """Sends messages over up to `connections` connections to a relay.

    timeout: seconds for opening a connection, and for each message from its first command on.
    lang:    language of hints: "ko", "zh" or "en".
    """

    def __init__(
        self,
        relay: Relay,
        *,
        connections: int = 10,
        timeout: float = TIMEOUT_S,
        lang: str = "en",
    ) -> None:
        check_timeout(timeout)
        if connections < 1:
            raise SettingsError("connections must be at least 1")
        self.relay = relay
        self.lang = lang
        self._pool = Pool(relay, connections, timeout)
        self._single = Single(relay, lang)
        self._pool.add(self._single)

    async def send(self, message: Message) -> Result:
        """Send `message` and return what became of it; a failure is a result, not an exception.

        Cancelling stops the waiting; a message under way may still be sent.
        """
        try:
            self._check_open()
            future = self._single.put(message)
        except (MessageError, ConnectionLost) as error:
            return failed(error, self.relay, self.lang)
        self._pool.wake()
        return await future

    async def send_many(
        self, messages: Iterable[Message] | AsyncIterable[Message]
    ) -> AsyncIterator[Result]:
        """Send each message and yield its result when it is known, in any order.

        A message that cannot be built or is refused is a result. A relay to which no connection
        is possible ends the iteration with its error, after the results that are known; an
        exception of `messages` does the same. Leaving the loop early sends no further message.
        """
        self._check_open()
        stream = Stream(self.relay, self.lang, self._pool.wake, messages)
        try:
            self._pool.add(stream)
            while True:
                while stream.results:
                    yield stream.results.popleft()
                if not await stream.has_more():
                    break
            if stream.error is not None:
                raise stream.error
        finally:
            self._pool.remove(stream)
            await stream.aclose()

    def _check_open(self) -> None:
        if self._pool.is_closing:
            raise ConnectionLost("the mailer is closed", phase=Phase.CONNECT)

    async def aclose(self) -> None:
        """Finish the messages under way and close the connections."""
        await self._pool.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
