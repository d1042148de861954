"""The same kilometres wherever they are shown: page, API, status, exports, Dagster, command line.

A store with several devices: short trips, journeys over midnight in UTC and in Helsinki, one of
several days. The page runs in a real headless browser.
"""

import csv
import datetime as dt
import io
import json
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

import dagster as dg
import geopandas
import httpx
import numpy as np
import pytest

from trackflow.context import Context
from trackflow.definitions import defs
from trackflow.exports.writing import ExportFormat, ExportSubject, RowFilter, export
from trackflow.geo.points import Points
from trackflow.settings import Settings
from trackflow.usecases.housekeeping.status import read_status
from trackflow_tests.helpers.browser import Page
from trackflow_tests.helpers.commands import caller
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import batch_of_device, deliver, drive

pytestmark = [
    pytest.mark.slow,
    pytest.mark.xdist_group("kilometres"),
]

FIRST = dt.date(2026, 1, 30)
DAYS = [FIRST + dt.timedelta(days=k) for k in range(6)]
"""Two of them belong to the next month."""


def at(day: int, hour: int, minute: int = 0) -> dt.datetime:
    return dt.datetime(2026, 1, 30, hour, minute, tzinfo=dt.UTC) + dt.timedelta(days=day)


def noisy(found: Points, seed: int) -> Points:
    """Points whose steps are not the way."""
    rng = np.random.default_rng(seed)
    lon, lat = (x + rng.normal(0, 5e-5, len(found)) for x in (found.lon, found.lat))
    return Points.of(found.time_us, lon, lat)


JOURNEYS = {
    "short": [drive(at(1, 8), 120), drive(at(1, 12), 90), drive(at(4, 7, 30), 600, every_s=5)],
    "night": [drive(at(0, 23, 20), 600), drive(at(2, 21, 10), 400), drive(at(3, 21, 50), 90)],
    "ship": [drive(at(0, 18), 3000, every_s=90)],
    "ärger <b>": [drive(at(1, 23, 59), 15), drive(at(3, 15), 700)],
}


@dataclass(frozen=True)
class Store:
    """A store that Dagster has worked on, its API, and what Dagster says of each day of tracks."""

    context: Context
    api: httpx.Client
    told: dict[str, dict[str, Any]]

    @property
    def zone(self) -> str:
        return self.context.settings.time_zone

    def days(self, **parameters: Any) -> dict[tuple[str, str], int]:
        """Millimetres by day and device, as the API has them."""
        answer = self.api.get("/api/v1/days", params=parameters).json()
        assert answer["time_zone"] == parameters.get("zone", self.zone)
        return {(d["day"], d["device_id"]): mm(d["distance_m"]) for d in answer["days"]}

    def tracks(self) -> list[dict[str, Any]]:
        """The properties of all tracks, as the API has them."""
        answer = self.api.get("/api/v1/tracks", params={"limit": 1000}).json()
        return [feature["properties"] for feature in answer["features"]]


def mm(metres: float) -> int:
    whole = round(metres * 1000)
    assert abs(whole - metres * 1000) < 1e-3, "to the millimetre"
    return whole


RUNS = {
    "America/Los_Angeles": [DAYS[4:], DAYS[:4]],
    "Europe/Helsinki": [[day] for day in reversed(DAYS)],
    "UTC": [DAYS[3:], DAYS[:3]],
}
"""Days that a run works on together, by time zone."""

OFF_UTC = list(RUNS)[:2]
"""Where the page's days are not those of times as they are stored."""


@pytest.fixture(scope="module", params=list(RUNS))
def store(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    home = tmp_path_factory.mktemp("kilometres")
    settings = Settings(home=home, engine_url="none", workers=1, time_zone=request.param)
    with (
        pytest.MonkeyPatch.context() as patch,
        Context.open(settings) as context,
        dg.DagsterInstance.ephemeral() as instance,
    ):
        for name, value in environment(settings).items():
            patch.setenv(name, value)
        for device_id, journeys in JOURNEYS.items():
            points = Points.concat([noisy(part, k) for k, part in enumerate(journeys)])
            deliver(context.store, batch_of_device(device_id, points))
        # the oldest last: each run changes journeys of days that were done before
        for days in RUNS[request.param]:
            run_days(instance, days)
        with running_api(context) as api:
            yield Store(context, api, metadata_of(instance))


def environment(settings: Settings) -> dict[str, str]:
    """The variables that these settings come from."""
    return {
        "TRACKFLOW_HOME": str(settings.home),
        "TRACKFLOW_ENGINE_URL": settings.engine_url,
        "TRACKFLOW_WORKERS": str(settings.workers),
        "TRACKFLOW_TIME_ZONE": settings.time_zone,
    }


def run_days(instance: dg.DagsterInstance, days: list[dt.date]) -> None:
    config = {"ops": {"process_days": {"config": {"mode": "bulk", "device_id": ""}}}}
    job = defs.resolve_job_def("process_days_job")
    assert job.execute_in_process(
        instance=instance,
        run_config=config,
        tags={
            "dagster/asset_partition_range_start": days[0].isoformat(),
            "dagster/asset_partition_range_end": days[-1].isoformat(),
        },
        raise_on_error=False,
    ).success


def metadata_of(instance: dg.DagsterInstance) -> dict[str, dict[str, Any]]:
    """The latest metadata of each day of tracks."""
    found: dict[str, dict[str, Any]] = {}
    for record in instance.fetch_materializations(dg.AssetKey("tracks"), limit=200).records:
        event = record.asset_materialization
        assert event is not None
        values = {name: value.value for name, value in event.metadata.items()}
        found.setdefault(str(event.partition), values)
    return found


def by_day(days: dict[tuple[str, str], int]) -> dict[str, int]:
    sums: dict[str, int] = {}
    for (day, _), length_mm in days.items():
        sums[day] = sums.get(day, 0) + length_mm
    return sums


def total_mm(store: Store) -> int:
    return sum(mm(track["distance_m"]) for track in store.tracks())


def test_there_is_something_to_compare(store: Store) -> None:
    tracks = store.tracks()
    assert len(tracks) == sum(map(len, JOURNEYS.values()))
    assert len({track["device_id"] for track in tracks}) == 4
    assert sum(track["distance_m"] < 0.99 * track["raw_distance_m"] for track in tracks) > 5
    zone = ZoneInfo(store.zone)
    dates = [
        [
            dt.datetime.fromisoformat(t[end]).astimezone(zone).date()
            for end in ("start_time", "end_time")
        ]
        for t in tracks
    ]
    assert max(last - first for first, last in dates) >= dt.timedelta(days=3)
    assert sum(first < last for first, last in dates) >= 2


def test_days_add_up_to_months_and_to_the_tracks_in_any_zone(store: Store) -> None:
    for zone in ("UTC", "Asia/Kathmandu", "Pacific/Kiritimati", "device", store.zone):
        assert sum(store.days(zone=zone).values()) == total_mm(store)
    months: dict[str, int] = {}
    for day, length_mm in by_day(store.days()).items():
        months[day[:7]] = months.get(day[:7], 0) + length_mm
    assert len(months) == 2
    assert sum(months.values()) == total_mm(store)


def test_status_and_the_command_line_show_the_sum_of_the_days(
    store: Store, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    assert mm(read_status(store.context).distance_km * 1000) == total_mm(store)
    call = caller(monkeypatch, capfd)
    for name, value in environment(store.context.settings).items():
        monkeypatch.setenv(name, value)
    done = call("status", "--json")
    assert mm(json.loads(done.out)["distance_km"] * 1000) == total_mm(store)


def test_dagster_shows_the_days_of_the_api(store: Store) -> None:
    days = by_day(store.days())
    assert set(days) <= set(store.told)
    for day, numbers in store.told.items():
        assert numbers["time_zone"] == store.zone
        assert mm(numbers["distance_km"] * 1000) == days.get(day, 0), day
    api = store.api.get("/api/v1/days").json()["days"]
    for day, numbers in store.told.items():
        of_day = [row for row in api if row["day"] == day]
        assert numbers["tracks"] == sum(row["tracks"] for row in of_day)
        assert numbers["devices"] == len(of_day)


def test_devices_between_two_midnights_are_the_days(store: Store) -> None:
    zone = ZoneInfo(store.zone)
    days = store.days()
    for day in DAYS:
        start, end = (
            dt.datetime.combine(day + dt.timedelta(days=k), dt.time(), zone).isoformat()
            for k in (0, 1)
        )
        answer = store.api.get("/api/v1/distances", params={"from": start, "to": end}).json()
        found = {d["device_id"]: mm(d["distance_m"]) for d in answer["distances"]}
        assert found == {d: n for (on, d), n in days.items() if on == day.isoformat()}
    whole = store.api.get("/api/v1/distances").json()["distances"]
    assert sum(mm(d["distance_m"]) for d in whole) == total_mm(store)


@pytest.mark.parametrize("file_format", list(ExportFormat))
def test_exports_have_the_tracks_lengths(store: Store, file_format: ExportFormat) -> None:
    file = io.BytesIO()
    export(store.context, ExportSubject.TRACKS, file_format, RowFilter(), file)
    found = READERS[file_format](file.getvalue())
    expected = [(mm(t["distance_m"]), mm(t["raw_distance_m"])) for t in store.tracks()]
    assert sorted((mm(a), mm(b)) for a, b in found) == sorted(expected)


def _csv(text: bytes) -> list[tuple[float, float]]:
    rows = csv.DictReader(io.StringIO(text.decode()))
    return [(float(row["distance_m"]), float(row["raw_distance_m"])) for row in rows]


def _gpx(text: bytes) -> list[tuple[float, float]]:
    ours = "{https://trackflow.invalid/gpx/1}"
    return [
        (float(e.findtext(f"{ours}distance_m", "")), float(e.findtext(f"{ours}raw_distance_m", "")))
        for e in ET.fromstring(text).iter("{http://www.topografix.com/GPX/1/1}extensions")
    ]


def _geojson(text: bytes) -> list[tuple[float, float]]:
    rows = [feature["properties"] for feature in json.loads(text)["features"]]
    return [(row["distance_m"], row["raw_distance_m"]) for row in rows]


def _geoparquet(content: bytes) -> list[tuple[float, float]]:
    frame = geopandas.read_parquet(io.BytesIO(content))
    return list(zip(frame["distance_m"], frame["raw_distance_m"], strict=True))


READERS = {
    ExportFormat.CSV: _csv,
    ExportFormat.GPX: _gpx,
    ExportFormat.GEOJSON: _geojson,
    ExportFormat.GEOPARQUET: _geoparquet,
}


@pytest.fixture(scope="module")
def tab(tab: Page) -> Page:
    tab.prefer(reduced_motion="reduce")
    tab.resize(1000, 700)
    return tab


BARS = """Object.fromEntries([...document.querySelectorAll('.bar')].map(
  b => [b.dataset.key, b.dataset.mm]))"""
ROWS = """Object.fromEntries([...document.querySelectorAll('.device')].map(
  d => [d.querySelector('.name').textContent, d.querySelector('.figure').title]))"""


@pytest.mark.parametrize("store", OFF_UTC, indirect=True)
def test_the_page_shows_the_days_of_the_api(store: Store, tab: Page) -> None:
    days = store.days()
    for day in (DAYS[1], DAYS[3]):
        tab.goto("about:blank")
        tab.goto(f"{store.api.base_url}#day={day}")
        tab.wait_for("document.querySelectorAll('.bar').length > 0")
        tab.wait_for(f"document.querySelectorAll('.device').length === {len(JOURNEYS)}")
        bars = {key.removeprefix("day-"): int(text) for key, text in tab.eval(BARS).items()}
        sums = by_day(days)
        assert {d: n for d, n in bars.items() if n} == {d: n for d, n in sums.items() if d in bars}
        assert set(sums) <= set(bars)
        label = tab.eval(f"document.querySelector('[data-key=\"day-{day}\"]').title")
        assert f"({store.zone}): " in label
        rows = {name: _title_mm(title, store.zone) for name, title in tab.eval(ROWS).items()}
        on_day = {d: n for (on, d), n in days.items() if on == day.isoformat()}
        assert {d: n for d, n in rows.items() if n} == on_day


def _title_mm(title: str, zone: str) -> int:
    if not title:
        return 0
    found = re.fullmatch(r"([\d,]+\.\d{3}) m \((.+)\)", title)
    assert found, title
    assert found[2] == zone
    return mm(float(found[1].replace(",", "")))


@pytest.mark.parametrize("store", OFF_UTC[:1], indirect=True)
def test_the_page_counts_days_of_another_zone_when_asked(store: Store, tab: Page) -> None:
    tab.goto("about:blank")
    tab.goto(f"{store.api.base_url}#day={DAYS[1]}&zone=utc")
    tab.wait_for("document.querySelectorAll('.bar').length > 0")
    bars = {key.removeprefix("day-"): int(text) for key, text in tab.eval(BARS).items()}
    assert {d: n for d, n in bars.items() if n} == by_day(store.days(zone="UTC"))


@pytest.mark.parametrize("store", OFF_UTC[:1], indirect=True)
def test_a_track_on_the_page_is_as_long_as_in_the_api(store: Store, tab: Page) -> None:
    track = max(store.tracks(), key=lambda t: t["distance_m"])
    day = track["start_time"][:10]
    tab.goto("about:blank")
    tab.goto(f"{store.api.base_url}#day={day}&zone=utc&track={track['track_id']}")
    tab.wait_for_text(f"{track['raw_distance_m'] / 1000:,.0f} km from point to point")
    shown = tab.eval("document.querySelector('.figures dd').textContent")
    assert shown == f"{track['distance_m'] / 1000:,.0f} km"
