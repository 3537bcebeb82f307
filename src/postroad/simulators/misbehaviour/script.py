"""What a misbehaving server does, as values: actions at the steps of the dialogue, and traits."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, TypeAlias, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping

    from postroad.simulators.certificates import CertificateKind
    from postroad.simulators.profiles import Security

Step = Literal[
    "greeting",
    "ehlo",
    "helo",
    "starttls",
    "tls",
    "auth",
    "auth-answer",
    "mail",
    "rcpt",
    "data",
    "content",
    "dot",
    "rset",
    "noop",
    "quit",
]
STEPS: tuple[Step, ...] = get_args(Step)

EchoForm = Literal["raw", "base64", "hex", "urlencoded"]


@dataclass(frozen=True, slots=True)
class Usual:
    """The reply a well-behaved server gives here."""


@dataclass(frozen=True, slots=True)
class Say:
    """Exactly these octets, instead of the usual reply."""

    octets: bytes


@dataclass(frozen=True, slots=True)
class Drip:
    """The usual reply, one octet per pace."""


@dataclass(frozen=True, slots=True)
class BareLf:
    """The usual reply, its lines ended by `end` instead of CRLF."""

    end: bytes


@dataclass(frozen=True, slots=True)
class Half:
    """The first half of the usual reply, then the connection is closed."""


@dataclass(frozen=True, slots=True)
class Flood:
    """`chunk` again and again: `times` times, or until the client has gone."""

    chunk: bytes
    times: int | None = None
    start: bytes = b""
    end: bytes = b""


@dataclass(frozen=True, slots=True)
class Echo:
    """A refusal that repeats what the client sent to log in, in some encoding."""

    form: EchoForm


@dataclass(frozen=True, slots=True)
class Close:
    """Close the connection (FIN)."""


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection (RST)."""


@dataclass(frozen=True, slots=True)
class Silence:
    """Go on reading, never answer again."""


@dataclass(frozen=True, slots=True)
class Deaf:
    """Neither read nor write again, and keep the connection open."""


Action: TypeAlias = (
    Usual | Say | Drip | BareLf | Half | Flood | Echo | Close | Reset | Silence | Deaf
)

EXTENSIONS = ("PIPELINING", "SIZE 10485760", "AUTH PLAIN LOGIN", "8BITMIME", "ENHANCEDSTATUSCODES")


@dataclass(frozen=True, slots=True)
class Script:
    """How a server behaves: the actions that replace its usual replies, and lasting traits.

    on:                 actions at a step, in place of the usual reply.
    extensions:         the EHLO lines after the first; STARTTLS is added when `security` says so.
    size_octets:        content beyond it is refused at the final dot, whatever SIZE says.
    refused_parameters: MAIL parameters refused although their extension is offered.
    drops_pipelined:    what was written together with a command is thrown away unread.
    """

    on: Mapping[Step, tuple[Action, ...]] = field(default_factory=dict)
    security: Security = "none"
    certificate: CertificateKind = "good"
    extensions: tuple[str, ...] = EXTENSIONS
    hides_starttls: bool = False
    size_octets: int = 10_485_760
    refused_parameters: tuple[str, ...] = ()
    drops_pipelined: bool = False

    def __or__(self, other: Script) -> Script:
        """Both misbehaviours at once; where both speak of the same thing the other wins."""
        usual = Script()
        changed = {
            name: getattr(other, name)
            for name in self.__dataclass_fields__
            if name != "on" and getattr(other, name) != getattr(usual, name)
        }
        return replace(self, on={**self.on, **other.on}, **changed)
