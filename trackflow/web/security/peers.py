"""Finds the program at the other end of a local connection, by the kernel's own tables.

A reverse proxy on this machine makes all requests come from 127.0.0.1, and a plain one
leaves no trace in them. The kernel knows whose socket the other end is: that of a program of this
user, as a browser or curl is; of another user, as the packages of nginx, Caddy and Traefik set
them up; or of a program that takes connections from other machines.

Linux only. Where the tables do not show the owner, no program counts as this user's.
"""

import ipaddress
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
TABLES = ("net/tcp", "net/tcp6")
LISTENING = "0A"

PROXIES = frozenset(
    (
        "apache2", "autossh", "bore", "caddy", "chisel", "cloudflared", "envoy", "frpc", "haproxy",
        "h2o", "httpd", "lighttpd", "ncat", "nginx", "ngrok", "oauth2-proxy", "rathole", "socat",
        "squid", "ssh", "sshd", "sshd-session", "stunnel", "tailscaled", "traefik", "varnishd",
        "zrok",
    )
)  # fmt: skip
"""Programs that bring strangers' requests here, though they may not listen to other machines
themselves: a tunnel calls its server, and a proxy may stand behind another one."""

READS = 3
"""The kernel hands its table out in pieces: a row may be missed while others come and go."""

IPV4_IN_IPV6 = bytes(10) + b"\xff\xff"

type Address = ipaddress.IPv4Address | ipaddress.IPv6Address
type End = tuple[Address, int]


@dataclass(frozen=True, slots=True)
class Socket:
    """A row of the kernel's table of TCP sockets.

    Attributes:
        local: its own end, address and port.
        remote: the other end.
        is_listening: whether it takes connections.
        uid: the user whose program opened it.
        inode: its number among all sockets.
    """

    local: tuple[Address, int]
    remote: tuple[Address, int]
    is_listening: bool
    uid: int
    inode: int


@dataclass(frozen=True, slots=True)
class Doubt:
    """Why a program does not count as this user's own; `is_proxy` if it forwards requests."""

    reason: str
    is_proxy: bool


UNKNOWN = Doubt("the system does not say which program of this machine it comes from", False)


def doubt_of(client: tuple[str, int], server: tuple[str, int]) -> Doubt | None:
    """The objection to the program that has connected; None if it is this user's own.

    Args:
        client: address and port of its end of the connection.
        server: address and port of our end.
    """
    ends = (_end(client), _end(server))
    for _ in range(READS):
        sockets = _read_sockets(ends)
        connected = (s for s in sockets if (s.local, s.remote) == ends and not s.is_listening)
        if (found := next(connected, None)) is not None:
            break
    else:
        return UNKNOWN
    if found.uid != os.geteuid():
        return Doubt(f"it comes from a program of another user (uid {found.uid})", True)
    pid = _holder(found.inode)
    if pid is None:
        return UNKNOWN
    if pid == os.getpid():
        return None
    return _doubt_of_program(pid, sockets)


def _doubt_of_program(pid: int, sockets: Iterable[Socket]) -> Doubt | None:
    try:
        program = _program(pid)
    except OSError:
        return UNKNOWN
    if program.name in PROXIES:
        return Doubt(f"it comes from {program.name}, which passes on what others ask", True)
    open_to_others = {s.inode for s in sockets if s.is_listening and not s.local[0].is_loopback}
    for family in (pid, *_ancestors(pid, program)):
        if any(inode in open_to_others for inode in _sockets_of(family)):
            return Doubt(f"it comes from {program.name}, which listens to other machines", True)
    return None


def _read_sockets(ends: tuple[End, End]) -> list[Socket]:
    """The sockets with these ends, and all that listen; none where the system shows none."""
    wanted = [f" {_kernels_text(*ends[0], v)} {_kernels_text(*ends[1], v)} " for v in (4, 6)]
    found: list[Socket] = []
    for table in TABLES:
        with suppress(OSError):
            text = (PROC / table).read_text()
            # a busy service has thousands of ended connections in it: few lines are looked at
            found += map(_socket, _lines_with(text, [f" {LISTENING} ", *wanted]))
    return found


def _lines_with(text: str, parts: Iterable[str]) -> Iterator[str]:
    """The lines that have one of the parts in them, found without splitting the text."""
    for part in parts:
        at = text.find(part)
        while at >= 0:
            end = text.find("\n", at)
            end = len(text) if end < 0 else end
            yield text[text.rfind("\n", 0, at) + 1 : end]
            at = text.find(part, end)


def _kernels_text(address: Address, port: int, version: int) -> str:
    """An end in the text form of the kernel's table of IPv4 or IPv6 sockets; see `_kernels_end`."""
    packed = address.packed
    if version == 6 and len(packed) == 4:
        packed = IPV4_IN_IPV6 + packed
    words = [packed[i : i + 4] for i in range(0, len(packed), 4)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return f"{b''.join(words).hex().upper()}:{port:04X}"


def _socket(line: str) -> Socket:
    cells = line.split()
    return Socket(
        local=_kernels_end(cells[1]),
        remote=_kernels_end(cells[2]),
        is_listening=cells[3] == LISTENING,
        uid=int(cells[7]),
        inode=int(cells[9]),
    )


def _kernels_end(text: str) -> tuple[Address, int]:
    """Parse an end of the table: words of 32 bits in the byte order of the machine."""
    address, _, port = text.partition(":")
    words = [bytes.fromhex(address[i : i + 8]) for i in range(0, len(address), 8)]
    if sys.byteorder == "little":
        words = [word[::-1] for word in words]
    return _plain(ipaddress.ip_address(b"".join(words))), int(port, 16)


def _end(end: tuple[str, int]) -> tuple[Address, int]:
    return _plain(ipaddress.ip_address(end[0].partition("%")[0])), end[1]


def _plain(address: Address) -> Address:
    """Convert an IPv4-mapped IPv6 address, as Java's sockets have, to IPv4."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _holder(inode: int) -> int | None:
    """The process that has the socket open; ours first, for its tests."""
    for pid in (os.getpid(), *_processes()):
        if inode in _sockets_of(pid):
            return pid
    return None


def _processes() -> list[int]:
    """Ids of all processes, the newest first: a client has often just started."""
    return sorted((int(p.name) for p in PROC.iterdir() if p.name.isdigit()), reverse=True)


def _sockets_of(pid: int) -> Iterator[int]:
    """The inodes of a process's sockets; none if it has ended or may not be inspected."""
    # not by Path: a machine has thousands of descriptors, and each would take twice as long
    with suppress(OSError):
        for descriptor in list(os.scandir(f"{PROC}/{pid}/fd")):
            with suppress(OSError):
                kind, _, rest = os.readlink(descriptor.path).partition(":[")  # noqa: PTH115
                if kind == "socket":
                    yield int(rest.rstrip("]"))


def _ancestors(pid: int, program: Path) -> Iterator[int]:
    """The processes above it that run the same program: a server's parent holds its socket."""
    with suppress(OSError):
        while (pid := _parent(pid)) > 0 and _program(pid) == program:
            yield pid


def _parent(pid: int) -> int:
    # after the name, which may hold anything, follow the state and the parent
    fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    return int(fields[1])


def _program(pid: int) -> Path:
    # an upgrade replaces the file of a program that runs
    return Path(str((PROC / str(pid) / "exe").readlink()).removesuffix(" (deleted)"))
