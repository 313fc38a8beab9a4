"""Where no relay is set, mails go into a folder, as .eml files; nothing leaves the machine."""

import asyncio
import os
from pathlib import Path
from typing import Any

from service.channels.interface import Parcel
from service.domain.retry import Outcome, Verdict


class Outbox:
    """One file for each message, named by its id: a repeat overwrites, it does not double."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def deliver(self, parcel: Parcel, mail: bytes, return_path: str | None = None) -> Outcome:
        try:
            await asyncio.to_thread(self._write, parcel.message_id, mail)
        except OSError as error:
            return Outcome(Verdict.TEMPORARY, "outbox", str(error)[:500])
        return Outcome(Verdict.ACCEPTED, "outbox")

    def _write(self, message_id: str, mail: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        unfinished = self._folder / f".{message_id}.part"
        with unfinished.open("wb") as file:
            file.write(mail)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(self._folder / f"{message_id}.eml")

    def resting(self) -> bool:
        return False

    async def check(self) -> dict[str, Any]:
        return {"outbox": str(self._folder)}

    async def close(self) -> None:
        """Nothing is held open."""
