"""GnuPG with a home of its own: makes keys without a password, gives out their public halves, decrypts."""

import subprocess
from pathlib import Path
from typing import Self


class GnuPG:
    """`with GnuPG(folder) as gnupg:`; the folder must have a short path, for there is a socket in it."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def __enter__(self) -> Self:
        self._home.chmod(0o700)
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(
            ["gpgconf", "--homedir", str(self._home), "--kill", "gpg-agent"], check=False
        )

    def make(self, address: str, algorithm: str = "future-default", usage: str = "default") -> None:
        self._run("--quick-gen-key", f"Reader <{address}>", algorithm, usage, "2y")

    def public(self, address: str) -> str:
        return self._run("--armor", "--export", address).decode()

    def decrypt(self, message: bytes) -> bytes:
        return self._run("--decrypt", given=message)

    def _run(self, *words: str, given: bytes = b"") -> bytes:
        command = ["gpg", "--homedir", str(self._home), "--batch", "--quiet"]
        command += ["--pinentry-mode", "loopback", "--passphrase", "", *words]
        done = subprocess.run(command, input=given, capture_output=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout
