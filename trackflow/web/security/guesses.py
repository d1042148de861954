"""Counts wrong tokens by the sender's address, and imposes a growing delay on further ones.

A token has 256 random bits, so it cannot be guessed; the delays keep a guesser, or a phone whose
token was revoked, from using up the service's time. A right token is never delayed: behind a router
or a proxy it shares its address with another client's wrong ones.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

FREE_TRIES = 10.0
"""Enough for a person who pastes half a token, and for phones of a household with a changed
token."""

REPEAT_TRIES = 0.1
"""The weight of a repeated wrong token: a phone with a revoked one does not guess, but takes time
as well."""

FIRST_DELAY_S = 1.0
MOST_DELAY_S = 900.0

FORGET_S = 3_600.0
"""After so many seconds without a wrong token, an address is forgotten."""

MOST_ADDRESSES = 10_000

IPV6_PREFIX = 64
"""A home's network is one guesser, though it has 2**64 addresses."""


@dataclass(slots=True)
class GuessingAddress:
    """An address's wrong tokens, and when it may send the next one; times are the clock's."""

    tries: float = 0.0
    last_token: int = 0
    last_s: float = 0.0
    wait_until_s: float = 0.0


class WrongTokens:
    """The addresses that have sent wrong tokens to this process.

    Of more than `most_addresses`, those with the oldest last try are forgotten.
    """

    def __init__(
        self, clock_s: Callable[[], float] = time.monotonic, most_addresses: int = MOST_ADDRESSES
    ) -> None:
        self._clock_s, self._most_addresses = clock_s, most_addresses
        self._lock = threading.Lock()
        self._guessers: OrderedDict[str, GuessingAddress] = OrderedDict()
        self.refused = 0
        self.delayed = 0

    def note_wrong(self, address: str, secrets: Sequence[str]) -> float:
        """Count a wrong token; returns the seconds that its sender has to wait, or 0.

        Requests during a delay do not lengthen it: a phone with a revoked token can only repeat.
        """
        now_s, key = self._clock_s(), network_of(address)
        with self._lock:
            self.refused += 1
            guesser = self._guessers.pop(key, None)
            if guesser is None or now_s - guesser.last_s > FORGET_S:
                guesser = GuessingAddress()
            self._guessers[key] = guesser
            while len(self._guessers) > self._most_addresses:
                self._guessers.popitem(last=False)
            guesser.last_s = now_s
            if now_s < guesser.wait_until_s:
                self.delayed += 1
                return guesser.wait_until_s - now_s
            token = hash(tuple(secrets))  # salted by Python, so it does not reveal the token
            guesser.tries += REPEAT_TRIES if token == guesser.last_token else 1.0
            guesser.last_token = token
            if guesser.tries > FREE_TRIES:
                guesser.wait_until_s = now_s + delay_s(guesser.tries - FREE_TRIES)
            return 0.0

    def waiting(self) -> int:
        """The number of addresses that have to wait now."""
        now_s = self._clock_s()
        with self._lock:
            return sum(g.wait_until_s > now_s for g in self._guessers.values())


def delay_s(tries: float) -> float:
    """Seconds to wait after so many wrong tokens beyond the free ones; each one doubles them."""
    doubled: float = FIRST_DELAY_S * 2.0 ** min(tries - 1.0, 30.0)
    return min(doubled, MOST_DELAY_S)


def network_of(address: str) -> str:
    """The key of one sender: an IPv4 address, or the network of an IPv6 one."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ipaddress.ip_network((int(found), IPV6_PREFIX), strict=False))
    return str(found)
