"""The Python API: points in, tracks out, as data frames. What `import trackflow` offers is here.

Times are aware and UTC, longitudes and latitudes WGS 84 degrees, and units stand in the names of
columns. Nothing here imports Dagster.
"""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import replace
from os import PathLike
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.exports.frames import frame_of, points_frame, shape_of, tracks_frame
from trackflow.geo import polylines
from trackflow.geo.points import Ints, Points, on_grid
from trackflow.geo.time import EARLIEST, LATEST, from_us
from trackflow.matching.match import match_window
from trackflow.matching.seams import WindowLine, trim
from trackflow.matching.windows import MatchSettings, cut_windows
from trackflow.settings import Settings
from trackflow.tracks.cleaning import in_order, known_accuracy
from trackflow.tracks.decisions import Decisions, decide
from trackflow.tracks.merging import Track, is_short, merge, track_id
from trackflow.tracks.segments import Segment, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.report import RunReport
from trackflow.usecases.days.run import run
from trackflow.usecases.days.tracking import track_row
from trackflow.usecases.intake.importing import ImportReport, import_paths
from trackflow.usecases.queries.exported import RowFilter, check_device, points, tracks
from trackflow.usecases.queries.line_sources import LineSource
from trackflow.usecases.queries.lines import TimeRange
from trackflow.usecases.queries.stops import read_stops

if TYPE_CHECKING:
    import geopandas
    import pandas as pd

    from trackflow.matching.engines.protocol import Engine

type Moment = dt.datetime | dt.date | str
"""A time: aware, or ISO 8601 with its offset; a date is its midnight UTC."""

TRACK_COLUMNS = (
    "device_id",
    "track_id",
    "start_time",
    "end_time",
    "began",
    "ended",
    "distance_m",
    "raw_distance_m",
    "duration_s",
    "average_speed_kmh",
    "max_speed_kmh",
    "point_count",
    "matched_share",
    "confidence",
)
"""The columns that `match` adds to each track."""

STAY_COLUMNS = ("device_id", "start_time", "end_time", "duration_s")

ALL_STAYS = 1_000_000
DATE_CHARS = len("2026-03-02")


class TrackStore:
    """A store of points and tracks. Use it in a `with` statement, or close it."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def import_files(
        self, *paths: str | PathLike[str], device_id: str | None = None
    ) -> ImportReport:
        """Import files, folders and archives of any known format, as `trackflow import` does.

        Args:
            paths: what to import.
            device_id: the device of all points, in place of the files' own.

        Raises:
            SettingsError: the settings of retention make no sense.
        """
        return import_paths(self._context, [Path(path) for path in paths], device_id=device_id)

    def run(self, *, device_id: str | None = None) -> RunReport:
        """Process all days with new points: segments, lines on roads, tracks.

        Raises:
            SettingsError: there is no such device.
        """
        return run(self._context, device_id=device_id)

    def points(
        self,
        *,
        device_id: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> "geopandas.GeoDataFrame":
        """Points of `[start, end)`, a row for each, by device and time.

        Raises:
            SettingsError: there is no such device.
            BadInputError: a time lacks its offset.
        """
        return points_frame(points(self._context, _filter(device_id, start, end)))

    def tracks(
        self,
        *,
        device_id: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
        line: str = "matched",
    ) -> "geopandas.GeoDataFrame":
        """Tracks that overlap `[start, end)`, a row for each, by device and start.

        Args:
            device_id: of this device only.
            start: None for no limit.
            end: None for no limit.
            line: "matched" for lines on roads where there are any, "raw" for the reported points.

        Raises:
            SettingsError: there is no such device.
            BadInputError: a time lacks its offset.
        """
        chosen = _filter(device_id, start, end)
        return tracks_frame(tracks(self._context, chosen), LineSource(line))

    def stays(
        self,
        *,
        device_id: str | None = None,
        start: Moment | None = None,
        end: Moment | None = None,
    ) -> "geopandas.GeoDataFrame":
        """Stays that overlap `[start, end)`: where a device was between two of its tracks.

        Raises:
            SettingsError: there is no such device.
            BadInputError: a time lacks its offset.
        """
        import shapely

        chosen = _filter(device_id, start, end)
        check_device(self._context, device_id)
        when = TimeRange(chosen.first or EARLIEST, chosen.last or LATEST)
        devices = None if device_id is None else (device_id,)
        found = read_stops(self._context, devices, when, ALL_STAYS)
        geometry = [shapely.Point(stay.longitude, stay.latitude) for stay in found]
        rows = [{name: getattr(stay, name) for name in STAY_COLUMNS} for stay in found]
        return frame_of(rows, STAY_COLUMNS, geometry)

    def close(self) -> None:
        """Close connections and engines."""
        self._context.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_store(home: str | PathLike[str] | None = None) -> TrackStore:
    """The store in a folder, made if it is missing.

    Args:
        home: the folder; by default that of the environment's settings, as the commands find it.

    Raises:
        SettingsError: a setting of the environment makes no sense.
        StoreUnavailableError: the database cannot be opened.
    """
    settings = Settings.from_env()
    if home is not None:
        settings = replace(settings, home=Path(home), database_url="")
    return TrackStore(Context.open(settings))


def split(frame: "pd.DataFrame", thresholds: Thresholds | None = None) -> "pd.DataFrame":
    """Give each point its track, if any, and its class. Needs no store.

    Args:
        frame: a row for each point, in any order: `recorded_at` (aware), `longitude` and
            `latitude` (degrees) or a geometry of points, `device_id` (one device if it is missing),
            `accuracy_m` (metres; may be missing).
        thresholds: the limits of the rules; by default those for vehicles and phones.

    Returns:
        The frame with two more columns: `track_id` (None outside of tracks), and `point_class`,
        the class of the ledger: track, short, stop, excursion, spike, inaccurate, duplicate, mixed
        or lone.

    Raises:
        BadInputError: a column is missing, or its times lack their zone.
    """
    limits = thresholds or Thresholds()
    ids = np.full(len(frame), None, dtype=object)
    classes = np.full(len(frame), "duplicate", dtype=object)
    for device_id, rows, found in _by_device(frame):
        decisions = decide(found, limits)
        for name, at in _classes(found, decisions):
            classes[rows[at]] = name
        for track, _ in _merged(found, limits):
            inside = (found.time_us >= track.start_us) & (found.time_us <= track.end_us)
            of_track = rows[inside & (classes[rows] == "track")]
            if is_short(track, limits):
                classes[of_track] = "short"
            else:
                ids[of_track] = str(track_id(device_id, track.start_us))
    return frame.assign(track_id=ids, point_class=classes)


def match(
    frame: "pd.DataFrame",
    network: str | PathLike[str],
    thresholds: Thresholds | None = None,
) -> "geopandas.GeoDataFrame":
    """Tracks of points, each with its line on roads. Needs no store.

    Args:
        frame: points, as `split` takes them.
        network: the folder of a road network, as `trackflow network build` prints it.
        thresholds: the limits of the rules; by default those for vehicles and phones.

    Returns:
        A row for each track, by device and start.

    Raises:
        BadInputError: a column is missing, or its times lack their zone.
        NetworkBuildError: there is no road network in the folder.
        EngineUnavailableError: the network cannot be loaded.
    """
    from trackflow.matching.engines.embedded import EmbeddedEngine
    from trackflow.matching.networks import load_network

    limits = thresholds or Thresholds()
    built = load_network(Path(network))
    engine = EmbeddedEngine(built.dataset, built.profile, built.version)
    rows, geometry = [], []
    try:
        for device_id, _, found in _by_device(frame):
            for track, parts in _merged(found, limits):
                if is_short(track, limits):
                    continue
                row = track_row(device_id, track, parts, _lines(engine, parts))
                rows.append(row | {"device_id": device_id})
                geometry.append(shape_of(polylines.positions(row["matched_polyline"])))
    finally:
        engine.close()
    return frame_of(rows, TRACK_COLUMNS, geometry)


def _lines(engine: "Engine", parts: Iterable[Segment]) -> list[WindowLine]:
    """The lines of a track's windows."""
    settings = MatchSettings()
    whole = Points.concat([part.points for part in parts])
    windows = cut_windows(Points.empty(), whole, Points.empty(), settings)
    return trim([match_window(engine, window, settings) for window in windows])


def _merged(found: Points, thresholds: Thresholds) -> Iterator[tuple[Track, list[Segment]]]:
    """The tracks of a device's points, the short ones too, with their segments."""
    if not len(found):
        return
    first, last = (from_us(int(edge)).date() for edge in (found.time_us.min(), found.time_us.max()))
    days = segment_days(found, first, last, thresholds)
    parts = [segment for day in days for segment in day.segments]
    for track in merge(parts):
        yield track, [parts[k] for k in track.segments]


def _classes(found: Points, decisions: Decisions) -> Iterator[tuple[str, Ints]]:
    """The classes of points, with the indices of the points of each.

    A later class replaces an earlier one; points without a class are duplicates.
    """
    cleaned = decisions.cleaned
    best = in_order(known_accuracy(found))[0]
    rows = _indices_of(found, best)

    def at(time_us: Ints) -> Ints:
        return rows[best.time_us.searchsorted(time_us)]

    yield "spike", at(cleaned.spike_us)
    yield "inaccurate", at(cleaned.inaccurate_us)
    kept = at(cleaned.points.time_us)
    yield "lone", kept
    yield "mixed", kept[decisions.is_mixed]
    yield "excursion", kept[decisions.away & ~decisions.on_track]
    yield "stop", kept[decisions.stopped]
    yield "track", kept[decisions.on_track]


def _indices_of(found: Points, best: Points) -> Ints:
    """The index of the best point of each time among all found points; of equal ones one."""
    order = np.lexsort((found.lat, found.lon, found.time_us))
    places = np.stack([found.time_us[order], found.lon[order], found.lat[order]], axis=1)
    wanted = np.stack([best.time_us, best.lon, best.lat], axis=1)
    at = found.time_us[order].searchsorted(best.time_us)
    # the best point of a time is among the following ones
    while len(later := np.flatnonzero((places[at] != wanted).any(axis=1))):
        at[later] += 1
    return order[at]


def _by_device(frame: "pd.DataFrame") -> Iterator[tuple[str, Ints, Points]]:
    """Devices in order of their ids, with the positions of their rows, and their points."""
    table = _columns(frame)
    codes, ids = table["device_id"].factorize(sort=True)
    for code, device_id in enumerate(ids):
        rows = np.flatnonzero(codes == code)
        of_device = table.iloc[rows]
        time_us = of_device["recorded_at"].to_numpy("datetime64[us]").astype(np.int64)
        yield (
            str(device_id),
            rows,
            Points.of(
                time_us,
                on_grid(of_device["longitude"].to_numpy(np.float64)),
                on_grid(of_device["latitude"].to_numpy(np.float64)),
                of_device["accuracy_m"].to_numpy(np.float64),
            ),
        )


def _columns(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The columns that the rules need, with defaults for missing ones."""
    import pandas as pd

    table = pd.DataFrame(index=frame.index)
    geometry: Any = getattr(frame, "geometry", None) if "longitude" not in frame else None
    for name, degrees in (("longitude", "x"), ("latitude", "y")):
        table[name] = getattr(geometry, degrees) if geometry is not None else frame.get(name)
    table["recorded_at"] = frame.get("recorded_at")
    missing = [name for name in table if frame.get(name) is None and geometry is None]
    if missing or "recorded_at" not in frame:
        names = ", ".join(missing or ["recorded_at"])
        raise BadInputError(f"the frame lacks {names}: rename its columns")
    if not isinstance(table["recorded_at"].dtype, pd.DatetimeTZDtype):
        raise BadInputError(
            "recorded_at must be times with a zone: pd.to_datetime(…, utc=True) makes them"
        )
    table["recorded_at"] = table["recorded_at"].dt.tz_convert("UTC").dt.tz_localize(None)
    table["device_id"] = frame["device_id"].astype(str) if "device_id" in frame else "device"
    table["accuracy_m"] = frame.get("accuracy_m", np.nan)
    return table


def _filter(device_id: str | None, start: Moment | None, end: Moment | None) -> RowFilter:
    return RowFilter(_moment(start), _moment(end), None if device_id is None else (device_id,))


def _moment(time: Moment | None) -> dt.datetime | None:
    """A time as an aware datetime, None for no limit.

    Raises:
        BadInputError: it is no time, or lacks its offset.
    """
    if time is None:
        return None
    try:
        read = dt.datetime.fromisoformat(time) if isinstance(time, str) else time
    except ValueError:
        raise BadInputError(f"{time!r} is no time: write 2026-03-02T08:00Z") from None
    if not isinstance(read, dt.datetime) or (isinstance(time, str) and len(time) == DATE_CHARS):
        return dt.datetime(read.year, read.month, read.day, tzinfo=dt.UTC)
    if read.tzinfo is None:
        raise BadInputError(f"{time} lacks its offset from UTC: write 2026-03-02T08:00Z")
    return read
