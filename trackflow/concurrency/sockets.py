"""A connection that keeps one deadline in all that it does, and that can be cut off.

The time-outs of sockets are for each read. A server that drips a byte now and then would hold a
request of "1 s" for as long as it likes.

Each call of the system gives Python's lock away and has to get it back, which takes long where many
threads work. So the socket does not block, and a request that fits into the system's buffer takes
three calls: send, wait, receive. With a time-out there would be six.
"""

import math
import select
import socket
import ssl
import time
from dataclasses import dataclass

from trackflow.concurrency.deadline import TooLateError
from trackflow.concurrency.switch import Stop
from trackflow.errors import StoppedError

CHECK_EVERY_S = 0.25
"""How often a request checks whether it is cut off."""

_MOST_READ = 65_536


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a request may take.

    Attributes:
        until_s: when it must be over, in seconds of the monotonic clock.
        stop: the event that cuts it off; None if nothing can.
    """

    until_s: float
    stop: Stop | None = None

    def left_s(self) -> float:
        """Seconds that are left, more than 0.

        Raises:
            TooLateError: none are left.
            StoppedError: the request is cut off.
        """
        if self.stop is not None and self.stop.is_set():
            raise StoppedError("the request was cut off")
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise TooLateError("the answer took longer than it may")
        return left_s

    def next_check_s(self) -> float:
        """Seconds to wait until the next look at the deadline and at the event.

        Raises:
            TooLateError: none are left.
            StoppedError: the request is cut off.
        """
        left_s = self.left_s()
        return left_s if self.stop is None else min(left_s, CHECK_EVERY_S)


class Wire:
    """A connection to a server. One thread uses it at a time."""

    def __init__(self, connected: socket.socket) -> None:
        connected.setblocking(False)
        self._socket = connected
        self._polls = {event: select.poll() for event in (select.POLLIN, select.POLLOUT)}
        for event, poll in self._polls.items():
            poll.register(connected, event)

    @classmethod
    def to(cls, address: str, port: int, patience: Patience) -> "Wire":
        """Connect to an address.

        Raises:
            OSError: it cannot be reached.
            TooLateError: not in time.
        """
        try:
            connected = socket.create_connection((address, port), patience.left_s())
        except TimeoutError as error:
            if error.errno is None:  # else the system has given up, before the deadline
                raise TooLateError("the connection took longer than it may") from None
            raise
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return cls(connected)

    def secured(self, context: ssl.SSLContext, host: str, patience: Patience) -> "Wire":
        """The same connection with TLS; it is closed if that fails.

        Raises:
            OSError: the server does not speak it, or has no valid certificate of the host.
        """
        try:
            wrapped = context.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False
            )
        except BaseException:
            self.close()
            raise
        wire = Wire(wrapped)
        try:
            wire._shake_hands(wrapped, patience)
        except BaseException:
            wire.close()
            raise
        return wire

    def send(self, data: bytes, patience: Patience) -> None:
        """Send all of it.

        Raises:
            OSError: the connection is broken.
            TooLateError: not in time.
            StoppedError: the request is cut off.
        """
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except (BlockingIOError, ssl.SSLWantWriteError):
                self._wait(select.POLLOUT, patience)
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, patience)

    def receive(self, patience: Patience) -> bytes:
        """The next bytes; empty once the server has closed the connection.

        Raises:
            OSError: the connection is broken.
            TooLateError: not in time.
            StoppedError: the request is cut off.
        """
        if not isinstance(self._socket, ssl.SSLSocket):  # that may hold bytes back
            self._wait(select.POLLIN, patience)
        while True:
            try:
                return self._socket.recv(_MOST_READ)
            except (BlockingIOError, ssl.SSLWantReadError):
                self._wait(select.POLLIN, patience)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, patience)

    def has_news(self) -> bool:
        """Whether bytes or the end have arrived that nobody has asked for."""
        return bool(self._polls[select.POLLIN].poll(0))

    def close(self) -> None:
        """Close it."""
        self._socket.close()

    def _shake_hands(self, wrapped: ssl.SSLSocket, patience: Patience) -> None:
        while True:
            try:
                wrapped.do_handshake()
            except ssl.SSLWantReadError:
                self._wait(select.POLLIN, patience)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT, patience)
            else:
                return

    def _wait(self, event: int, patience: Patience) -> None:
        poll = self._polls[event]
        while not poll.poll(math.ceil(patience.next_check_s() * 1000)):
            pass
