"""Ties a child process to its parent: whatever ends the parent, even SIGKILL, ends the child.

Also the small program that does it: it is executed with `python -I -S` and must import the
standard library alone. A program between fork and exec, because `preexec_fn` may deadlock where
threads run, as they do in these tests.
"""

import ctypes
import os
import pwd
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tethered(
    command: list[str], user: str | None = None, farewell: signal.Signals = signal.SIGKILL
) -> list[str]:
    """The command line that runs `command`, as `user` if given, and dies with this process.

    The kernel watches the *thread* that starts the child: start it from one that lasts.
    Outside Linux nothing is tied; a regular end cleans up there as well.
    """
    program = [sys.executable, "-I", "-S", __file__]
    return [*program, str(os.getpid()), str(int(farewell)), user or "", *command]


def main(arguments: list[str]) -> None:
    """Give up root where asked (this clears the tie, so it comes first), tie, execute."""
    parent, farewell, user, *command = arguments
    if user:
        entry = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(entry.pw_gid)
        os.setuid(entry.pw_uid)
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, int(farewell), 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        if os.getppid() != int(parent):
            raise SystemExit("the parent was gone before its child was tied to it")
    os.execv(command[0], command)


if __name__ == "__main__":
    main(sys.argv[1:])
