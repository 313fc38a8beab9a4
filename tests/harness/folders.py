"""Short-lived folders with short paths: a unix socket's path may have 107 bytes, no more.

pytest's own folders are too deep for sockets and closed to the user that Postgres runs as.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

_PREFIX = "adquem-test-"


@contextlib.contextmanager
def short_folder() -> Iterator[Path]:
    """A new folder, removed at the end; first removes those whose owner was killed.

    An owner holds a lock on its folder, and the kernel lets go of it however the owner ends.
    """
    sweep()
    with _locked(_root()):
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=_root()))
        owned = _lock(folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(owned)


def sweep() -> None:
    """Remove the folders that nobody owns any more."""
    with _locked(_root()):
        for folder in _root().glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError), _locked(folder, fcntl.LOCK_NB):
                shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def _locked(folder: Path, how: int = 0) -> Iterator[None]:
    """Raises BlockingIOError where `how` says not to wait and another holds it."""
    descriptor = _lock(folder, how)
    try:
        yield
    finally:
        os.close(descriptor)


def _lock(folder: Path, how: int = 0) -> int:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | how)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _root() -> Path:
    """`TMPDIR` may be long and private; /tmp is neither."""
    return Path("/tmp") if os.access("/tmp", os.W_OK) else Path(tempfile.gettempdir())
