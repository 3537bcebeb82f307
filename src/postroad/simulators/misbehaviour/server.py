"""The hostile server: one thread that accepts, one for each connection."""

from __future__ import annotations

import contextlib
import functools
import operator
import selectors
import socket
import threading
from collections import Counter
from typing import TYPE_CHECKING

from postroad.simulators.misbehaviour.behaviours import script_of
from postroad.simulators.misbehaviour.dialogue import HOST, Dialogue
from postroad.simulators.misbehaviour.script import Deaf, Script
from postroad.simulators.recording import Record
from postroad.simulators.server import Simulator

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from postroad.simulators.certificates import CertificateKind
    from postroad.simulators.misbehaviour.script import Step
    from postroad.simulators.profiles import Security
    from postroad.simulators.recording import Received, Transcript


class HostileSimulator(Simulator):
    """A server that follows a script; any login is right unless the script says otherwise."""

    def __init__(
        self,
        script: Script,
        *,
        host: str,
        port: int,
        username: str,
        password: str,
        pace_s: float,
        after: int,
        times: int | None,
        record: Record,
    ) -> None:
        super().__init__(
            "hostile",
            host=host,
            port=port,
            security=script.security,
            username=username,
            password=password,
            token="any",  # noqa: S106 - every token is right
            certificate=script.certificate,
            certificate_host=HOST,
            record=record,
        )
        self.script = script
        self._pace_s = pace_s
        self._after = after
        self._times = times
        self._turns: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._live: dict[threading.Thread, Dialogue] = {}
        self._acceptor: threading.Thread | None = None
        self._waker: socket.socket | None = None

    def _takes_turn(self, step: Step) -> bool:
        with self._lock:
            self._turns[step] += 1
            turn = self._turns[step] - self._after
        return turn > 0 and (self._times is None or turn <= self._times)

    def _serve(self, listener: socket.socket, context: ssl.SSLContext) -> None:
        if any(isinstance(a, Deaf) for actions in self.script.on.values() for a in actions):
            # inherited by the connections: a small window makes "stops reading" soon felt
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        waker, self._waker = socket.socketpair()
        listener.setblocking(False)
        self._acceptor = threading.Thread(
            target=self._accept, args=(listener, waker, context), name="postroad-hostile"
        )
        self._acceptor.daemon = True
        self._acceptor.start()

    def _accept(
        self, listener: socket.socket, waker: socket.socket, context: ssl.SSLContext
    ) -> None:
        with selectors.DefaultSelector() as selector, waker:
            selector.register(listener, selectors.EVENT_READ)
            selector.register(waker, selectors.EVENT_READ)
            while not self._stopping.is_set():
                if any(key.fileobj is listener for key, _ in selector.select()):
                    with contextlib.suppress(OSError):
                        connection, _ = listener.accept()
                        self._begin(connection, context)

    def _begin(self, connection: socket.socket, context: ssl.SSLContext) -> None:
        connection.setblocking(True)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialogue = Dialogue(
            connection,
            self.script,
            context=context,
            record=self._record,
            pace_s=self._pace_s,
            stopping=self._stopping,
            takes_turn=self._takes_turn,
        )
        thread = threading.Thread(target=self._talk, args=(dialogue,), name="postroad-hostile-1")
        thread.daemon = True
        with self._lock:
            self._live[thread] = dialogue
        thread.start()

    def _talk(self, dialogue: Dialogue) -> None:
        try:
            dialogue.run()
        finally:
            with self._lock:
                self._live.pop(threading.current_thread(), None)

    def _stop(self) -> None:
        self._stopping.set()
        if self._waker is not None:
            self._waker.close()  # its other end becomes readable
            self._waker = None
        if self._acceptor is not None:
            self._acceptor.join()
            self._acceptor = None
        with self._lock:
            live = dict(self._live)
        for dialogue in live.values():
            dialogue.cut()
        for thread in live:
            thread.join()


def hostile(
    *behaviours: str | Script,
    host: str = "127.0.0.1",
    port: int = 0,
    username: str = "user",
    password: str = "password",  # noqa: S107
    security: Security | None = None,
    certificate: CertificateKind | None = None,
    pace_s: float = 0.01,
    after: int = 0,
    times: int | None = None,
    keep: int | None = None,
    on_message: Callable[[Received], None] | None = None,
    on_end: Callable[[Transcript], None] | None = None,
) -> HostileSimulator:
    """A server that misbehaves as named, to be used with `with`.

    behaviours: names of `docs/reference/simulators.md` ("close@dot", "auth-535", …) or `Script`
                values, all at once; none at all is "polite".
    pace_s:     seconds between the octets of a reply that drips.
    after:      how often each misbehaving step goes well first, over all connections.
    times:      how often it then misbehaves before it goes well for ever; None is always.
    raises:     SettingsError for a name that does not exist.
    """
    scripts = [script_of(b) if isinstance(b, str) else b for b in behaviours]
    script = functools.reduce(operator.or_, scripts, Script())
    if security is not None or certificate is not None:
        script = Script(
            **{
                **{name: getattr(script, name) for name in script.__dataclass_fields__},
                "security": security or script.security,
                "certificate": certificate or script.certificate,
            }
        )
    return HostileSimulator(
        script,
        host=host,
        port=port,
        username=username,
        password=password,
        pace_s=pace_s,
        after=after,
        times=times,
        record=Record(keep=keep, on_message=on_message, on_end=on_end),
    )
