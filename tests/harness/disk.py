"""A disk that is soon full: some megabytes of memory, seen by this process and its children alone.

It goes with them, however they end. Where mounting is not allowed (it takes root and Linux) it is a
folder like any other, and never full.
"""

import contextlib
import ctypes
import errno
import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

_CLONE_NEWNS = 0x20000
_MS_REC, _MS_PRIVATE = 1 << 14, 1 << 18
_MNT_DETACH = 2
_BLOCK = bytes(2**20)


class SmallDisk:
    """`with SmallDisk(folder, 64) as disk:`; everyone may write there. To be entered by the thread
    that starts whoever is to see it."""

    def __init__(self, folder: Path, megabytes: int) -> None:
        self.folder = folder
        self._options = f"size={megabytes}m,mode=777"
        self._ballast = folder / "ballast"
        self._mounted = False

    def __enter__(self) -> Self:
        self.folder.mkdir(exist_ok=True)
        self.folder.chmod(0o777)
        self._mounted = _apart() and _mount(self.folder, self._options)
        return self

    def __exit__(self, *_: object) -> None:
        if self._mounted:
            ctypes.CDLL(None).umount2(bytes(self.folder), _MNT_DETACH)
            self._mounted = False

    @contextlib.contextmanager
    def full(self) -> Iterator[Callable[[], bool]]:
        """Full to the last byte, until the end of the block; what it yields takes what somebody has given
        back meanwhile, and answers whether it is full."""
        try:
            self._fill()
            yield self._fill
        finally:
            self._ballast.unlink(missing_ok=True)

    def _fill(self) -> bool:
        if not self._mounted:
            return False
        fill_up(self._ballast)
        return True


def fill_up(file: Path) -> None:
    """Lengthens it until the disk takes not a byte more."""
    with file.open("ab", buffering=0) as ballast:
        try:
            while ballast.write(_BLOCK):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise


@functools.cache
def _apart() -> bool:
    """From now on this thread's mounts are its own, and its children's."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    return not libc.unshare(_CLONE_NEWNS) and not libc.mount(
        None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None
    )


def _mount(folder: Path, options: str) -> bool:
    nothing = ctypes.c_ulong(0)
    return not ctypes.CDLL(None).mount(b"tmpfs", bytes(folder), b"tmpfs", nothing, options.encode())
