"""Metadata of each day of an asset: its present state, and the work of a run."""

import datetime as dt
from collections.abc import Sequence

from trackflow.context import Context
from trackflow.defs import metadata
from trackflow.defs.days.running import MOST_MESSAGES, POLYLINES, SEGMENTS, TRACKS, DaysResult
from trackflow.exports.day_picture import draw_day
from trackflow.geo.time import days_between, runs_of_days
from trackflow.tracks.notices import Notice
from trackflow.usecases.days.notices import notices_by_day
from trackflow.usecases.days.report import DayReport, distinct_messages
from trackflow.usecases.queries.day_summary import (
    day_lines,
    match_numbers,
    segment_numbers,
    track_numbers,
)

type Metadata = dict[str, metadata.Value]


def day_metadata(
    trackflow_context: Context, asset: str, outcome: DaysResult
) -> dict[dt.date, Metadata]:
    """Metadata of each day of an asset: its present state, and the work of the run."""
    described = {SEGMENTS: segment_metadata, POLYLINES: match_metadata, TRACKS: track_metadata}[
        asset
    ]
    found: dict[dt.date, Metadata] = {}
    for first, last in runs_of_days(outcome.days):
        found |= described(trackflow_context, first, last)
    return {day: {**found.get(day, {}), **_done(outcome.of(asset, day))} for day in outcome.days}


def segment_metadata(
    trackflow_context: Context, first: dt.date, last: dt.date
) -> dict[dt.date, Metadata]:
    """Numbers of each day: points, devices, the classes of points, and notices."""
    stored = segment_numbers(trackflow_context, first, last)
    noticed = notices_by_day(trackflow_context, first, last)
    return {
        day: {
            "points": n.points,
            "devices": n.devices,
            "segments": n.segments,
            metadata.ROWS: n.segments,
            "raw_distance_km": n.raw_distance_mm / 1e6,
            "points_on_track": n.points_on_track,
            "points_in_stops": n.points_in_stops,
            "points_dropped": n.points_dropped,
            **_noticed(noticed.get(day, [])),
            "seconds": n.seconds,
            "points_per_s": _rate(n.points, n.seconds),
        }
        for day in days_between(first, last)
        for n in [stored[day]]
    }


def _noticed(found: Sequence[Notice]) -> Metadata:
    """The number of a day's notices, and the first of them in words."""
    numbers: Metadata = {"notices": len(found)}
    if found:
        numbers["needs_attention"] = metadata.notices(found[:MOST_MESSAGES])
    return numbers


def match_metadata(
    trackflow_context: Context, first: dt.date, last: dt.date
) -> dict[dt.date, Metadata]:
    """Numbers of each day: windows, those that follow no road, the share of driving on roads."""
    stored = match_numbers(trackflow_context, first, last)
    found: dict[dt.date, Metadata] = {}
    for day in days_between(first, last):
        n = stored[day]
        found[day] = {
            "windows": n.windows,
            metadata.ROWS: n.windows,
            "raw_windows": n.raw_windows,
            "raw_share": round(n.raw_windows / n.windows, 4) if n.windows else 0.0,
            "points": n.points,
            "seconds": n.seconds,
            "points_per_s": _rate(n.points, n.seconds),
        }
        if n.matched_share is not None:
            found[day]["matched_share"] = round(n.matched_share, 4)
    return found


def track_metadata(
    trackflow_context: Context, first: dt.date, last: dt.date
) -> dict[dt.date, Metadata]:
    """Numbers of each day: journeys with their kilometres and hours, and a picture."""
    stored = track_numbers(trackflow_context, first, last)
    found: dict[dt.date, Metadata] = {}
    for day in days_between(first, last):
        n = stored[day]
        found[day] = {
            "tracks": n.tracks,
            metadata.ROWS: n.tracks,
            "devices": n.devices,
            "distance_km": n.distance_mm / 1e6,
            "driven_h": round(n.duration_us / 3.6e9, 3),
            "longest_km": n.longest_mm / 1e6,
            "time_zone": trackflow_context.settings.time_zone,
            "seconds": n.seconds,
        }
        drawn = draw_day(day_lines(trackflow_context, day))
        if drawn is not None:
            found[day]["map"] = metadata.picture(drawn, f"lines of {day}")
    return found


def _done(reports: Sequence[DayReport]) -> Metadata:
    """The work of this run on a day."""
    done = [r for r in reports if not r.error]
    windows = sum(r.windows for r in done)
    numbers: Metadata = {
        "device_days_done": len(done),
        "device_days_changed": sum(r.changed for r in done),
    }
    waiting = [r for r in reports if r.deferred]
    if waiting:
        numbers["device_days_waiting"] = len(waiting)
        numbers["why_waiting"] = "; ".join(distinct_messages(waiting)[:MOST_MESSAGES])
    if windows:
        numbers["cached_share"] = round(sum(r.cached_windows for r in done) / windows, 4)
    return numbers


def _rate(count: int, seconds: float) -> float:
    return round(count / seconds, 1) if seconds else 0.0
