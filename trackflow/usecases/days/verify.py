"""Checks a store against itself: one pass over all points must give the stored rows, bit for bit.

Segments, ledgers and tracks are computed anew from all points of a device at once and compared,
column by column, with the rows that were published day by day, in any order. Windows are cut anew
and compared by their input hashes (an equal hash stands for an equal match), and their lines are
trimmed anew from the stored matches.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from trackflow.context import Context, Roads
from trackflow.errors import BadInputError, EngineUnavailableError
from trackflow.geo.overviews import overview_of
from trackflow.geo.points import Points
from trackflow.geo.time import ONE_DAY, from_us, midnight, to_us
from trackflow.matching.engines.protocol import roads_version
from trackflow.matching.match import WindowMatch
from trackflow.matching.seams import trim
from trackflow.matching.windows import MatchSettings, Window, cut_windows
from trackflow.store.database import Connection
from trackflow.store.days import batch_lists, overviews, segments, tracks
from trackflow.store.devices import settings as devices
from trackflow.store.housekeeping import retention
from trackflow.store.intake import points
from trackflow.store.roads import polylines as lines
from trackflow.tracks.blobs import points_from_bytes
from trackflow.tracks.merging import is_short, joined_points, merge
from trackflow.tracks.segments import DaySegments, Ledger, segment_days
from trackflow.usecases.days.tracking import track_row
from trackflow.usecases.roads.matching import line_row
from trackflow.usecases.roads.rematching import outdated_days

MAX_DIFFERENCES = 20

type VerifyProgress = Callable[[str, int, int], None]


@dataclass(slots=True)
class VerifyReport:
    """The rows that were compared, and their differences.

    Attributes:
        devices: number of devices compared.
        days: number of device-days compared.
        points: number of points read.
        hidden: how many of them are hidden.
        segments: number of segments compared.
        windows: number of windows compared.
        tracks: number of tracks compared.
        unfinished: number of device-days that wait to be processed.
        unmatched: why windows were not compared; empty if they were.
        differences: the first differences, a line each.
    """

    devices: int = 0
    days: int = 0
    points: int = 0
    hidden: int = 0
    segments: int = 0
    windows: int = 0
    tracks: int = 0
    unfinished: int = 0
    unmatched: str = ""
    differences: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether all batches are done and all rows equal."""
        return not self.differences and not self.unfinished

    def note(self, difference: str) -> None:
        """Add a difference, unless there are plenty."""
        if len(self.differences) < MAX_DIFFERENCES:
            self.differences.append(difference)

    def lines(self) -> Iterator[str]:
        """The report in plain words."""
        hidden = f" ({self.hidden:,} of them hidden)" if self.hidden else ""
        yield (
            f"{self.points:,} points{hidden} of {self.devices:,} devices on {self.days:,} days: "
            f"compared {self.segments:,} segments, {self.windows:,} windows and "
            f"{self.tracks:,} tracks with one pass over everything."
        )
        yield from self.differences
        if self.unmatched:
            yield f"Windows were not compared: {self.unmatched}."
        if self.unfinished:
            yield f"{self.unfinished:,} days wait to be processed: run `trackflow run` first."
        elif self.ok:
            yield "They are identical."
        else:
            yield "They differ: `trackflow run --mode bulk` computes them again; please report it."


def verify(
    context: Context, *, device_id: str | None = None, progress: VerifyProgress | None = None
) -> VerifyReport:
    """Compare the stored rows of one device, or of all, with one pass over its points.

    Raises:
        SettingsError: there is no such device.
    """
    report = VerifyReport()
    with context.store.read() as connection:
        known = devices.device_ids(connection)
        ids = known if device_id is None else [devices.known(device_id, known)]
    for done, name in enumerate(ids, 1):
        with context.store.read() as connection:
            _verify_device(context, connection, name, report)
        if progress:
            progress("verify", done, len(ids))
    return report


def _verify_device(
    context: Context, connection: Connection, device_id: str, report: VerifyReport
) -> None:
    span = points.span_us(connection, device_id)
    if span is None:
        report.unfinished += batch_lists.count_unfinished(connection, device_id)
        return
    first, last = (from_us(edge).date() for edge in span)
    visible, hidden = points.read_split(connection, device_id, span[0], span[1] + 1)
    conflicts = points.conflicts_by_day(connection, device_id, span[0], span[1] + 1)
    device = devices.read_device(connection, device_id)
    days = segment_days(visible, first, last, device.thresholds, hidden.time_us)
    kept_from = retention.edges(connection, [device_id]).get(device_id)
    if kept_from is not None:
        frozen = _frozen_days(connection, device_id, retention.first_open_day(kept_from), conflicts)
        days = [frozen.get(day.day, day) for day in days]
    report.devices += 1
    report.points += len(visible) + len(hidden)
    report.hidden += len(hidden)
    outdated = outdated_days(context, connection).get(device_id, 0)
    report.unfinished += batch_lists.count_unfinished(connection, device_id) + outdated
    expected = _tracks(device, days, connection, first, last)
    _compare_days(connection, device_id, days, conflicts, expected.short, report)
    _compare_tracks(connection, device_id, expected.rows, first, report)
    if not outdated:  # their windows differ, and the next run recomputes them
        _compare_windows(context, connection, device, days, report)


def _frozen_days(
    connection: Connection, device_id: str, until: dt.date, conflicts: dict[dt.date, int]
) -> dict[dt.date, DaySegments]:
    """The stored days before `until`: retention has deleted points of their buffer."""
    last = until - ONE_DAY
    parts = segments.read_days(connection, device_id, dt.date.min, last)
    ledgers = segments.read_ledgers(connection, dt.date.min, last, device_id)
    found = {day: DaySegments(day, tuple(parts[day]), Ledger()) for day in parts}
    for (_, day), ledger in ledgers.items():
        extra = conflicts.get(day, 0)
        as_cut = replace(
            ledger,
            points=ledger.points - extra,
            duplicate=ledger.duplicate - extra,
            track=ledger.track + ledger.short,
            short=0,
        )
        found[day] = DaySegments(day, tuple(parts.get(day, ())), as_cut)
    return found


@dataclass(slots=True)
class _ExpectedTracks:
    rows: list[dict[str, Any]]
    short: dict[dt.date, int]


def _tracks(
    device: devices.Device,
    days: list[DaySegments],
    connection: Connection,
    first: dt.date,
    last: dt.date,
) -> _ExpectedTracks:
    parts = [part for day in days for part in day.segments]
    windows = lines.read_between(connection, device.device_id, first, last)
    expected = _ExpectedTracks([], {})
    until_us = to_us(midnight(last + ONE_DAY))
    heights = points.read_heights(connection, device.device_id, to_us(midnight(first)), until_us)
    for track in merge(parts):
        mine = [parts[k] for k in track.segments]
        if is_short(track, device.thresholds):
            for part in mine:
                day = from_us(part.start_us).date()
                expected.short[day] = expected.short.get(day, 0) + len(part.points)
        else:
            expected.rows.append(track_row(device.device_id, track, mine, windows, heights))
    return expected


def _compare_days(
    connection: Connection,
    device_id: str,
    days: list[DaySegments],
    conflicts: dict[dt.date, int],
    short: dict[dt.date, int],
    report: VerifyReport,
) -> None:
    stored = segments.read_rows(connection, device_id)
    ledgers = {
        day: ledger
        for (_, day), ledger in segments.read_ledgers(
            connection, dt.date.min, dt.date.max, device_id
        ).items()
    }
    expected = {
        day.day: [segments.row_of(device_id, day.day, part) for part in day.segments]
        for day in days
    }
    expected_ledgers = {}
    for day in days:
        extra = conflicts.get(day.day, 0)
        expected_ledgers[day.day] = replace(
            day.ledger,
            points=day.ledger.points + extra,
            duplicate=day.ledger.duplicate + extra,
        ).shorten(short.get(day.day, 0))
    for on in sorted({*stored, *expected, *ledgers}):
        old, new = stored.get(on, []), expected.get(on, [])
        if [_decoded(row) for row in old] != [_decoded(row) for row in new]:
            counts = f"{len(old)} stored, {len(new)} in one pass"
            report.note(f"{device_id} {on}: the segments differ ({counts})")
        ledger = expected_ledgers.get(on, Ledger())
        if ledgers.get(on, Ledger()) != ledger:
            report.note(f"{device_id} {on}: the ledger differs")
        report.segments += len(new)
        report.days += bool(ledger.points)


def _decoded(row: dict[str, Any]) -> dict[str, Any]:
    """A segment's row with its points unpacked: equal points may be compressed differently."""
    try:
        return row | {"points": points_from_bytes(row["points"])}
    except BadInputError:
        return row | {"points": None}


def _compare_tracks(
    connection: Connection,
    device_id: str,
    rows: list[dict[str, Any]],
    first: dt.date,
    report: VerifyReport,
) -> None:
    """Compare the tracks, except those whose points retention has deleted."""
    open_days = batch_lists.days_of(connection, device_id)
    stored = {
        row["track_id"]: row
        for row in tracks.read_rows(connection, device_id)
        if (day := row["start_time"].date()) >= first or day in open_days
    }
    expected = {row["track_id"]: row for row in rows}
    report.tracks += len(expected)
    for track_id in sorted(stored.keys() | expected.keys()):
        if track_id not in stored:
            report.note(f"{device_id}: track {track_id} is missing")
        elif track_id not in expected:
            report.note(f"{device_id}: track {track_id} should not be there")
        else:
            columns = _differing(stored[track_id], expected[track_id])
            if columns:
                report.note(f"{device_id}: track {track_id} differs in {columns}")
    _compare_overviews(connection, device_id, report)


def _compare_overviews(connection: Connection, device_id: str, report: VerifyReport) -> None:
    """Compare the lines of maps of long times with those of the tracks that are stored."""
    expected = {
        row["track_id"]: overview_of(row["matched_polyline"])
        for row in tracks.read_rows(connection, device_id)
    }
    stored = overviews.read_all(connection, device_id)
    for track_id in sorted(stored.keys() | expected.keys()):
        if stored.get(track_id) != expected.get(track_id):
            report.note(f"{device_id}: the overview of track {track_id} is not that of its line")


def _differing(stored: Mapping[str, Any], expected: dict[str, Any]) -> str:
    return ", ".join(name for name, value in expected.items() if stored[name] != value)


def _compare_windows(
    context: Context,
    connection: Connection,
    device: devices.Device,
    days: list[DaySegments],
    report: VerifyReport,
) -> None:
    if not context.matches:
        report.unmatched = "matching is switched off"
        return
    try:
        expected = dict(_windows(context.roads(device.profile), days))
    except EngineUnavailableError as error:
        report.unmatched = str(error)
        return
    rows = lines.read_rows(connection, device.device_id)
    stored = {to_us(row["start_time"]): row for row in rows}
    report.windows += len(expected)
    for start in sorted(stored.keys() | expected.keys()):
        old, new = stored.get(start), expected.get(start)
        if old is None or new is None or old["input_hash"] != new[0]:
            report.note(f"{device.device_id}: the window of {from_us(start)} differs")
    if not report.differences:
        _compare_lines(device.device_id, stored, expected, report)


def _compare_lines(
    device_id: str,
    stored: Mapping[int, Mapping[str, Any]],
    expected: Mapping[int, tuple[str, Window]],
    report: VerifyReport,
) -> None:
    starts = sorted(stored)
    matches = [_match(stored[start]["match"]) for start in starts]
    if None in matches:
        where = from_us(starts[matches.index(None)])
        report.note(f"{device_id}: the stored match of {where} is damaged")
        return
    known = [match for match in matches if match is not None]
    for start, match, line in zip(starts, known, trim(known), strict=True):
        key, window = expected[start]
        columns = _differing(stored[start], line_row(window, key, match, line))
        if columns:
            report.note(f"{device_id}: the line of {from_us(start)} differs in {columns}")


def _match(stored: bytes) -> WindowMatch | None:
    try:
        return WindowMatch.from_bytes(stored)
    except (ValueError, TypeError):
        return None


def _windows(roads: Roads, days: list[DaySegments]) -> Iterator[tuple[int, tuple[str, Window]]]:
    """Input hash and window by the time at which it begins."""
    settings = MatchSettings()
    parts = [part for day in days for part in day.segments]
    for track in merge(parts):
        whole = joined_points(parts, track)
        for window in cut_windows(Points.empty(), whole, Points.empty(), settings):
            engine = roads(window)
            key = window.input_hash(engine.profile, roads_version(engine), settings)
            yield window.start_us, (key, window)
