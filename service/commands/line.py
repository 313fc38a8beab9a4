"""`adquem`: migrate, api, keys, plan, rules, doctor, settings, listen, verify-journal.

What only one command needs is imported by that command: each is a process that somebody waits for.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Annotated, Any, TypeVar

import typer
from sqlalchemy.exc import SQLAlchemyError

from service.commands import calculator, gallery
from service.commands.doctor import Check, examine
from service.domain.access import Scope
from service.errors import Refusal
from service.runtime import VERSION, Runtime, build_runtime
from service.settings import Settings
from service.store import journal, migrations

Result = TypeVar("Result")


def build_line(extra_checks: Sequence[Check] = ()) -> typer.Typer:
    """The commands; `extra_checks`: what doctor looks at beyond its own."""
    line = typer.Typer(
        help="Legal deadlines that cannot be missed in silence.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )
    keys = typer.Typer(help="API keys.", no_args_is_help=True)
    rules = typer.Typer(help="The rule library.", no_args_is_help=True)
    keys.command("create")(create_key)
    keys.command("rotate-seal")(rotate_seal)
    rules.command("list")(calculator.list_rules)
    rules.command("show")(calculator.show_rule)
    rules.command("check")(calculator.check_rules)
    mails = typer.Typer(help="The mails that are sent.", no_args_is_help=True)
    mails.command("gallery")(gallery.write_gallery)
    line.add_typer(_quarantine_line(), name="quarantine")
    line.add_typer(mails, name="mails")
    line.add_typer(keys, name="keys")
    line.add_typer(rules, name="rules")
    line.command("migrate")(migrate)
    line.command("api")(api)
    line.command("compute")(calculator.compute)
    line.command("plan")(show_plan)
    line.command("settings")(show_settings)
    line.command("bounce")(bounce)
    line.command("listen")(listen)
    line.command("verify-journal")(verify_journal)
    line.command("version")(show_version)

    @line.command("doctor")
    def doctor() -> None:
        """Look at database, clock, zone data, mail, keys and Redis; say what is wrong, and the remedy."""
        _examine(extra_checks)

    return line


def _quarantine_line() -> typer.Typer:
    """What is done after a restore."""
    line = typer.Typer(help="What a restored database would send, before it does.")

    @line.command("on")
    def on() -> None:
        """After a restore, before anything is started: nothing leaves until `quarantine off`."""
        from service.commands import quarantine

        _say(settle(quarantine.turn_on))

    @line.command("show")
    def show() -> None:
        """Whether there is one, and what would be sent to whom at the most; changes nothing."""
        from service.commands import quarantine

        _say(settle(quarantine.show))

    @line.command("off")
    def off() -> None:
        """Release: what was due before the quarantine leaves marked as a possible repeat."""
        from service.commands import quarantine

        _say(settle(quarantine.turn_off))

    return line


def settle(
    work: Callable[[Runtime], Awaitable[Result]], settings: Settings | None = None
) -> Result:
    """Runs one piece of work with a runtime of its own; a refusal ends the command with its sentence."""

    async def run() -> Result:
        runtime = build_runtime(settings or Settings())
        try:
            return await work(runtime)
        finally:
            await runtime.close()

    try:
        return asyncio.run(run())
    except Refusal as refusal:
        typer.echo(f"{refusal.code}: {refusal.detail}", err=True)
    except SQLAlchemyError as error:
        kind = type(error).__name__
        typer.echo(f"{kind}: the database is away, or not migrated (adquem migrate).", err=True)
    raise typer.Exit(1)


def _say(rows: Iterable[str]) -> None:
    for row in rows:
        typer.echo(row)


def with_address(host: str | None, port: int | None) -> Settings:
    """The settings, with what the command line says about the address put over them."""
    given: dict[str, Any] = {"host": host, "port": port}
    return Settings(**{name: value for name, value in given.items() if value is not None})


Recipient = Annotated[
    str | None, typer.Option("--recipient", help="To whom it was sent; left out: what it says.")
]
Host = Annotated[str | None, typer.Option(help="Address to listen on (ADQUEM_HOST).")]
Port = Annotated[int | None, typer.Option(help="Port to listen on (ADQUEM_PORT).")]


def api(host: Host = None, port: Port = None) -> None:
    """Serve the REST interface and the feeds; workers do the sending (distributed mode)."""
    settings = with_address(host, port)
    if settings.embedded:
        typer.echo("Nobody ticks here: on SQLite `adquem serve` does all.", err=True)
        raise typer.Exit(1)
    from service.commands.serving import serve_web

    serve_web(settings)


def migrate() -> None:
    """Bring the database to this version's schema."""
    settings = Settings()
    prepare_database(settings)
    typer.echo(f"schema {migrations.head()}")


def prepare_database(settings: Settings) -> None:
    if settings.embedded:
        os.umask(0o077)  # the file holds cases: nobody else on this machine reads it
        settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    migrations.upgrade(settings.sqlalchemy_url)


def create_key(
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    scope: Annotated[Scope, typer.Option(help="read, write or admin.")] = Scope.READ,
    team: Annotated[str | None, typer.Option(help="Team id; left out: every team.")] = None,
    user: Annotated[str | None, typer.Option(help="User id that the key acts for.")] = None,
) -> None:
    """Make an API key; it is printed alone on the last line, and never shown again."""

    from service.flows import enrolment
    from service.schemas.api_keys import ApiKeyIn

    async def work(runtime: Runtime) -> str:
        async with runtime.transaction() as session:
            body = ApiKeyIn(name=name, scope=scope, team_id=team, user_id=user)
            _, secret = await enrolment.make_key(session, body, None, runtime.clock())
            return secret

    typer.echo(settle(work))


def rotate_seal() -> None:
    """Seal all secrets anew under the newest key; where HOME keeps the keys, after making one."""
    from service.commands import keyring

    _say(settle(keyring.rotate))


def show_plan(
    deadline_id: Annotated[str, typer.Argument(help="Its id.")],
    at: Annotated[str | None, typer.Option(help="Look from another instant, with offset.")] = None,
) -> None:
    """Who will be told what, and when, if nobody answers; in UTC and on the forum's clock."""
    from service.commands import planner

    _say(settle(lambda runtime: planner.time_line(runtime, deadline_id, at)))


def bounce(recipient: Recipient = None) -> None:
    """Take one mail from standard input that came to ADQUEM_BOUNCE_DOMAIN; exit 75: keep it, try again."""
    from service.commands import bounces

    try:
        found = settle(lambda runtime: bounces.take_stdin(runtime, recipient))
    except (typer.Exit, ValueError, OSError):
        raise typer.Exit(bounces.TRY_LATER) from None
    typer.echo(found or "nothing")


def listen(
    port: Annotated[int, typer.Option(help="Port on this machine; 0: any.")] = 8787,
    secret: Annotated[
        str | None, typer.Option(envvar="ADQUEM_LISTEN_SECRET", help="The endpoint's: whsec_...")
    ] = None,
    answer: Annotated[int, typer.Option(min=200, max=599, help="Status to answer.")] = 200,
) -> None:
    """Print each webhook that is sent here, and whether its signature holds."""
    from service.commands import listener

    try:
        listener.listen(port, secret, answer, typer.echo)
    except (ValueError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None


def verify_journal() -> None:
    """Walk every hash chain of the journal; exit 1 where one is broken."""

    async def work(runtime: Runtime) -> list[tuple[str, int, int | None]]:
        async with runtime.reading() as session:
            heads = await journal.chains(session)
            return [
                (head.chain, head.number, await journal.first_broken(session, head))
                for head in heads
            ]

    broken = False
    for chain, number, fault in settle(work):
        typer.echo(
            f"{chain}: {f'BROKEN at entry {fault}' if fault else f'{number} entries, whole'}"
        )
        broken = broken or fault is not None
    raise typer.Exit(1 if broken else 0)


def show_settings() -> None:
    """Every setting: variable, default, meaning."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = str(default) or "(empty)"
        typer.echo(f"ADQUEM_{name.upper()}\n    default: {shown}\n    {field.description}")


def show_version() -> None:
    """Print the version."""
    typer.echo(VERSION)


def _examine(extra_checks: Sequence[Check]) -> None:
    async def work(runtime: Runtime) -> bool:
        grave = False
        for finding in await examine(runtime, extra_checks):
            mark = "ok  " if not finding.mend else "BAD " if finding.grave else "note"
            typer.echo(f"{mark} {finding.subject}: {finding.found}")
            if finding.mend:
                typer.echo(f"       to mend it: {finding.mend}")
            grave = grave or bool(finding.mend and finding.grave)
        return grave

    raise typer.Exit(1 if settle(work) else 0)
