"""The zone data of yesterday: the installed edition, in which the zones that IANA has changed since 2025b
have the law that they had there. Whoever has its folder first on their path finds it in the other's place.
"""

import shutil
import struct
import zoneinfo
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

#: As 2025b has it from 2026 on, but for what Casablanca does in Ramadan; what was before is left out.
_MOROCCO, _CUBA, _MOLDOVA = "<+01>-1", "CST5CDT,M3.2.0/0,M11.1.0/1", "EET-2EEST,M3.5.0,M10.5.0/3"
_CENTRAL, _MOUNTAIN = "CST6CDT,M3.2.0,M11.1.0", "MST7MDT,M3.2.0,M11.1.0"
_PACIFIC = "PST8PDT,M3.2.0,M11.1.0"
BEFORE = {
    "Africa/Casablanca": _MOROCCO,
    "Africa/El_Aaiun": _MOROCCO,
    "America/Edmonton": _MOUNTAIN,
    "America/Havana": _CUBA,
    "America/Inuvik": _MOUNTAIN,
    "America/Rainy_River": _CENTRAL,
    "America/Vancouver": _PACIFIC,
    "America/Winnipeg": _CENTRAL,
    "America/Yellowknife": _MOUNTAIN,
    "Canada/Central": _CENTRAL,
    "Canada/Mountain": _MOUNTAIN,
    "Canada/Pacific": _PACIFIC,
    "Cuba": _CUBA,
    "Europe/Chisinau": _MOLDOVA,
    "Europe/Tiraspol": _MOLDOVA,
}
_VERSION = "2025.2"
#: Version, then the numbers of: UT and standard indicators, leap seconds, transitions, types, letters.
_HEAD = struct.pack(">4sc15x6I", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
_BODY = struct.pack(">ibB4s", 0, 0, 0, b"LMT\0")


class Edition:
    """The edition of yesterday, written into `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._zones = folder / "tzdata" / "zoneinfo"
        installed = Path(str(files("tzdata")))
        shutil.copytree(installed, folder / "tzdata", ignore=shutil.ignore_patterns("__pycache__"))
        for name, law in BEFORE.items():
            (self._zones / name).write_bytes(_file(law))
        info = folder / f"tzdata-{_VERSION}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: tzdata\nVersion: {_VERSION}\n"
        )

    @property
    def variables(self) -> dict[str, str]:
        """For a process that is to know no other."""
        return {"PYTHONPATH": str(self.folder)}

    def zone(self, name: str) -> ZoneInfo:
        with (self._zones / name).open("rb") as file:
            return ZoneInfo.from_file(file, name)


def some_zones(number: int) -> list[str]:
    """The zones that changed, and others from all over the world."""
    others = [
        name
        for name in sorted(zoneinfo.available_timezones() - BEFORE.keys())
        if "/" in name and not name.startswith("Etc/")
    ]
    wanted = number - len(BEFORE)
    return [*BEFORE, *others[:: len(others) // wanted][:wanted]]


def _file(law: str) -> bytes:
    """TZif that knows no transition, only the rule for all time."""
    return 2 * (_HEAD + _BODY) + f"\n{law}\n".encode()
