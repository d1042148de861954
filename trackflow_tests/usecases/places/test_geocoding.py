"""Geocoding against a real HTTP server: polite, once per address, and never in anybody's way."""

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import sqlalchemy as sa

from trackflow.concurrency.breaker import FAILURES_TO_OPEN
from trackflow.concurrency.polite import USER_AGENT
from trackflow.concurrency.retrying import ONCE
from trackflow.context import Context
from trackflow.errors import LeftAloneError
from trackflow.places.geocoding import geocoder_at
from trackflow.store.catalogue.tables import catalogue_tracks
from trackflow.store.places import places
from trackflow.usecases.housekeeping.kill_switches import stop_everything
from trackflow.usecases.places.address_service import guard_of
from trackflow.usecases.places.geocoding import GeocodingLimits, geocode
from trackflow_tests.helpers.stores import NOON, Clock, open_context


class Server(ThreadingHTTPServer):
    """A Nominatim that knows some addresses."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.known = {"1 High St, Leeds": (-1.5, 53.8), "2 Low St, York": (-1.1, 53.9)}
        self.asked: list[str] = []
        self.agents: set[str] = set()
        self.status = 200

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)["q"][0]
        self.server.asked.append(query)
        self.server.agents.add(self.headers["User-Agent"])
        found = self.server.known.get(query)
        body = json.dumps([{"lon": str(found[0]), "lat": str(found[1])}] if found else []).encode()
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def asking(server: Server) -> dict[str, Any]:
    """Settings that ask a server, and wait for no turn."""
    return {"geocoder_url": server.url, "geocoder_per_s": 1000.0}


def add(context: Context, slug: str, **values: Any) -> None:
    row = {"source": "liverc", "slug": slug, "name": slug, "created_at": NOON, "updated_at": NOON}
    with context.store.write() as connection:
        connection.execute(sa.insert(catalogue_tracks).values(**(row | values)))


def found(context: Context) -> dict[str, tuple[float, float]]:
    with context.store.read() as connection:
        known = places.positions(connection)
    return {slug: (place.longitude, place.latitude) for (_, slug), place in known.items()}


def test_each_address_is_asked_for_once_until_it_changes(
    database_url: str, tmp_path: Path, server: Server
) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock, **asking(server)) as context:
        add(context, "leeds", address="1 High St", city="Leeds")
        add(context, "leeds-2", address="1 High St", city="Leeds")
        add(context, "york", address="2 Low St", city="York")
        add(context, "known", address="2 Low St", city="York", longitude=9.0, latitude=50.0)
        add(context, "nowhere", city="Atlantis")
        add(context, "blank", country="Spain")
        add(context, "gone", city="Leeds", is_active=False)
        report = geocode(context)

        assert sorted(server.asked) == ["1 High St, Leeds", "2 Low St, York", "Atlantis"]
        assert server.agents == {USER_AGENT}
        assert (report.tracks, report.asked, report.found) == (5, 3, 3)
        assert (report.unknown, report.without_address, report.failures) == (1, 1, [])
        assert found(context) == {
            "known": (9.0, 50.0),
            "leeds": (-1.5, 53.8),
            "leeds-2": (-1.5, 53.8),
            "york": (-1.1, 53.9),
        }
        server.asked.clear()
        assert geocode(context).asked == 0

        change = sa.update(catalogue_tracks).where(catalogue_tracks.c.slug == "leeds")
        with context.store.write() as connection:
            connection.execute(change.values(address="3 Other St"))
        server.status = 500
        geocode(context, limits=GeocodingLimits(run_s=0.5))
        assert "leeds" not in found(context)  # no place is better than that of another address
        server.status = 200
        server.asked.clear()
        geocode(context)
        assert server.asked == ["3 Other St, Leeds"]
        clock.advance(31 * 86_400)
        server.asked.clear()
        geocode(context)
        assert sorted(server.asked) == ["3 Other St, Leeds", "Atlantis"]


def test_off_by_default_and_a_file_counts_first(tmp_path: Path, server: Server) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    file = tmp_path / "places.csv"
    with open_context(url, tmp_path) as context:
        add(context, "leeds", address="1 High St", city="Leeds")
        add(context, "blank")
        assert geocode(context).found == 0
        assert server.asked == []
        file.write_text("slug,lon,lat\nblank,7,8\nleeds,1,2\n")
        context.settings = replace(context.settings, geocoder_file=file, **asking(server))
        assert geocode(context).found == 2
        assert server.asked == []
        assert found(context) == {"blank": (7.0, 8.0), "leeds": (1.0, 2.0)}
        file.write_text("slug,lon,lat\n")
        assert geocode(context).found == 1
        assert found(context) == {"leeds": (-1.5, 53.8)}


def test_a_geocoder_that_is_away_or_switched_off_is_left_alone(
    tmp_path: Path, server: Server
) -> None:
    limits = GeocodingLimits(retry=ONCE)
    url = f"sqlite:///{tmp_path / 'a.db'}"
    clock = Clock()
    with open_context(url, tmp_path, clock, **asking(server)) as context:
        for k in range(FAILURES_TO_OPEN + 3):
            add(context, f"t{k}", city=f"City {k}")
        server.status = 500
        report = geocode(context, limits=limits)
        assert len(server.asked) == FAILURES_TO_OPEN
        assert report.failures[-1] == "3 addresses are left for the next run"
        # whoever else asks this geocoder leaves it alone, too
        guard = guard_of(context, geocoder_at(server.url))
        with pytest.raises(LeftAloneError):
            guard.call(lambda: None)
        server.asked.clear()
        assert (
            geocode(context, limits=limits)
            .failures[-1]
            .startswith(f"{FAILURES_TO_OPEN + 3} addresses")
        )
        assert server.asked == []
        server.status = 200
        clock.advance(60)  # the breaker lets a call through again
        stop_everything(context, server.url.removeprefix("http://"))
        server.asked.clear()
        assert "switched off" in geocode(context, limits=limits).failures[-1]
        assert server.asked == []
