"""Sums by travel mode: tracks are divided where their mode changes, all of them at once.

Columns instead of rows: a month of a thousand vehicles has a hundred thousand tracks and more legs.
The amounts are those of `day_parts`, to the millimetre.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.geo.calendar_days import DayRun
from trackflow.geo.points import Bools, Floats, Ints
from trackflow.geo.time import from_us
from trackflow.store.categories.tables import legs
from trackflow.store.days.queries import of_devices
from trackflow.store.days.track_conditions import touching
from trackflow.store.days.track_ids import longest
from trackflow.store.days.travel_rows import TravelQuery, TravelRow, reached_kmh
from trackflow.store.dialects import listed_pairs, pairs_as_table
from trackflow.store.tables import tracks
from trackflow.store.types import UtcTime, epoch_us
from trackflow.tracks.quarter_columns import Amounts, TrackTimes

t, g = tracks.c, legs.c

MOST_KEY = 1 << 62
"""Moments of several devices are told apart by one whole number, up to here."""

UNKNOWN = 0
"""The number of no mode; the others are numbered from 1."""


@dataclass(frozen=True, slots=True, eq=False)
class _Tracks:
    """Tracks of a time, by device and start.

    Attributes:
        device: the number of each one's device.
        times: when they were.
        length_mm: of each.
        top_kmh: of each.
        idle_ms: NaN where it is not known.
        climb_cm: the same.
    """

    device: Ints
    times: TrackTimes
    length_mm: Ints
    top_kmh: Floats
    idle_ms: Floats
    climb_cm: Floats


@dataclass(frozen=True, slots=True, eq=False)
class _Spans:
    """Times of one mode or day each, by track and time."""

    track: Ints
    low_us: Ints
    high_us: Ints
    mode: Ints

    def __getitem__(self, chosen: Any) -> "_Spans":
        columns = (self.track, self.low_us, self.high_us, self.mode)
        return _Spans(*(column[chosen] for column in columns))


def read_mode_travel(connection: Connection, wanted: TravelQuery) -> Iterator[TravelRow]:
    """Sums by day and travel mode, in no order; several rows of both are to be added up."""
    names, found = _read_tracks(connection, wanted)
    if not names:
        return
    modes, spans = _divided(found, *_read_legs(connection, wanted, names))
    edges, days = _edges(wanted.runs)
    parts, day = _by_day(spans, edges)
    cut = np.zeros(len(found.device), bool)
    for some in (spans, parts):
        is_cut = some.low_us > found.times.start_us[some.track]
        cut[some.track[is_cut | (some.high_us < found.times.end_us[some.track])]] = True
    kept = _Kept(connection, list(names), found, np.flatnonzero(cut))
    key = day * len(modes) + parts.mode
    for number, row in _sums(found, kept, parts, key):
        yield TravelRow(int(days[number // len(modes)]), modes[number % len(modes)], *row)
    begun = (found.times.start_us >= edges[0]) & (found.times.start_us < edges[-1])
    mode = _longest_modes(spans, kept.length_mm.between(spans.track, spans.low_us, spans.high_us))
    at = np.searchsorted(edges, found.times.start_us[begun], "right") - 1
    for number, trips in zip(
        *np.unique(at * len(modes) + mode[begun], return_counts=True), strict=True
    ):
        place = int(days[number // len(modes)]), modes[number % len(modes)]
        yield TravelRow(*place, 0, trips, 0, 0, 0, 0.0, None, None)


def _read_tracks(connection: Connection, wanted: TravelQuery) -> tuple[dict[str, int], _Tracks]:
    """The number of each device, and the tracks."""
    query = sa.select(
        t.device_id,
        epoch_us(t.start_time),
        epoch_us(t.end_time),
        sa.cast(sa.func.round(t.distance_m * 1000), sa.BigInteger),
        t.max_speed_kmh,
        t.idle_ms,
        t.climb_cm,
    ).where(
        *touching(connection, t, from_us(wanted.start_us), from_us(wanted.end_us)),
        *of_devices(t.device_id, wanted.device_ids),
    )
    columns = list(zip(*connection.execute(query).all(), strict=True)) or [()] * 7
    names = {name: k for k, name in enumerate(dict.fromkeys(columns[0]))}
    device = np.fromiter((names[name] for name in columns[0]), np.int64, len(columns[0]))
    start_us, end_us, length_mm = (np.array(column, np.int64) for column in columns[1:4])
    top_kmh, idle_ms, climb_cm = (np.array(column, np.float64) for column in columns[4:])
    order = np.lexsort([start_us, device])
    times = TrackTimes(start_us[order], end_us[order])
    speeds_and_amounts = (column[order] for column in (top_kmh, idle_ms, climb_cm))
    return names, _Tracks(device[order], times, length_mm[order], *speeds_and_amounts)


def _read_legs(
    connection: Connection, wanted: TravelQuery, names: dict[str, int]
) -> tuple[list[str | None], Ints, Ints, Ints, Ints]:
    """The modes, and of each leg its device, begin, end and mode, by device and begin."""
    reach = longest(connection)
    query = sa.select(g.device_id, epoch_us(g.start_time), epoch_us(g.end_time), g.mode).where(
        g.start_time >= from_us(wanted.start_us) - 2 * reach,
        g.start_time < from_us(wanted.end_us) + reach,
        *of_devices(g.device_id, wanted.device_ids),
    )
    columns = list(zip(*connection.execute(query).all(), strict=True)) or [()] * 4
    count = len(columns[0])
    modes: list[str | None] = [None, *dict.fromkeys(columns[3])]
    numbers = {mode: k for k, mode in enumerate(modes)}
    device = np.fromiter((names.get(name, -1) for name in columns[0]), np.int64, count)
    mode = np.fromiter((numbers[name] for name in columns[3]), np.int64, count)
    begin_us, end_us = (np.array(column, np.int64) for column in columns[1:3])
    order = np.lexsort([begin_us, device])
    order = order[device[order] >= 0]
    return modes, device[order], begin_us[order], end_us[order], mode[order]


def _divided(
    found: _Tracks, modes: list[str | None], device: Ints, begin_us: Ints, end_us: Ints, mode: Ints
) -> tuple[list[str | None], _Spans]:
    """Tracks by their modes, from start to end; `UNKNOWN` where no leg is known."""
    times = found.times
    zero = min(int(one.min(initial=0)) for one in (times.start_us, begin_us))
    span = max(int(one.max(initial=0)) for one in (times.end_us, end_us)) - zero + 1
    some = max(1, MOST_KEY // span)
    spans = []
    for first in range(0, int(found.device[-1]) + 1, some):
        mine, theirs = (
            slice(*np.searchsorted(one, [first, first + some])) for one in (found.device, device)
        )
        offset = (found.device[mine] - first) * span - zero
        low, high = times.start_us[mine] + offset, times.end_us[mine] + offset
        aside = (device[theirs] - first) * span - zero
        one = _spans(low, high, begin_us[theirs] + aside, end_us[theirs] + aside, mode[theirs])
        back = offset[one.track]
        spans.append((one.track + mine.start, one.low_us - back, one.high_us - back, one.mode))
    return modes, _Spans(*(np.concatenate(columns) for columns in zip(*spans, strict=True)))


def _spans(low: Ints, high: Ints, begin: Ints, end: Ints, mode: Ints) -> _Spans:
    """What legs make of tracks, both in order; legs count from the end of those before them."""
    until = np.maximum.accumulate(end)
    begin = np.maximum(begin, np.concatenate([[-1], until])[:-1])
    first = np.searchsorted(until, low, "right")
    counts = np.maximum(np.searchsorted(begin, high, "left") - first, 0)
    track = np.repeat(np.arange(len(low)), counts)
    leg = np.arange(len(track)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    found = _Spans(
        track, np.maximum(low[track], begin[leg]), np.minimum(high[track], end[leg]), mode[leg]
    )
    found = found[found.low_us < found.high_us]
    # and what lies before each of them, and after the last one of each track
    is_first = np.diff(found.track, prepend=-1) != 0
    before = np.where(
        is_first, low[found.track], np.concatenate([[0], found.high_us[:-1]])[: len(found.track)]
    )
    gaps = before < found.low_us
    last = low.copy()
    last[found.track] = found.high_us
    has_any = np.zeros(len(low), bool)
    has_any[found.track] = True
    tails = np.flatnonzero((last < high) | ~has_any)
    no_mode = np.full(int(gaps.sum()) + len(tails), UNKNOWN)
    whole = _Spans(
        np.concatenate([found.track, found.track[gaps], tails]),
        np.concatenate([found.low_us, before[gaps], last[tails]]),
        np.concatenate([found.high_us, found.low_us[gaps], high[tails]]),
        np.concatenate([found.mode, no_mode]),
    )
    return whole[np.lexsort([whole.low_us, whole.track])]


def _edges(runs: Sequence[DayRun]) -> tuple[Ints, Ints]:
    """The begin of each day and the end of the last one, and the ordinal of each."""
    edges, days = [], []
    for run in runs:
        count = (run.end_us - run.begin_us) // run.length_us
        edges.append(run.begin_us + run.length_us * np.arange(count))
        days.append(run.first + np.arange(count))
    return np.append(np.concatenate(edges), runs[-1].end_us), np.concatenate(days)


def _by_day(spans: _Spans, edges: Ints) -> tuple[_Spans, Ints]:
    """The parts of times that lie in one day each, and the number of that day."""
    low = np.maximum(spans.low_us, edges[0])
    high = np.minimum(np.maximum(spans.high_us, spans.low_us + 1), edges[-1])
    inside = np.flatnonzero(low < high)
    low, high = low[inside], high[inside]
    first = np.searchsorted(edges, low, "right") - 1
    counts = np.searchsorted(edges, high, "left") - first
    one = np.repeat(np.arange(len(inside)), counts)
    day = np.arange(len(one)) + np.repeat(first - (np.cumsum(counts) - counts), counts)
    begin, finish = np.maximum(low[one], edges[day]), np.minimum(high[one], edges[day + 1])
    return _Spans(spans.track[inside][one], begin, finish, spans.mode[inside][one]), day


class _Kept:
    """What tracks keep by quarters of an hour, of those that are divided."""

    def __init__(
        self, connection: Connection, names: Sequence[str], found: _Tracks, cut: Ints
    ) -> None:
        dialect = connection.dialect.name
        starts = found.times.start_us[cut].tolist()
        moments = list(map(from_us, starts)) if dialect == "postgresql" else starts
        devices = [names[k] for k in found.device[cut].tolist()]
        given = pairs_as_table(dialect, ("device_id", "start_time"), UtcTime())
        same = sa.and_(t.device_id == given.c.device_id, t.start_time == given.c.start_time)
        query = sa.select(
            t.device_id, epoch_us(t.start_time), t.quarters_mm, t.quarters_idle_ms,
            t.quarters_climb_cm, epoch_us(t.fastest_at),
        ).select_from(given.join(tracks, same))  # fmt: skip
        pairs = list(zip(devices, moments, strict=True))
        rows = connection.execute(query, listed_pairs(connection, pairs)).all()
        by_key = {(row[0], row[1]): row[2:] for row in rows}
        keys = (
            (names[device], start)
            for device, start in zip(found.device[cut].tolist(), starts, strict=True)
        )
        texts = list(zip(*(by_key[key] for key in keys), strict=True)) or [()] * 4
        of = found.times, cut
        self.length_mm = Amounts(*of, found.length_mm, texts[0], evenly=True)
        self.idle_ms = Amounts(*of, found.idle_ms, texts[1], evenly=False)
        self.climb_cm = Amounts(*of, found.climb_cm, texts[2], evenly=False)
        self.fastest_us = np.full(len(found.device), -1.0)
        self.fastest_us[cut] = [np.nan if one is None else one for one in texts[3]]
        """When each was fastest; -1 for those that are not divided."""

    def is_fastest(self, parts: _Spans) -> Bools:
        """Whether each part has the moment at which its track was fastest."""
        at = self.fastest_us[parts.track]
        found: Bools = (at == -1) | ((at >= parts.low_us) & (at < parts.high_us))
        return found


type _Sum = tuple[int, int, int, int, int, float, int | None, int | None]


def _sums(found: _Tracks, kept: _Kept, parts: _Spans, key: Ints) -> Iterator[tuple[int, _Sum]]:
    """For each key the sums of its parts, in the order of `TravelRow`."""
    if not len(key):
        return
    order = np.lexsort([parts.track, key])
    parts, key = parts[order], key[order]
    starts = np.flatnonzero(np.diff(key, prepend=-1))
    where = parts.track, parts.low_us, parts.high_us
    is_new = (np.diff(key, prepend=-1) != 0) | (np.diff(parts.track, prepend=-1) != 0)
    length_mm = kept.length_mm.between(*where)
    duration_us = parts.high_us - parts.low_us
    top_kmh = found.top_kmh[parts.track]
    at_least_kmh = np.minimum(top_kmh, reached_kmh(length_mm, duration_us))
    top_kmh = np.where(kept.is_fastest(parts), top_kmh, at_least_kmh)
    columns = (
        np.add.reduceat(is_new.astype(np.int64), starts).tolist(),
        [0] * len(starts),
        np.add.reduceat(length_mm, starts).tolist(),
        np.add.reduceat(duration_us, starts).tolist(),
        np.maximum.reduceat(length_mm, starts).tolist(),
        np.maximum.reduceat(top_kmh, starts).tolist(),
        *(_known_sums(of, where, starts) for of in (kept.idle_ms, kept.climb_cm)),
    )
    yield from zip(key[starts].tolist(), zip(*columns, strict=True), strict=True)


def _known_sums(of: Amounts, where: tuple[Ints, Ints, Ints], starts: Ints) -> list[int | None]:
    """Sums of what is known; None where nothing is."""
    known = of.is_known(where[0])
    sums = np.add.reduceat(np.where(known, of.between(*where), 0), starts).tolist()
    some = np.add.reduceat(known.astype(np.int64), starts).tolist()
    return [one if any_ else None for one, any_ in zip(sums, some, strict=True)]


def _longest_modes(spans: _Spans, length_mm: Ints) -> Ints:
    """The mode in which each track went furthest; of equal ones the first."""
    order = np.lexsort([np.arange(len(spans.mode)), spans.mode, spans.track])
    track, mode = spans.track[order], spans.mode[order]
    is_new = (np.diff(track, prepend=-1) != 0) | (np.diff(mode, prepend=-1) != 0)
    starts = np.flatnonzero(is_new)
    sums = np.add.reduceat(length_mm[order], starts)
    best = np.lexsort([order[starts], -sums, track[starts]])
    is_best = np.diff(track[starts][best], prepend=-1) != 0
    found: Ints = mode[starts][best][is_best]
    return found
