"""The simulated fleet's points as the CSV files that a tracking service would export."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from trackflow.demo.fleet import SimulatedDevice
from trackflow.geo.points import Points
from trackflow.geo.time import DAY_US

COLUMNS = ("device_id", "recorded_at", "latitude", "longitude", "accuracy_m")


@dataclass(frozen=True, slots=True)
class FleetFiles:
    """The files with the points.

    Attributes:
        regular: one file per day, in order, with all devices that were online.
        late: points of devices that were offline on the second day and send them afterwards.
    """

    regular: list[Path]
    late: list[Path]


def write_csv(devices: Sequence[SimulatedDevice], folder: Path) -> FleetFiles:
    """Write the points of a fleet into `folder`, which is made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    times = [device.reported.time_us for device in devices if len(device.reported)]
    if not times:
        return FleetFiles([], [])
    first = min(int(time_us.min()) for time_us in times) // DAY_US
    last = max(int(time_us.max()) for time_us in times) // DAY_US
    regular, late = [], []
    for day in range(first, last + 1):
        on_time = [(d.device_id, _of_day(d, day)) for d in devices if not _offline(d, day, first)]
        regular.append(_write(folder / f"fleet-{np.datetime64(day, 'D')}.csv", on_time))
    for device in devices:
        if device.late and last > first:
            points = _of_day(device, first + 1)
            late.append(
                _write(folder / f"late-{device.device_id}.csv", [(device.device_id, points)])
            )
    return FleetFiles(regular, late)


def _offline(device: SimulatedDevice, day: int, first: int) -> bool:
    return device.late and day == first + 1


def _of_day(device: SimulatedDevice, day: int) -> Points:
    return device.reported.between(day * DAY_US, (day + 1) * DAY_US)


def _write(path: Path, parts: Sequence[tuple[str, Points]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for device_id, points in parts:
            time = points.time_us.astype("datetime64[us]").astype("datetime64[ms]")
            accuracy = ["" if np.isnan(a) else f"{a:g}" for a in points.accuracy_m.tolist()]
            lat = [f"{value:.7f}" for value in points.lat.tolist()]
            lon = [f"{value:.7f}" for value in points.lon.tolist()]
            iso = np.datetime_as_string(time, timezone="UTC").tolist()
            writer.writerows(zip([device_id] * len(points), iso, lat, lon, accuracy, strict=True))
    return path
