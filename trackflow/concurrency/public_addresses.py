"""Addresses that a stranger's link may lead to: those of the internet, never of the own network.

Otherwise anyone who may name an address could have this machine ask its neighbours, or a cloud's
metadata service, which gives away the keys of the machine (server-side request forgery). Names are
judged by all addresses that they have, as numbers may be written in many ways (`0x7f.1`).
"""

import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from trackflow.errors import AddressRefusedError, SettingsError, SourceUnavailableError

type Address = IPv4Address | IPv6Address
type Network = IPv4Network | IPv6Network

_NAT64 = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""Networks whose last four bytes are an IPv4 address (RFC 6052, RFC 8215)."""

_COMPATIBLE = IPv6Network("::/96")
"""The same, given up since RFC 4291; some systems still route it."""

_CLOUDS = (IPv4Address("168.63.129.16"),)
"""Azure's service for its machines has an address of the internet; all others are link-local."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the internet; of those that hold an IPv4 address, that one's."""
    if isinstance(address, IPv6Address):
        inner = _inner(address)
        if inner:
            return all(is_public(one) for one in inner)
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and address not in _CLOUDS
    )


def _inner(address: IPv6Address) -> Sequence[IPv4Address]:
    """IPv4 addresses that a packet to this address may be sent on to."""
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address.teredo is not None:
        return address.teredo
    if address in _COMPATIBLE or any(address in network for network in _NAT64):
        return (IPv4Address(int(address) & 0xFFFFFFFF),)
    return ()


@dataclass(frozen=True, slots=True)
class PublicAddresses:
    """The rule for a client: the internet, and what an administrator allows on the own network.

    Attributes:
        hosts: names that may lead anywhere, in lower case; with a port after a colon for that only.
        networks: of addresses that are allowed.
    """

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def allowing(cls, words: Sequence[str]) -> "PublicAddresses":
        """The rule with exceptions: `images.lan`, `localhost:8000`, `10.1.0.0/16`, `::1`.

        Raises:
            SettingsError: one of them is neither a host nor a network.
        """
        hosts, networks = set(), []
        for word in words:
            try:
                networks.append(ipaddress.ip_network(word.strip("[]")))
            except ValueError:
                if "/" in word or not word.rpartition(":")[2]:
                    raise SettingsError(
                        f"{word!r} is neither a host, such as images.lan or 127.0.0.1:8000, nor a "
                        "network, such as 10.1.0.0/16"
                    ) from None
                hosts.add(word.lower())
        return cls(frozenset(hosts), tuple(networks))

    def resolve(self, host: str, port: int) -> list[str]:
        """The addresses of a host that may be connected to.

        Raises:
            AddressRefusedError: it has another address too, or no machine has this name.
            SourceUnavailableError: the name cannot be looked up now.
        """
        found = _look_up(host, port)
        if self._allows_host(host, port):
            return [str(address) for address in found]
        for address in found:
            if not is_public(address) and not any(address in one for one in self.networks):
                raise AddressRefusedError(
                    f"{host} is an address of the own network or of this machine: "
                    "TRACKFLOW_MESH_ALLOW_HOSTS names those that are allowed"
                )
        return [str(address) for address in found]

    def _allows_host(self, host: str, port: int) -> bool:
        name = host.lower().rstrip(".")
        shown = f"[{name}]" if ":" in name else name
        return name in self.hosts or f"{shown}:{port}" in self.hosts


def _look_up(host: str, port: int) -> list[Address]:
    try:
        rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno == socket.EAI_AGAIN:
            raise SourceUnavailableError(f"{host} cannot be looked up now") from None
        raise AddressRefusedError(f"there is no machine of the name {host}") from None
    except (OSError, UnicodeError):
        raise AddressRefusedError(f"there is no machine of the name {host[:200]}") from None
    texts = dict.fromkeys(str(row[4][0]).partition("%")[0] for row in rows)
    return [ipaddress.ip_address(text) for text in texts]
