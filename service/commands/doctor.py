"""Looks at everything that an installation needs, names what is wrong and how to mend it."""

import stat
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy.exc import SQLAlchemyError

from service.clock import system_clock, zone_data_version
from service.domain.notifications import ChannelKind
from service.runtime import Runtime
from service.store.database import database_now
from service.store.journal import chains
from service.store.migrations import at_head


@dataclass(frozen=True)
class Finding:
    """`mend` is empty where nothing is wrong; `grave` where notices would not go out."""

    subject: str
    found: str
    mend: str = ""
    grave: bool = True


Check = Callable[[Runtime], Awaitable[Finding]]


async def examine(runtime: Runtime, extra: Sequence[Check] = ()) -> list[Finding]:
    """Every check in turn; one that raises becomes a finding."""
    findings = []
    for check in (*_CHECKS, *extra):
        try:
            findings.append(await check(runtime))
        except Exception as error:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            findings.append(Finding(name, f"{type(error).__name__}: {error}", "see the message"))
    return findings


async def check_database(runtime: Runtime) -> Finding:
    try:
        async with runtime.reading() as session:
            if await at_head(session):
                heads = await chains(session)
                return Finding("database", f"schema current, {len(heads)} journal chains")
            return Finding("database", "not migrated to this version", "run: adquem migrate")
    except SQLAlchemyError as error:
        mend = "check ADQUEM_DATABASE_URL, and that the server runs"
        return Finding("database", type(error).__name__, mend)


async def check_clock(runtime: Runtime) -> Finding:
    if runtime.settings.rehearsal_clock:
        mend = "unset ADQUEM_REHEARSAL_CLOCK unless this is a drill"
        return Finding("clock", f"REHEARSAL, reads {runtime.clock()}", mend)
    if runtime.settings.embedded:
        return Finding("clock", f"{system_clock():%Y-%m-%d %H:%M:%S} UTC")
    async with runtime.reading() as session:
        skew = abs((await database_now(session) - system_clock()).total_seconds())
    mend = "set the clock of this host by NTP" if skew > 5 else ""
    return Finding("clock", f"{skew:.1f} s from the database's", mend, grave=False)


async def check_zone_data(runtime: Runtime) -> Finding:
    """Almaty left UTC+6 on 1 March 2024: data that does not know it moves deadlines by an hour."""
    offset = datetime(2024, 3, 1, 12, tzinfo=ZoneInfo("Asia/Almaty")).utcoffset()
    right = offset is not None and offset.total_seconds() == 5 * 3600
    mend = "" if right else "reinstall from requirements/base.txt (tzdata)"
    return Finding("zone data", f"tzdata {zone_data_version()}", mend)


async def check_mail(runtime: Runtime) -> Finding:
    try:
        facts = await runtime.channels[ChannelKind.EMAIL].check()
    except Exception as error:
        mend = "check ADQUEM_SMTP_URL: host, port, encryption, user and password"
        return Finding("mail", f"{type(error).__name__}: {error}", mend)
    if "outbox" in facts:
        mend = "" if runtime.settings.embedded else "set ADQUEM_SMTP_URL"
        return Finding("mail", f"no relay: mails become files in {facts['outbox']}", mend, False)
    return Finding("mail", f"relay {facts['relay']} answers")


async def check_secret_key(runtime: Runtime) -> Finding:
    if runtime.settings.secret_key.get_secret_value():
        return Finding("secret key", "from ADQUEM_SECRET_KEY")
    file = runtime.settings.home / "secret.key"
    mode = stat.S_IMODE(file.stat().st_mode)
    mend = "" if mode == 0o600 else f"chmod 600 {file}"
    if not runtime.settings.embedded:
        mend = "set ADQUEM_SECRET_KEY to the same value on every host"
    return Finding("secret key", f"{file}, mode {mode:o}", mend)


async def check_public_url(runtime: Runtime) -> Finding:
    url = runtime.settings.base_url
    local = url.startswith(("http://127.", "http://localhost"))
    mend = "" if local or url.startswith("https://") else "put a TLS proxy in front, use https"
    return Finding("public address", url, mend, grave=False)


async def check_heartbeat(runtime: Runtime) -> Finding:
    """Not asked here: a ping says that all is well, which only the watch can know."""
    if runtime.heartbeat is not None:
        return Finding("heartbeat", "an address outside is told while all is well")
    mend = "set ADQUEM_HEARTBEAT_URL, or nobody outside would notice a dead installation"
    return Finding("heartbeat", "not configured", mend, grave=False)


_CHECKS: tuple[Check, ...] = (
    check_database,
    check_clock,
    check_zone_data,
    check_mail,
    check_secret_key,
    check_public_url,
    check_heartbeat,
)
