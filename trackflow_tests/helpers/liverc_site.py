"""A real HTTP server that behaves like LiveRC on good and on bad days, switchable at any time.

The list is at `/`, dashboards at `/tracks/SLUG/`, the same tracks as JSON and CSV at `/tracks.json`
and `/tracks.csv`. One event loop serves any number of requests at once, so that waiting costs
nothing. `python -m trackflow_tests.helpers.liverc_site` runs one by itself, for benchmarks.
"""

import asyncio
import csv
import gzip
import io
import json
import re
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random

from trackflow.catalogue.records import CatalogueTrack
from trackflow.catalogue.sources.liverc import LiveRc
from trackflow_tests.helpers.liverc_pages import (
    ERROR_PAGE,
    SiteTrack,
    dashboard_page,
    expected,
    list_page,
    made_up_tracks,
)


@dataclass(slots=True)
class Behaviour:
    """How one page is answered.

    Attributes:
        kind: "ok"; "missing" (404); "forbidden"; "fail" (500); "busy" (429); "moved" (a redirect
            to where the page is); "away" (a redirect to the list); "loop"; "hang" (nothing comes);
            "drip" (a byte now and then); "reset" (the connection ends at once); "cut" (it ends in
            mid-page); "malformed"; "error page" (status 200); "changed" (another structure);
            "gzip". For the list also "empty", "half" and "torn" (half a page, whole to HTTP).
        times: for so many requests only, then "ok"; None for good.
        retry_after: the header's value for "busy".
    """

    kind: str = "ok"
    times: int | None = None
    retry_after: str | None = None


@dataclass(slots=True)
class Site:
    """The server's state; tests change it while it runs."""

    tracks: list[SiteTrack]
    latency_s: tuple[float, float] = (0.0, 0.0)
    listing: Behaviour = field(default_factory=Behaviour)
    pages: dict[str, Behaviour] = field(default_factory=dict)
    requests: Counter[str] = field(default_factory=Counter)
    agents: set[str] = field(default_factory=set)
    at_once: int = 0
    most_at_once: int = 0
    url: str = ""

    def connector(self) -> LiveRc:
        """LiveRC's connector for this site."""
        return LiveRc(f"{self.url}/", self.url + "/tracks/{slug}/")

    def expected(self) -> dict[str, CatalogueTrack]:
        """What a sync should find, by slug."""
        return {t.slug: expected(t, f"{self.url}/tracks/{t.slug}/") for t in self.tracks}

    def latency_of(self, path: str) -> float:
        """How long a page takes: always the same for the same page."""
        return Random(path).uniform(*self.latency_s)

    def forget_requests(self) -> None:
        """Count from zero."""
        self.requests.clear()
        self.most_at_once = self.at_once

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        try:
            while await self._request(reader, writer):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client has gone, or the test is over
        finally:
            writer.transport.abort()

    async def _request(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        agent = re.search(r"(?im)^user-agent: (.*?)\r$", head)
        self.agents.add(agent.group(1) if agent else "")
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            return await self._answer(head.split(" ")[1], reader, writer)
        finally:
            self.at_once -= 1

    async def _answer(
        self, path: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self.requests[path] += 1
        await asyncio.sleep(self.latency_of(path))
        body, kind = self._page(path)
        how = self._behaviour(path)
        if how.kind == "hang":
            await reader.read(1)  # until the client goes
            return False
        if how.kind == "reset":
            return False
        status, headers, body = _shaped(how, path, self.url, body, kind)
        lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        if how.kind == "cut":
            writer.write(body[: len(body) // 2])
            await writer.drain()
            await asyncio.sleep(0.02)
            return False
        if how.kind == "drip":
            for place in range(len(body)):
                writer.write(body[place : place + 1])
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.write(body)
        await writer.drain()
        return True

    def _behaviour(self, path: str) -> Behaviour:
        slug = _slug(path)
        how = self.pages.get(slug, Behaviour()) if slug else self.listing
        if path.endswith("/new/"):
            return Behaviour()
        if how.times is None:
            return how
        how.times -= 1
        return how if how.times >= 0 else Behaviour()

    def _page(self, path: str) -> tuple[bytes | None, str]:
        slug = _slug(path)
        if slug:
            track = next((t for t in self.tracks if t.slug == slug), None)
            return (dashboard_page(track).encode() if track else None), "text/html; charset=utf-8"
        if path == "/tracks.json":
            return json.dumps({"tracks": self._records()}).encode(), "application/json"
        if path == "/tracks.csv":
            records = self._records()
            out = io.StringIO()
            writer = csv.DictWriter(out, list(records[0]) if records else ["slug"])
            writer.writeheader()
            writer.writerows(records)
            return out.getvalue().encode(), "text/csv"
        if path.partition("?")[0] not in ("/", "/again"):
            return None, "text/plain"
        shown = self.tracks
        if self.listing.kind in ("empty", "half"):
            shown = [] if self.listing.kind == "empty" else shown[: len(shown) // 2]
        return list_page(shown).encode(), "text/html; charset=utf-8"

    def _records(self) -> list[dict[str, object]]:
        return [
            {
                "slug": t.slug, "name": t.name, "address": "\n".join(t.street), "city": t.city,
                "country": t.country, "phone": t.phone or "N/A", "email": t.email or "N/A",
                "website": t.website, "laps": f"{(t.stats or {}).get('Laps', 0):,}",
                "latitude": 51.5, "longitude": -0.25,
            }
            for t in self.tracks
        ]  # fmt: skip


def _slug(path: str) -> str | None:
    found = re.match(r"/tracks/([^/]+)/", path)
    return found.group(1) if found else None


def _shaped(
    how: Behaviour, path: str, base: str, page: bytes | None, kind: str
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    if page is None or how.kind == "missing":
        return 404, {"Content-Type": "text/html"}, b"<h1>Not Found</h1>"
    statuses = {"forbidden": 403, "fail": 500, "busy": 429}
    if how.kind in statuses:
        extra = {"Retry-After": how.retry_after} if how.retry_after else {}
        return statuses[how.kind], extra, b"go away"
    goals = {
        "moved": f"{base}{path}new/",
        "away": "/tracks/nowhere-to-be-found/../../again",
        "loop": f"{path}?again" if not path.endswith("?again") else path.removesuffix("?again"),
    }
    if how.kind in goals:
        return 302, {"Location": goals[how.kind]}, b""
    headers = {"Content-Type": kind}
    if how.kind == "gzip":
        return 200, {**headers, "Content-Encoding": "gzip"}, gzip.compress(page)
    if how.kind == "error page":
        page = ERROR_PAGE.encode()
    if how.kind == "changed":
        page = re.sub(rb'class="[^"]*"', b'class="css-1x2y3z"', page)
    if how.kind == "torn":
        page = page[: len(page) // 2]
    if how.kind == "malformed":
        # Unclosed and crossed elements, stray ends, a byte that is not UTF-8: browsers cope.
        page = page.replace(b"</td>", b"").replace(b"</div>", b"</b>").replace(b"</tr>", b"")
        page = page.replace(b"<body>", b"<body></p><b>\xff")
    return 200, headers, page


@contextmanager
def site_with(
    tracks: list[SiteTrack] | int, latency_s: tuple[float, float] = (0.0, 0.0)
) -> Iterator[Site]:
    """A running site with these tracks, or with so many made-up ones."""
    made = made_up_tracks(tracks) if isinstance(tracks, int) else tracks
    site = Site(made, latency_s)
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def run() -> None:
        ended = asyncio.Event()
        server = await asyncio.start_server(site.serve, "127.0.0.1", 0)
        site.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        started.set_result((asyncio.get_running_loop(), ended))
        await ended.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    loop, ended = started.result()
    try:
        yield site
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join()


if __name__ == "__main__":
    count, fastest_s, slowest_s = int(sys.argv[1]), float(sys.argv[2]), float(sys.argv[3])
    with site_with(count, (fastest_s, slowest_s)) as running:
        print(running.url, flush=True)
        sys.stdin.read()
