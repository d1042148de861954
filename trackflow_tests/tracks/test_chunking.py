"""The promise of the whole package: however the work is cut up, the tracks are the same.

`TRACKFLOW_EXAMPLES=10000` tries more histories than a run of all tests has time for.
"""

import datetime as dt
import os

import numpy as np
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from trackflow.geo.points import Points
from trackflow.geo.time import midnight_us
from trackflow.tracks.decisions import EndReason, decide
from trackflow.tracks.hiding import hidden_steps, split_hidden
from trackflow.tracks.merging import joined_points, merge
from trackflow.tracks.segments import DaySegments, segment_days
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.hidings import HidingOf, hidings_of
from trackflow_tests.helpers.histories import FIRST, US, History, histories

relaxed = settings(
    max_examples=int(os.environ.get("TRACKFLOW_EXAMPLES", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def read(points: Points, first: dt.date, last: dt.date, thresholds: Thresholds) -> Points:
    """What a worker reads for a range of days: with a buffer just longer than the reach."""
    buffer_us = int(thresholds.reach_s * US) + 1
    begin_us = midnight_us(first) - buffer_us
    end_us = midnight_us(last + dt.timedelta(days=1)) + buffer_us
    return points[(points.time_us >= begin_us) & (points.time_us < end_us)]


def partition(days: int, cuts: list[bool]) -> list[tuple[dt.date, dt.date]]:
    """Ranges of days, divided after each day whose flag is set."""
    ends = [d for d in range(days - 1) if cuts[d % len(cuts)]] + [days - 1]
    begins = [0, *(e + 1 for e in ends[:-1])]
    return [
        (FIRST + dt.timedelta(days=b), FIRST + dt.timedelta(days=e))
        for b, e in zip(begins, ends, strict=True)
    ]


def whole(history: History) -> list[DaySegments]:
    last = FIRST + dt.timedelta(days=history.days - 1)
    return segment_days(history.points, FIRST, last, history.thresholds)


def shuffled(points: Points, seed: int) -> Points:
    return points[np.random.default_rng(seed).permutation(len(points))]


@relaxed
@given(
    history=histories(),
    cuts=st.lists(st.booleans(), min_size=1, max_size=7),
    seed=st.integers(0, 1000),
)
def test_chunks_equal_one_pass(history: History, cuts: list[bool], seed: int) -> None:
    chunks: list[DaySegments] = []
    for first, last in partition(history.days, cuts):
        part = read(history.points, first, last, history.thresholds)
        chunks += segment_days(shuffled(part, seed), first, last, history.thresholds)
    expected = whole(history)
    assert chunks == expected
    segments = [s for day in chunks for s in day.segments]
    in_one = [s for day in expected for s in day.segments]
    assert [s.content_hash for s in segments] == [s.content_hash for s in in_one]
    assert merge(segments) == merge(in_one)


@relaxed
@given(
    history=histories(),
    cuts=st.lists(st.booleans(), min_size=1, max_size=7),
    hidings=st.lists(hidings_of(), min_size=1, max_size=3),
)
def test_chunks_with_hidden_points_equal_one_pass(
    history: History, cuts: list[bool], hidings: list[HidingOf]
) -> None:
    rules = [hiding.of(history.points) for hiding in hidings]
    chunks: list[DaySegments] = []
    for first, last in partition(history.days, cuts):
        part = read(history.points, first, last, history.thresholds)
        visible, hidden = split_hidden(part, rules)
        days = segment_days(visible, first, last, history.thresholds, hidden.time_us)
        chunks += days
    visible, hidden = split_hidden(history.points, rules)
    last = FIRST + dt.timedelta(days=history.days - 1)
    in_one = segment_days(visible, FIRST, last, history.thresholds, hidden.time_us)
    assert chunks == in_one
    assert all(day.ledger.balanced for day in chunks)
    assert sum(day.ledger.hidden for day in chunks) == len(hidden)
    assert sum(day.ledger.points for day in chunks) == len(history.points)
    segments = [s for day in chunks for s in day.segments]
    for track in merge(segments):
        time_us = joined_points(segments, track).time_us
        assert not len(hidden_steps(time_us, hidden.time_us, history.thresholds))
        assert not np.isin(time_us, np.setdiff1d(hidden.time_us, visible.time_us)).any()
    event(f"hidden: {bool(len(hidden))}, of all: {not len(visible)}")


@relaxed
@given(history=histories())
def test_every_point_ends_in_exactly_one_class(history: History) -> None:
    days = whole(history)
    assert all(day.ledger.balanced for day in days)
    assert sum(day.ledger.points for day in days) == len(history.points)
    for day in days:
        assert day.ledger.track == sum(len(s.points) for s in day.segments)
    times = np.concatenate(
        [s.points.time_us for day in days for s in day.segments] or [np.array([], dtype=np.int64)]
    )
    assert np.all(np.diff(times) > 0), "no point is in two segments, and all are in order"


@relaxed
@given(history=histories())
def test_segments_fit_together(history: History) -> None:
    """Merged at midnight and nowhere else, with nothing lost: the same as never divided."""
    days = whole(history)
    segments = [s for day in days for s in day.segments]
    for s in segments:
        assert len(s.points) > 1 or s.open_start or s.open_end
        assert s.link_mm == 0 or s.began in (EndReason.MIDNIGHT, EndReason.GAP, EndReason.STOP)
    tracks = merge(segments)
    decisions = decide(history.points, history.thresholds)
    kept, moving = decisions.cleaned.points, decisions.moving
    assert not any(EndReason.MIDNIGHT in (t.began, t.ended) for t in tracks)
    # a pause or a departure adds its way to the track that begins after it, if one does
    unseen = np.concatenate([decisions.paused, decisions.left])
    leads = unseen[moving[unseen + 2] & ~moving[unseen + 1]]
    ways = np.concatenate([np.flatnonzero(moving[1:-1]), leads])
    assert sum(t.distance_mm for t in tracks) == decisions.cleaned.step_mm[ways].sum()
    assert sum(t.points for t in tracks) == np.count_nonzero(decisions.on_track)
    for track in tracks:
        assert joined_points(segments, track) == kept.between(track.start_us, track.end_us + 1)


def happenings(history: History) -> set[str]:
    """What a history exercises, for the check of the generator below."""
    days = whole(history)
    decisions = decide(history.points, history.thresholds)
    seen = {s.ended.value for day in days for s in day.segments}
    for name in ("spike", "inaccurate", "duplicate", "stop", "excursion", "mixed", "lone"):
        if any(getattr(day.ledger, name) for day in days):
            seen.add(name)
    if any(len(t.segments) > 2 for t in merge([s for d in days for s in d.segments])):
        seen.add("days under way")
    on_midnight = history.points.time_us % (86_400 * US) == 0
    if on_midnight.any():
        seen.add("point at midnight")
    edges = np.searchsorted(
        decisions.cleaned.points.time_us,
        [midnight_us(FIRST + dt.timedelta(days=d)) for d in range(1, history.days)],
    )
    inside = (edges > 0) & (edges < len(decisions.cleaned.points))
    if any(decisions.stay_of(step) for step in (edges[inside] - 1).tolist()):
        seen.add("stop over midnight")
    if len(decisions.paused):
        seen.add("pause")
    if len(decisions.left):
        seen.add("departure")
    if np.ptp(history.points.lon) > 180:
        seen.add("antimeridian")
    return seen


SHARES = {
    "gap": 0.3, "speed": 0.2, "stop": 0.3, "midnight": 0.2, "spike": 0.1,
    "inaccurate": 0.05, "duplicate": 0.1, "lone": 0.2, "days under way": 0.05,
    "point at midnight": 0.05, "stop over midnight": 0.05, "antimeridian": 0.05,
    "excursion": 0.05, "mixed": 0.05, "pause": 0.05, "departure": 0.05,
}  # fmt: skip
"""Which share of all random histories must show each case at least."""


def test_the_histories_are_worth_testing() -> None:
    counts = dict.fromkeys(SHARES, 0)
    total = 0

    @settings(
        max_examples=150, deadline=None, derandomize=True, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(history=histories())
    def look(history: History) -> None:
        nonlocal total
        total += 1
        for name in happenings(history):
            event(name)
            if name in counts:
                counts[name] += 1

    look()
    rare = {n: counts[n] / total for n, share in SHARES.items() if counts[n] < share * total}
    assert not rare, f"of {total} histories: {rare}, all: {counts}"
