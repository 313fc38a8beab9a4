"""Keeps webhooks away from private networks: checked at the moment of dialling, on every attempt.

A name is resolved once; unless every address behind it is public (or of a network that the
operator allows), nothing is dialled. What was checked is what is dialled, so a name that changes
its mind between check and use gains nothing.
"""

import asyncio
import re
import socket
from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

import httpx

from service.errors import Code, Refusal

Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

#: Blocks that `is_global` calls global on Python 3.11 although they lead inside or nowhere.
_BLOCKED = tuple(
    ip_network(block)
    for block in (
        "192.0.0.0/24", "192.88.99.0/24", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/23",
        "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10", "::/8",
    )
)  # fmt: skip
_PUBLIC_V6 = ip_network("2000::/3")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_LOCAL_NAMES = (
    "localhost", "localdomain", "local", "internal", "lan", "home.arpa", "onion", "invalid", "test",
)  # fmt: skip


class BlockedAddress(httpx.ConnectError):
    """The name leads into a network that webhooks must not reach."""


def permitted(address: _Address, allowed: Sequence[Network]) -> bool:
    """Public, or inside a network that the operator allows."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    if mapped is not None:
        return permitted(mapped, allowed)
    if any(address in network for network in allowed if network.version == address.version):
        return True
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if address.version == 6 and address not in _PUBLIC_V6:
        return False
    return not any(address in block for block in _BLOCKED if block.version == address.version)


def check_url(url: str, allowed: Sequence[Network]) -> None:
    """What can be refused before any look-up; raises Refusal `invalid_url`.

    https on port 443 or 8443 to a DNS name; plain http, other ports and literal addresses only
    for networks that the operator allows.
    """
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _refused("This is no URL.") from error
    if re.search(r":(0\d*)?$", parts.netloc):
        raise _refused("The URL's port must be left out or written plainly.")
    if not url.isascii() or len(url) > 2048 or re.search(r"[\s\\\x00-\x20\x7f]", url):
        raise _refused("The URL must be at most 2048 printable ASCII characters.")
    if "@" in parts.netloc or parts.fragment or "#" in url or "%" in parts.netloc:
        raise _refused("The URL must hold no user name, fragment or percent sign in the host.")
    host = parts.hostname or ""
    try:
        literal, port = _literal(host), parts.port
    except ValueError as error:
        raise _refused("The URL's port is not a number between 1 and 65535.") from error
    if literal is not None:
        if parts.scheme in ("https", "http") and _inside(literal, allowed):
            return
        raise _refused("The URL must name a host, not an address.")
    if parts.scheme != "https" or port not in (None, 443, 8443):
        raise _refused("The URL must begin with https:// and use port 443 or 8443.")
    _check_name(host)


class Guard:
    """Says which address may be dialled for a name. `own`: the name of this service, which is not told of
    itself unless the operator allows that network too."""

    def __init__(self, allowed: Iterable[Network], own: str = "") -> None:
        self._allowed = tuple(allowed)
        self._own = own

    async def address_of(self, host: str, port: int) -> str:
        """Raises BlockedAddress, or httpx.ConnectError where the name leads nowhere."""
        addresses = await self._resolve(host, port)
        if not addresses or not all(permitted(one, self._allowed) for one in addresses):
            raise BlockedAddress("the name leads to an address that is not public")
        if await self._own_addresses(addresses, port):
            raise BlockedAddress("the name leads back to this service")
        return str(addresses[0])

    async def _resolve(self, host: str, port: int) -> list[_Address]:
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise httpx.ConnectError(f"name not resolved: {error}") from error
        return [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]

    async def _own_addresses(self, addresses: list[_Address], port: int) -> set[_Address]:
        """Which of them are this service's; asked only where a public address would be dialled."""
        public = {one for one in addresses if not _inside(one, self._allowed)}
        if not self._own or not public:
            return set()
        try:
            return public & set(await self._resolve(self._own, port))
        except httpx.ConnectError:
            return set()


def _literal(host: str) -> _Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _inside(address: _Address, networks: Sequence[Network]) -> bool:
    return any(address in one for one in networks if one.version == address.version)


def _check_name(host: str) -> None:
    labels = host.split(".")
    last = labels[-1]
    numeric = last.isdigit() or last.startswith("0x")
    if (
        len(host) > 253
        or len(labels) < 2
        or numeric
        or not all(_LABEL.fullmatch(label) for label in labels)
    ):
        raise _refused("The URL's host must be a full DNS name.")
    if any(host == name or host.endswith(f".{name}") for name in _LOCAL_NAMES):
        raise _refused("The URL's host names a local network.")


def _refused(detail: str) -> Refusal:
    return Refusal(Code.INVALID_URL, detail, "url")
