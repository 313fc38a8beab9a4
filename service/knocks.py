"""Wrong secrets at the doors that ask for no key, counted by the address that they come from: whoever
guesses is slowed down. Kept in this process alone, and never asked about a secret that is right.
"""

from ipaddress import IPv6Address, ip_address

#: So many wrong ones are told that they are wrong within so many seconds; the next are not looked into.
MOST, SECONDS = 30, 60
_REMEMBERED = 10_000


class Knocks:
    """`remembered`: so many addresses at the most; the one that began first is forgotten first."""

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        # Address to since when, and how many. All are kept equally long: the first is the oldest.
        self._wrong: dict[str, tuple[float, int]] = {}

    def too_many(self, address: str, at: float) -> bool:
        """Counts one more. `at`: seconds on a clock that is never set back."""
        caller = _caller(address)
        since, number = self._wrong.get(caller, (at, 0))
        if at - since >= SECONDS:
            del self._wrong[caller]
            since, number = at, 0
        elif not number and len(self._wrong) >= self._remembered:
            del self._wrong[next(iter(self._wrong))]
        self._wrong[caller] = since, number + 1
        return number >= MOST

    def __len__(self) -> int:
        return len(self._wrong)


def _caller(address: str) -> str:
    """Of IPv6 the network: one caller has all addresses of it."""
    try:
        one = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(one, IPv6Address):
        return address
    return str(one.ipv4_mapped or int(one) >> 64)
