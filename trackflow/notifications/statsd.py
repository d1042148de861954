"""Sends figures to a StatsD server by UDP: nothing waits for it, and a lost packet is no fault."""

import logging
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

log = logging.getLogger(__name__)

PREFIX = "trackflow"

MOST_BYTES = 1400
"""Of a packet: more would not pass every network whole."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure for StatsD; `kind` is c for a counter, g for a gauge, ms for a duration."""

    name: str
    value: float
    kind: str

    @property
    def line(self) -> str:
        """As the protocol writes it."""
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", self.name)
        return f"{PREFIX}.{name}:{self.value:.15g}|{self.kind}"


def gauges(values: Mapping[str, float]) -> list[Figure]:
    """Figures that say how something stands."""
    return [Figure(name, value, "g") for name, value in values.items()]


def send(server: tuple[str, int] | None, figures: Sequence[Figure]) -> None:
    """Send figures; nothing without a server. An error of the network is logged only."""
    if server is None or not figures:
        return
    try:
        family, _, _, _, address = socket.getaddrinfo(*server, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, socket.SOCK_DGRAM) as out:
            for packet in _packets(figures):
                out.sendto(packet, address)
    except OSError as error:
        log.warning("StatsD was not reached: %s", error.strerror or type(error).__name__)


def _packets(figures: Sequence[Figure]) -> list[bytes]:
    packets: list[bytes] = []
    for figure in figures:
        line = figure.line.encode()
        if packets and len(packets[-1]) + 1 + len(line) <= MOST_BYTES:
            packets[-1] += b"\n" + line
        else:
            packets.append(line)
    return packets
