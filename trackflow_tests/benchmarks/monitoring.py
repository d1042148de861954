"""Monitoring: the cost of `/metrics` and of a look for alerts in a large store, and of a log line.

The store has rows of 1,000 devices for 365 days (a million tracks, 100,000 refused inputs), made by
SQL: what is counted does not depend on what the rows hold. Scrapes go to a running API, one after
another, once the figures are there, as for every scrape but the first of a minute.
"""

import datetime as dt
import logging
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from trackflow import logs
from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.store.access.tokens import Scope
from trackflow.store.database import Store
from trackflow.usecases.housekeeping.alerts.watching import alerts_now, watch
from trackflow.usecases.housekeeping.figures import read_figures
from trackflow_tests.benchmarks.api import make_months, postgresql_url
from trackflow_tests.helpers.running_api import bearer, running_api, token_for

DEVICES, DAYS, TRACKS = 1000, 365, 3
REFUSED_DEVICES = 300
SCRAPES = 100
TODAY = dt.date(2026, 11, 28)
START_US = 1_795_852_800_000_000


def run() -> dict[str, float | int | str]:
    figures: dict[str, float | int | str] = {"device days": DEVICES * DAYS}
    with tempfile.TemporaryDirectory() as folder:
        with Context.open(Settings(home=Path(folder) / "sqlite")) as context:
            figures |= _costs("SQLite", context)
        with postgresql_url(Path(folder)) as url:
            settings = Settings(home=Path(folder) / "postgresql", database_url=url)
            with Context.open(settings) as context:
                figures |= _costs("PostgreSQL", context)
    return figures | _of_a_line()


def _costs(name: str, context: Context) -> dict[str, float | int | str]:
    _fill(context.store)
    figures: dict[str, float | int | str] = {
        f"{name}: reading all figures, s": _best_s(lambda: read_figures(context)),
        f"{name}: a look for alerts, s": _best_s(lambda: watch(context)),
        f"{name}: alerts": len(alerts_now(context)),
    }
    secret = token_for(context, Scope.READ)
    with running_api(context) as api:
        _scrape_s(api, secret)
        took = [_scrape_s(api, secret) for _ in range(SCRAPES)]
    figures[f"{name}: a scrape, median, ms"] = 1000 * statistics.median(took)
    figures[f"{name}: a scrape, worst of {SCRAPES}, ms"] = 1000 * max(took)
    return figures


def _scrape_s(api: httpx.Client, secret: str) -> float:
    started = time.perf_counter()
    api.get("/metrics", **bearer(secret)).raise_for_status()
    return time.perf_counter() - started


def _best_s(work: Callable[[], object], times: int = 3) -> float:
    found = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        found.append(time.perf_counter() - started)
    return min(found)


def _of_a_line() -> dict[str, float]:
    """Microseconds for a line of a request, as JSON."""
    record = logging.LogRecord("trackflow.access", logging.INFO, "", 0, "%s", ("GET /x 200",), None)
    formatter, count = logs.JsonFormatter(), 20_000
    started = time.perf_counter()
    with logs.bound(request_id="5f1d0c9a2b7e4d11"):
        for _ in range(count):
            formatter.format(record)
    return {"a line of JSON, µs": (time.perf_counter() - started) / count * 1e6}


def _fill(store: Store) -> None:
    is_pg = store.is_postgresql
    day = f"date '{TODAY}' - i" if is_pg else f"date('{TODAY}', '-' || i || ' days')"
    us = f"({START_US} - i * 86400000000 + h * 3600000000)"
    at = f"timestamptz 'epoch' + {us} * interval '1 microsecond'" if is_pg else us
    no = "false" if is_pg else "0"
    make_months(store, TODAY - dt.timedelta(days=DAYS), DAYS + 1)
    key = "gen_random_uuid()" if is_pg else "lower(hex(randomblob(16)))"
    stages = "segmented_generation, matched_generation, tracked_generation"
    one, all_ = "h = 0", f"h < {TRACKS}"
    for table, columns, values, part in (
        ("devices", "device_id, created_at", f"name, {at}", f"{one} AND i = 0"),
        ("processing_batches",
         f"device_id, day, status, generation, {stages}, point_count, created_at, updated_at",
         f"name, {day}, 'completed', 3, 3, 3, 3, 1000, {at}, {at}", one),
        ("gps_points", "device_id, recorded_at, longitude, latitude, source, received_seq",
         f"name, {at}, 24.9, 60.1, 's', 1", all_),
        ("tracks",
         ("track_id, device_id, start_time, end_time, began, ended, distance_m, duration_s, "
         "average_speed_kmh, max_speed_kmh, point_count, segment_count, raw_polyline, "
         "matched_polyline, matched_share, west, south, east, north, content_hash, updated_at"),
         (f"{key}, name, {at}, {at}, 'gap', 'gap', 1000, 600, 40, 60, 300, 1, '{'x' * 400}', "
         f"'{'y' * 400}', 1, 1, 1, 1, 1, 'h', {at}"), all_),
        ("categories",
         "device_id, start_time, end_time, track_id, category, origins, place_pending, updated_at",
         f"name, {at}, {at}, {key}, 'business', '{{}}', {no}, {at}", all_),
        ("quarantined_points", "content_hash, reason, raw, source, received_at",
         f"name || '/' || i, 'no_time', '{'r' * 500}', 's', {at}",
         f"{one} AND k < {REFUSED_DEVICES}"),
        *((f"{table}_days", f"device_id, day, generation, inputs_hash{more}",
           f"name, {day}, 3, '{'0' * 32}'{value}", one)
          for table, more, value in (("leg", "", ""), ("stay", "", ""),
                                     ("category", ", sources_hash", ", 'h'"))),
    ):  # fmt: skip
        with store.write() as connection:
            connection.exec_driver_sql(
                f"WITH RECURSIVE {_numbers('d', 'i', DAYS)}, {_numbers('v', 'k', DEVICES)}, "
                f"{_numbers('t', 'h', TRACKS)}, "
                "one AS (SELECT 'van-' || k AS name, k, i, h FROM v, d, t) "
                f"INSERT INTO {table} ({columns}) SELECT {values} FROM one WHERE {part}"
            )


def _numbers(name: str, column: str, count: int) -> str:
    """A table of the numbers from 0."""
    more = f"SELECT {column} + 1 FROM {name} WHERE {column} < {count - 1}"
    return f"{name}({column}) AS (SELECT 0 UNION ALL {more})"
