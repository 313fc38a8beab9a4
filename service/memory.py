"""What the host remembers of the database, so that one that was put back from a copy is known for it.

It holds counts, and nothing of any case; without it, and after its loss, nothing is noticed and all works.
"""

import json
from pathlib import Path

import structlog

_log = structlog.get_logger()


class Memory:
    """The highest count seen in each life of the database; `file` keeps it beyond this process, where it
    can. `resting`: why this process found nothing to do last, told when it turns."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._seen = _read(file)
        self.resting: str | None = None

    def seen(self, life: str | None) -> int:
        return self._seen.get(life or "", 0)

    def keep(self, life: str, count: int) -> None:
        """Processes that share the file lose at most each other's newest count."""
        self._seen = {**_read(self._file), **self._seen, life: max(count, self.seen(life))}
        unfinished = self._file.with_suffix(".part")
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            unfinished.write_text(json.dumps(self._seen))
            unfinished.replace(self._file)
        except OSError as error:
            _log.warning("memory_not_kept", kind=type(error).__name__)

    def rests(self, why: str | None) -> bool:
        """Says it once, and once more when it is over."""
        if why != self.resting:
            _log.warning("at_rest" if why else "at_work", reason=why or self.resting)
            self.resting = why
        return why is not None


def _read(file: Path) -> dict[str, int]:
    try:
        kept = json.loads(file.read_text())
        return {str(life): int(count) for life, count in kept.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
