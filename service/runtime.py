"""The one place where engine, channels and rules are built and which channels exist is said."""

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property, partial
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import configure_mappers
from sqlmodel.ext.asyncio.session import AsyncSession

from service import sealing
from service.channels.email.content import MailContent
from service.channels.email.outbox import Outbox
from service.channels.email.relay import SmtpTransport
from service.channels.email.sender import EmailChannel
from service.channels.interface import Channel
from service.channels.webhook.heartbeat import Heartbeat
from service.channels.webhook.sender import WebhookChannel
from service.clock import Clock, rehearsal_clock, system_clock
from service.domain.notifications import ChannelKind
from service.errors import Refusal
from service.knocks import Knocks
from service.memory import Memory
from service.precedence import Precedence
from service.rules.check import load_with_packs
from service.rules.library import RuleLibrary
from service.sealing import Seal, answer_code, answer_token, load_seal
from service.settings import Settings
from service.store.database import Sessions, Turns, database_now, make_engine, readers, writers
from service.store.glances import Glances

TEMPLATES = Path(__file__).parent.parent / "templates"
VERSION = version("adquem")
_USER_AGENT = f"adquem/{VERSION}"


@dataclass(frozen=True)
class Runtime:
    """Everything that lives as long as the process. `worker` names it in attempts and logs;
    `heartbeat` is None where nobody outside waits for one."""

    settings: Settings
    clock: Clock
    seal: Seal
    engine: AsyncEngine
    channels: Mapping[ChannelKind, Channel]
    rules: RuleLibrary
    heartbeat: Heartbeat | None
    memory: Memory
    worker: str
    precedence: Precedence = field(default_factory=Precedence)

    @cached_property
    def _writers(self) -> Sessions:
        return writers(self.engine)

    @cached_property
    def _turns(self) -> Turns | None:
        return Turns() if self.settings.embedded else None

    @cached_property
    def _readers(self) -> Sessions:
        return readers(self.engine)

    @cached_property
    def knocks(self) -> Knocks:
        """Wrong secrets at all doors of this process."""
        return Knocks()

    @cached_property
    def glances(self) -> Glances:
        """For reads of one statement."""
        return Glances(self.engine)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are all kept, or, where anything is raised, none."""
        turn = self._turns.turn() if self._turns else nullcontext()
        async with turn, self._writers() as session, session.begin():
            yield session

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session that cannot write."""
        async with self._readers() as session:
            yield session

    async def now(self, session: AsyncSession) -> datetime:
        """For the clockwork: the database's clock where workers share one, so that a host whose own
        clock is wrong neither sends early nor takes a lease from the living."""
        return self.own_now or await database_now(session)

    @property
    def own_now(self) -> datetime | None:
        """None where the database's clock decides."""
        own = self.settings.embedded or self.settings.rehearsal_clock
        return self.clock() if own else None

    def read_in(self) -> None:
        """What each process would else read in by itself once it is forked."""
        configure_mappers()
        for channel in self.channels.values():
            channel.read_in()

    def after_fork(self) -> "Runtime":
        """The same under the name of this process; nothing of it may have been used before."""
        return replace(self, worker=_own_name())

    async def close(self) -> None:
        for channel in self.channels.values():
            await channel.close()
        if self.heartbeat is not None:
            await self.heartbeat.close()
        await self.glances.close()
        await self.engine.dispose()


def build_runtime(settings: Settings) -> Runtime:
    """Builds, connects to nothing yet. Raises ValueError that names the setting at fault."""
    file = settings.rehearsal_clock
    if settings.bounce_listen and not settings.bounce_domain:
        raise ValueError("ADQUEM_BOUNCE_LISTEN is of use with ADQUEM_BOUNCE_DOMAIN alone")
    if settings.embedded:
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    seal = load_seal(settings.secret_key.get_secret_value(), settings.home)
    return Runtime(
        settings=settings,
        clock=rehearsal_clock(file) if file else system_clock,
        seal=seal,
        engine=make_engine(settings.sqlalchemy_url),
        channels=_channels(settings, seal),
        rules=load_with_packs(settings.rule_packs),
        heartbeat=_heartbeat(settings),
        memory=Memory(settings.home / "memory.json"),
        worker=_own_name(),
    )


def _own_name() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


def _channels(settings: Settings, seal: Seal) -> dict[ChannelKind, Channel]:
    def answer_link(message_id: str) -> str:
        return f"{settings.base_url}/r/{answer_token(seal, message_id)}"

    content = MailContent(
        str(TEMPLATES),
        settings.mail_from,
        settings.mail_domain,
        answer_link,
        partial(answer_code, seal),
        lambda message_id: f"{settings.base_url}/v/{sealing.verification_token(seal, message_id)}",
        partial(_unsubscribe, settings, seal),
    )

    def return_path(message_id: str, at: datetime) -> str | None:
        domain = settings.bounce_domain
        return f"{sealing.return_path(seal, message_id, at)}@{domain}" if domain else None

    relay = settings.smtp_url.get_secret_value()
    transport = (
        SmtpTransport(relay, settings.mail_from, settings.smtp_connections, settings.smtp_ca_file)
        if relay
        else Outbox(settings.home / "outbox")
    )
    networks = settings.webhook_networks
    webhooks = WebhookChannel(settings.base_url, networks, _USER_AGENT, answer_link)
    mails = EmailChannel(content, transport, return_path)
    return {ChannelKind.EMAIL: mails, ChannelKind.WEBHOOK: webhooks}


def _unsubscribe(settings: Settings, seal: Seal, message_id: str) -> str:
    """The header of optional mail: a link, and an address where one is listened to."""
    token = sealing.unsubscribe_token(seal, message_id)
    link = f"<{settings.base_url}/u/{token}>"
    domain = settings.bounce_domain
    return f"{link}, <mailto:unsub+{token}@{domain}>" if domain else link


def _heartbeat(settings: Settings) -> Heartbeat | None:
    url = settings.heartbeat_url.get_secret_value()
    try:
        return Heartbeat(url, settings.webhook_networks, _USER_AGENT) if url else None
    except Refusal as refusal:
        raise ValueError(f"ADQUEM_HEARTBEAT_URL: {refusal.detail}") from refusal
