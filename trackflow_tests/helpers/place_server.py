"""A real HTTP server that answers like Nominatim's `/reverse`: slow, failing, or dead for a while.

Run as a program it is a process of its own, as a benchmark needs it: it prints its port.
"""

import argparse
import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlsplit

from trackflow_tests.helpers.waiting import PATIENCE_S

FAILURE = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n"


@dataclass
class PlaceServer:
    """What the server does, and what it was asked.

    Attributes:
        latency_s: seconds until each answer.
        fail_every: every so manieth request fails with status 500; 0 for none.
        dead: whether it breaks off all connections.
        dead_after: number of requests after which it is dead; None for never.
        dead_s: and for how many seconds.
        town: of all addresses.
        asked: how often each position was answered.
        requests: how many requests came.
        most_at_once: the largest number of requests under way.
        url: its address, while it runs.
    """

    latency_s: float = 0.0
    fail_every: int = 0
    dead: bool = False
    dead_after: int | None = None
    dead_s: float = 0.0
    town: str = "Town"
    asked: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    most_at_once: int = 0
    url: str = ""
    _at_once: int = 0
    _dead_until: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                fails = self.fail_every and self.requests % self.fail_every == 0
                if self._is_dead():
                    return
                self._at_once += 1
                self.most_at_once = max(self.most_at_once, self._at_once)
                try:
                    await asyncio.sleep(self.latency_s)
                    target = head.split(b" ", 2)[1].decode()
                    writer.write(FAILURE if fails else self._answer(target))
                    await writer.drain()
                finally:
                    self._at_once -= 1
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            return
        finally:
            writer.close()

    def _is_dead(self) -> bool:
        if self.dead_after is not None and self.requests > self.dead_after:
            self.dead_after, self._dead_until = None, time.monotonic() + self.dead_s
        return self.dead or time.monotonic() < self._dead_until

    def _answer(self, target: str) -> bytes:
        asked = parse_qs(urlsplit(target).query)
        position = f"{asked['lon'][0]},{asked['lat'][0]}"
        self.asked[position] += 1
        body = json.dumps(
            {"address": {"road": f"Road of {position}", "house_number": "1", "city": self.town}}
        ).encode()
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )


@contextmanager
def running(server: PlaceServer) -> Iterator[PlaceServer]:
    """A server in a thread of its own."""
    ready, ended = threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> None:
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
        loops.append(asyncio.get_running_loop())
        ready.set()
        await ended.wait()
        listening.close()

    thread = threading.Thread(target=lambda: asyncio.run(main()))
    thread.start()
    assert ready.wait(PATIENCE_S)
    try:
        yield server
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join(PATIENCE_S)


async def _run(server: PlaceServer) -> None:
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await listening.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--latency-s", type=float, default=0.02)
    parser.add_argument("--fail-every", type=int, default=20)
    parser.add_argument("--dead-after", type=int, default=None)
    parser.add_argument("--dead-s", type=float, default=0.0)
    asyncio.run(_run(PlaceServer(**vars(parser.parse_args()))))
