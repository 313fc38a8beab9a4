"""One web server process. Imported by the commands that serve, and by no other: it takes a second."""

import structlog
import uvicorn

from service.app import Background, create_app
from service.commands.logs import configure_logs
from service.settings import Settings

_log = structlog.get_logger()


def serve_web(settings: Settings, background: Background | None = None) -> None:
    """`background` runs beside it until it stops."""
    configure_logs(settings)
    if settings.rehearsal_clock:
        _log.warning("rehearsal_clock", file=str(settings.rehearsal_clock))
    _log.info("serving", address=settings.base_url, home=str(settings.home))
    uvicorn.run(
        create_app(settings, background),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=20,
    )
