"""Everything that works on one open database: adapters behind ports, operations on top."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from postroad.message import Address
from postroad.operations.asking import Asker
from postroad.operations.danbee import Danbee, SesSender
from postroad.operations.identifiers import new_id
from postroad.operations.limiting import Limiting
from postroad.operations.management.probing import Probing
from postroad.operations.management.service import Management
from postroad.operations.nobase import Nobase
from postroad.operations.passwords import Passwords
from postroad.operations.release import Release
from postroad.operations.sending import Sending
from postroad.providers import ses_smtp_password
from postroad.settings import PresetOverride, Settings
from postroad.storage.audit import AuditLog
from postroad.storage.counters import CounterStore
from postroad.storage.directory import DirectoryStore
from postroad.storage.engine import Database
from postroad.storage.listing import MessageList
from postroad.storage.log import LogStore
from postroad.storage.mail import MailStore
from postroad.storage.queue import QueueStore
from postroad.storage.search.index import SearchIndex
from postroad.storage.tenants import TenantStore
from postroad.transport.pools import Pools
from postroad.transport.relay import Relay
from postroad.wiring.checking import check
from postroad.wiring.indexing import Indexing
from postroad.wiring.watch import Watch
from postroad.worker.courier import Courier
from postroad.worker.leases import Leases
from postroad.worker.loop import Dispatcher, Loop

SERVER: Final = "server:"  # how the tokens of a server's leases begin
COMMAND: Final = "command:"
_DOUBT_S: Final = 600.0  # how long a final dot's reply is waited for (RFC 5321 §4.5.3.2.6)
_IDLE_S: Final = 30.0  # how long a connection waits for the next message
_LAST_S: Final = 5.0  # for storing what the end of the connections brought


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


class Core:
    """The operations of one process on one database.

    kind:  SERVER or COMMAND.
    watch: hears what happens.
    """

    def __init__(self, settings: Settings, database: Database, kind: str, watch: Watch) -> None:
        self.database = database
        self.tenants = tenants = TenantStore(database)
        self.directory = DirectoryStore(database)
        self.audit = AuditLog(database)
        self.mail = mail = MailStore(database, new_id)
        self.queue = queue = QueueStore(database, new_id)
        self.send_log = LogStore(database)
        self.messages = MessageList(database)
        self.indexing = Indexing(SearchIndex(database))
        self.passwords = Passwords()
        self.pools = Pools(timeout_s=_DOUBT_S, idle_s=_IDLE_S)
        leases = Leases(f"{kind}{uuid.uuid4()}", now)
        self.courier = courier = Courier(
            queue,
            self.pools,
            leases,
            clock=now,
            jitter=random.random,
            settled=watch.settled,
            lease_lost=watch.lease_lost,
            doubted=watch.doubted,
            trouble=watch.trouble,
        )
        self.loop = Loop(
            queue,
            Dispatcher(tenants, courier, now),
            courier,
            leases,
            clock=now,
            trouble=watch.trouble,
            defect=watch.defect,
        )
        sending = Sending(
            mail, courier, leases, clock=now, wake=self.loop.wake, accepted=watch.accepted
        )
        asker = Asker(tenants, tenants, self.passwords, now)
        self.nobase = Nobase(
            asker,
            sending,
            tenants,
            mail,
            tenants,
            self.passwords,
            now,
            watch.refused,
            settings.per_recipient_hour,
        )
        self.limiting = Limiting(
            CounterStore(database), now, address_minute=settings.per_address_minute
        )
        self.danbee = Danbee(
            tenants,
            sending,
            mail,
            limiting=self.limiting,
            clock=now,
            refused=watch.request_refused,
            relay_of=lambda *login: _relay(settings, *login),
            ses=_ses(settings),
        )
        self.releasing = Release(tenants, mail, queue, tenants, courier, leases, now)
        self.management = Management(
            directory=self.directory,
            passwords=self.passwords,
            facts=tenants,
            mail=mail,
            messages=self.messages,
            send_log=self.send_log,
            audit=self.audit,
            relays=tenants,
            releasing=self.releasing,
            probing=Probing(tenants, check),
            limiting=self.limiting,
            clock=now,
        )

    async def aclose(self, grace_s: float) -> None:
        """Finish what is under way, at most `grace_s`, and let go of everything."""
        clock = asyncio.get_running_loop().time
        ends_at = clock() + grace_s
        await self.loop.stop(grace_s)
        await self.pools.aclose(max(ends_at - clock(), 0.0))
        await self.courier.drain(_LAST_S)
        self.passwords.close()
        await self.indexing.stop()
        await self.database.aclose()


def _relay(settings: Settings, preset: str, username: str, password: str) -> Relay:
    """Return the relay of a preset, where the settings say it is reached."""
    override = settings.presets.get(preset)
    if override is None:
        return Relay.preset(preset, username=username, password=password)
    return _overridden(Relay.preset(preset, username=username, password=password), override)


def _ses(settings: Settings) -> SesSender | None:
    """Return the operator's Amazon SES; its SMTP password is derived from the secret key."""
    ses = settings.ses
    if ses is None:
        return None
    relay = Relay.preset(
        "ses",
        username=ses.access_key_id,
        password=ses_smtp_password(ses.secret, ses.region),
        region=ses.region,
    )
    override = settings.presets.get("ses")
    return SesSender(
        relay if override is None else _overridden(relay, override),
        ses.senders,
        Address.parse(ses.shared_sender) if ses.shared_sender else None,
    )


def _overridden(relay: Relay, override: PresetOverride) -> Relay:
    changes = {
        "host": override.host,
        "port": override.port,
        "security": override.security,
        "cafile": str(override.cafile) if override.cafile else None,
    }
    given: dict[str, Any] = {name: value for name, value in changes.items() if value is not None}
    return replace(relay, verify=override.verify, **given)
