"""The whole command line `adquem`: service's commands, and those that set the clockwork going.

What only some commands need is imported by them: a worker without the web is up in half the time.
"""

import gc
from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from service.commands.doctor import Finding
from service.commands.line import Host, Port, build_line, prepare_database, settle, with_address
from service.runtime import Runtime
from service.settings import Settings

if TYPE_CHECKING:
    from service.commands.demo import Docket


async def check_redis(runtime: Runtime) -> Finding:
    from workers import distributed

    return await distributed.check_redis(runtime)


#: New objects, and rounds of the younger generations, after which garbage is looked for.
_COLLECTED_AFTER = (5_000, 20, 20)

line = build_line(extra_checks=[check_redis])


@line.command("serve")
def serve(host: Host = None, port: Port = None) -> None:
    """Everything in one process on a SQLite file (embedded mode)."""
    _serve_alone(with_address(host, port))


@line.command("worker")
def worker(
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="So many workers; whoever ends is followed at once.")
    ] = 1,
) -> None:
    """Tick and deliver, beside any number of others (distributed mode)."""
    import uvloop

    from service.commands.logs import configure_logs
    from service.runtime import build_runtime
    from workers import distributed, foreman

    settings = Settings()
    configure_logs(settings)
    runtime = build_runtime(settings)
    if processes > 1:
        runtime.read_in()
    keep_tidy()

    def work(place: int, lifeline: int) -> None:
        uvloop.run(distributed.run(runtime.after_fork(), place, lifeline))

    if processes == 1:
        uvloop.run(distributed.run(runtime))
    else:
        foreman.keep_at_work(processes, work)


@line.command("demo")
def demo(host: Host = None, port: Port = None) -> None:
    """Serve with the demo docket: a case with clocks that run, in ADQUEM_HOME."""
    _serve_alone(with_address(host, port), with_demo=True)


def keep_tidy() -> None:
    """What has been read in stays, shared by whoever is forked from it, and is never looked through again;
    what is thrown away goes soon."""
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def _serve_alone(settings: Settings, with_demo: bool = False) -> None:
    from service.commands.demo import load_demo
    from service.commands.serving import serve_web
    from workers import embedded

    if not settings.embedded:
        typer.echo(
            "This is for SQLite; with Postgres run `adquem api` and `adquem worker`.", err=True
        )
        raise typer.Exit(1)
    settings.home.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        with embedded.alone(settings):
            prepare_database(settings)
            if with_demo:
                _show(settle(load_demo, settings), settings)
            keep_tidy()
            serve_web(settings, embedded.run)
    except RuntimeError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None


def _show(docket: "Docket | None", settings: Settings) -> None:
    outbox = settings.home / "outbox"
    typer.echo(f"\nAdquem runs at   {settings.base_url}")
    typer.echo(f"Mails become     files in {outbox}  (the first within half a minute)")
    if docket is None:
        typer.echo(
            "The demo docket is loaded already; `adquem keys create NAME` makes a new key.\n"
        )
        return
    typer.echo(f"Calendar feed    {docket.feed_url}")
    typer.echo(f"API key          {docket.key}")
    typer.echo(f"Try              curl -H 'Authorization: Bearer {docket.key}' \\")
    typer.echo(f"                   {settings.base_url}/api/v1/deadlines")
    typer.echo("Key and feed address are shown this once.\n")


def main() -> None:
    """A fault in the settings is said in one line, not by a traceback."""
    try:
        line()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(map(str, fault["loc"])).upper()
            typer.echo(f"ADQUEM_{name}: {fault['msg']}", err=True)
        raise SystemExit(2) from None
    except ValueError as error:
        typer.echo(str(error), err=True)
        raise SystemExit(2) from None
