"""Live: from a report posted over HTTP to a served track that holds it, with all services running.

`trackflow serve` runs as a user starts it: API, Dagster's daemon and UI, the road engine. Ten
devices drive on real roads and report every ten seconds; each report's delay ends when the track
that the API serves reaches it. First on an idle store, then while backfills of a month run one
after the other.
"""

import datetime as dt
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import numpy as np

from trackflow.context import Context
from trackflow.demo.extract import helsinki_extract
from trackflow.demo.files import write_csv
from trackflow.demo.fleet import SimulatedDevice, simulate_fleet
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats
from trackflow.settings import Settings
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.roads.networks import build
from trackflow_tests.benchmarks.backfill import _repeated
from trackflow_tests.helpers.served import Served, trackflow_serve

DEVICES, PHASE_S, REPORT_EVERY_S, SPEED_MS = 10, 120.0, 10.0, 8.0
MONTH_DEVICES, MONTH_DAYS = 30, 30
GIVE_UP_S = 180.0
ASSETS = ("segments", "matched_polylines", "tracks")

LAUNCH = """mutation Launch($params: LaunchBackfillParams!) {
  launchPartitionBackfill(backfillParams: $params) {
    __typename ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"""
BACKFILL = """query Backfill($id: String!) { partitionBackfillOrError(backfillId: $id) {
  ... on PartitionBackfill { status } } }"""


def run() -> dict[str, float | int | str]:
    with tempfile.TemporaryDirectory() as folder:
        home, month = Path(folder) / "home", _first_day()
        with Context.open(Settings(home=home)) as context:
            network, _ = build(context, helsinki_extract(), "car")
            fleet = simulate_fleet(
                context.engine("car"),
                network.bbox,
                vehicles=MONTH_DEVICES + 3,
                days=1,
                first_day=month,
            )[3:]  # the first three drive by night
            older = [_repeated(device, MONTH_DAYS) for device in fleet]
            import_paths(context, write_csv(older, home / "reported").regular)
        with trackflow_serve(home, Path(folder)) as served:
            _backfill(served, month)  # nothing else waits when the first phase begins
            quiet = _phase(served.api, fleet[:DEVICES], "quiet")
            with _backfills_going_on(served, month) as ended:
                busy = _phase(served.api, fleet[DEVICES : 2 * DEVICES], "busy")
    return {
        "devices that report": DEVICES,
        **_figures("idle", quiet),
        **_figures("during backfills", busy),
        "backfills of a month x devices meanwhile": f"{len(ended)} x {MONTH_DEVICES}",
    }


def _first_day() -> dt.date:
    return dt.datetime.now(dt.UTC).date() - dt.timedelta(days=MONTH_DAYS + 5)


def _figures(phase: str, delays_s: list[float]) -> dict[str, float | int]:
    return {
        f"{phase}: reports": len(delays_s),
        f"{phase}: median delay, s (60)": float(np.median(delays_s)),
        f"{phase}: 95 % within, s": float(np.quantile(delays_s, 0.95)),
        f"{phase}: worst delay, s (120)": max(delays_s),
    }


def _phase(api: str, fleet: list[SimulatedDevice], prefix: str) -> list[float]:
    """Delays of all reports of a fleet; a report that never arrives counts as `GIVE_UP_S`."""
    drivers = [_Driver(f"{prefix}-{k}", device, api) for k, device in enumerate(fleet)]
    threads = [threading.Thread(target=driver.drive, args=(k,)) for k, driver in enumerate(drivers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [delay for driver in drivers for delay in driver.delays_s]


@dataclass
class _Driver:
    """One device: posts where it is, and looks for itself on the map."""

    device_id: str
    device: SimulatedDevice
    api: str
    delays_s: list[float] = field(default_factory=list)
    waiting: list[tuple[dt.datetime, float]] = field(default_factory=list)

    def drive(self, number: int) -> None:
        """Report and look until the last report was seen or the patience ends."""
        time.sleep(number * REPORT_EVERY_S / DEVICES)  # not all at the same moment
        started = time.monotonic()
        next_report = 0.0
        with httpx.Client(base_url=self.api, trust_env=False, timeout=60) as client:
            while (passed := time.monotonic() - started) < PHASE_S or self.waiting:
                if passed >= next_report and passed < PHASE_S:
                    self._report(client, passed)
                    next_report += REPORT_EVERY_S
                self._look(client)
                if self.waiting and time.monotonic() - self.waiting[0][1] > GIVE_UP_S:
                    self.delays_s += [GIVE_UP_S] * len(self.waiting)
                    return
                time.sleep(1.0)

    def _report(self, client: httpx.Client, passed_s: float) -> None:
        lon, lat = _along(self.device, passed_s * SPEED_MS)
        now = dt.datetime.now(dt.UTC).replace(microsecond=0)
        feature = {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"device_id": self.device_id, "time": now.isoformat(), "accuracy": 5},
        }
        client.post("/ingest/geojson", json=feature).raise_for_status()
        self.waiting.append((now, time.monotonic()))

    def _look(self, client: httpx.Client) -> None:
        answer = client.get("/api/v1/tracks", params={"device": self.device_id})
        answer.raise_for_status()
        spans = [
            (_time(f["properties"]["start_time"]), _time(f["properties"]["end_time"]))
            for f in answer.json()["features"]
        ]
        seen = time.monotonic()
        left = []
        for when, posted in self.waiting:
            if any(start <= when <= end for start, end in spans):
                self.delays_s.append(seen - posted)
            else:
                left.append((when, posted))
        self.waiting = left


def _time(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text)


def _along(device: SimulatedDevice, distance_m: float) -> tuple[float, float]:
    """A place on the device's first drive that is long enough for the whole phase."""
    lengths = [float(step_m(drive.lon, drive.lat).sum()) for drive in device.routes]
    drive = device.routes[int(np.argmax(lengths))]
    way_m: Floats = np.r_[0.0, np.cumsum(step_m(drive.lon, drive.lat))]
    return (
        float(np.interp(distance_m, way_m, drive.lon)),
        float(np.interp(distance_m, way_m, drive.lat)),
    )


def _backfill(served: Served, month: dt.date) -> None:
    """Launch one as the UI does, and wait for its end."""
    days = [(month + dt.timedelta(days=k)).isoformat() for k in range(MONTH_DAYS)]
    launched = served.server.query(
        LAUNCH,
        params={
            "assetSelection": [{"path": [name]} for name in ASSETS],
            "partitionNames": days,
            "title": "a month",
        },
    )["launchPartitionBackfill"]
    assert launched["__typename"] == "LaunchBackfillSuccess", launched

    def ended() -> str | None:
        found = served.server.query(BACKFILL, id=launched["backfillId"])
        status: str = found["partitionBackfillOrError"]["status"]
        return None if status in ("REQUESTED", "IN_PROGRESS") else status

    status = served.server.wait_for("end of the backfill", ended, 900)
    assert status == "COMPLETED_SUCCESS", (status, served.server.tail())


@contextmanager
def _backfills_going_on(served: Served, month: dt.date) -> Iterator[list[float]]:
    """One after the other until the phase is over; yields when each ended."""
    over = threading.Event()
    ended: list[float] = []

    def keep_going() -> None:
        while not over.is_set():
            _backfill(served, month)
            ended.append(time.monotonic())

    thread = threading.Thread(target=keep_going)
    thread.start()
    time.sleep(20)  # until the first one's workers are at it
    yield ended
    over.set()
    thread.join()
