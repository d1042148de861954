"""Days in the device's own time zone; tracks over midnight are shared, and nothing is lost."""

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.pipeline.reading_days import local_midnights, shares_mm
from trackflow.pipeline.run import run
from trackflow.store.tables import devices, segments, tracks
from trackflow_tests.api.running import running_api
from trackflow_tests.stores import batch_of_device, deliver, drive, open_work

ZONES = [
    "UTC", "Europe/Helsinki", "America/St_Johns", "Asia/Kathmandu", "Pacific/Kiritimati",
    "America/Sao_Paulo", "Africa/Cairo",
]  # fmt: skip
EVENING = dt.datetime(2026, 3, 2, 20, tzinfo=dt.UTC)


@st.composite
def journeys(draw: st.DrawFn) -> tuple[Points, list[int], int]:
    """Points, edges from the first to the last of them, and a distance to share."""
    steps = draw(st.lists(st.integers(1, 10**10), min_size=1, max_size=30))
    time_us = 1_767_600_000_000_000 + np.cumsum([0, *steps])
    size = len(time_us)
    degrees = st.lists(st.floats(-0.5, 0.5), min_size=size, max_size=size)
    points = Points.of(time_us, draw(degrees), draw(degrees))
    first, last = int(time_us[0]), int(time_us[-1])
    inner = sorted(draw(st.lists(st.integers(first, last), max_size=5)))
    return points, [first, *inner, last], draw(st.integers(0, 10**12))


@given(journeys())
def test_shares_add_up_to_the_distance(journey: tuple[Points, list[int], int]) -> None:
    points, edges, total_mm = journey
    for known in (points, Points.empty()):
        shares = shares_mm(known, edges, total_mm)
        assert len(shares) == len(edges) - 1
        assert sum(shares) == total_mm
        assert min(shares) >= 0


@given(journeys(), st.data())
def test_shares_are_what_was_travelled(
    journey: tuple[Points, list[int], int], data: st.DataObject
) -> None:
    """An edge at a point divides the distance there."""
    points, _, total_mm = journey
    at = data.draw(st.integers(0, len(points) - 1))
    edges = [int(points.time_us[k]) for k in (0, at, -1)]
    before, _ = shares_mm(points, edges, total_mm)
    along = np.hypot(np.diff(points.lon) * np.cos(np.radians(points.lat[1:])), np.diff(points.lat))
    if along.sum() > 1e-4:
        # a millimetre for rounding, a thousandth for another way to measure
        expected_mm = total_mm * along[:at].sum() / along.sum()
        assert abs(before - expected_mm) <= 1 + total_mm * 1e-3


@given(
    st.sampled_from(ZONES),
    st.integers(946_684_800, 1_893_456_000),
    st.integers(0, 5 * 86_400),
)
def test_midnights_are_where_the_date_changes(name: str, start_s: int, lasts_s: int) -> None:
    zone = ZoneInfo(name)
    begin = dt.datetime.fromtimestamp(start_s, dt.UTC)
    end = begin + dt.timedelta(seconds=lasts_s)
    found = local_midnights(begin, end, zone)
    assert found == sorted(found)
    instant = dt.timedelta(microseconds=1)
    dates = [begin.astimezone(zone).date()]
    for midnight in found:
        assert begin < midnight <= end
        assert (midnight - instant).astimezone(zone).date() == dates[-1]
        dates.append(midnight.astimezone(zone).date())
        assert dates[-1] == dates[-2] + dt.timedelta(days=1)
    assert end.astimezone(zone).date() == dates[-1]


def test_days_of_tracks_over_midnight(database_url: str, tmp_path: Path) -> None:
    with open_work(database_url, tmp_path) as work, running_api(work) as api:
        # 48 hours at an even speed: over two midnights of any zone
        deliver(work.store, batch_of_device("a", drive(EVENING, 1441, every_s=120)))
        deliver(work.store, batch_of_device("b", drive(EVENING, 60)))
        run(work)

        def days(**parameters: Any) -> list[dict[str, Any]]:
            answer = api.get("/api/v1/days", params=parameters)
            assert answer.status_code == 200, answer.text
            found: list[dict[str, Any]] = answer.json()["days"]
            return found

        with work.store.read() as connection:
            length_m = connection.scalar(
                sa.select(tracks.c.distance_m).where(tracks.c.device_id == "a")
            )
        shared = days(device="a")
        assert [d["day"] for d in shared] == ["2026-03-02", "2026-03-03", "2026-03-04"]
        assert sum(round(d["distance_m"] * 1000) for d in shared) == round(length_m * 1000)
        assert [round(d["distance_m"] / length_m, 3) for d in shared] == [0.083, 0.5, 0.417]
        assert [d["duration_s"] / 3600 for d in shared] == [4, 24, 20]
        assert [d["tracks"] for d in shared] == [1, 1, 1]
        assert [d["device_id"] for d in days(to="2026-03-02")] == ["a", "b"]
        middle = {"device": "a", "from": "2026-03-03", "to": "2026-03-03"}
        assert days(**middle) == [shared[1]]
        with work.store.write() as connection:
            connection.execute(sa.update(devices).values(time_zone="Europe/Helsinki"))
        assert [d["duration_s"] / 3600 for d in days(device="a")] == [2, 24, 22]
        local = days(device="a")
        assert sum(round(d["distance_m"] * 1000) for d in local) == round(length_m * 1000)
        with work.store.write() as connection:
            connection.execute(sa.delete(segments))
        assert [round(d["distance_m"] / length_m, 3) for d in days(device="a")] == [
            round(d["distance_m"] / length_m, 3) for d in local
        ]


def test_days_that_make_no_sense_are_refused(database_url: str, tmp_path: Path) -> None:
    with open_work(database_url, tmp_path) as work, running_api(work) as api:
        for parameters in (
            {"from": "2026-03-03", "to": "2026-03-02"},
            {"from": "0001-01-01"},
            {"to": "9999-12-31"},
            {"from": "1950-01-01", "to": "2026-01-01"},
        ):
            assert api.get("/api/v1/days", params=parameters).status_code == 400, parameters
