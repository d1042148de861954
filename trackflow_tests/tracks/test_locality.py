"""No decision looks further than `reach_s`: the same about every point of any window.

Day chunks of plausible histories rarely put a doubtful case at the edge of a buffer. Here nearly
every point is doubtful, and windows begin and end anywhere.
"""

from dataclasses import replace

import numpy as np
import pytest

from trackflow.geo.points import Points
from trackflow.tracks.decisions import Decisions, decide
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.helpers.histories import DEGREE_M, US

LIMITS = Thresholds(
    gap_s=120, silence_s=300, dwell_s=120, spike_s=60, dwell_radius_m=50, max_speed_kmh=100
)
STAYS_ONLY = replace(LIMITS, spike_s=1)
"""Here spikes leave no reach to spare that would hide a stay's looking too far."""
STEPS_S = [1, 5, 10, 20, 30, 59, 60, 61, 119, 120, 121, 299, 300, 301]
PLACES_M = [0, 0, 60, 99, 101, 140, 199, 400, 3_000, 3_090, 60_000]


def doubtful(seed: int, count: int = 800) -> Points:
    random = np.random.default_rng(seed)
    few = random.choice(STEPS_S, random.integers(1, 4))
    places = random.choice(PLACES_M, random.integers(2, 5))
    time_us = np.cumsum(random.choice(few, count)) * US
    kind, turning = seed % 4, np.zeros(count)
    if kind == 0:
        x = random.choice(places, count)
    elif kind == 1:  # places that are held for a while, and a slow walk under them
        x = places[(np.cumsum(random.random(count) < 0.1)) % len(places)]
        x = x + np.cumsum(random.choice([0, 0, 1, 5], count))
        if seed % 8 == 1:  # drives, with sleeps between them
            asleep = random.random(count) < 0.05
            time_us = np.cumsum(np.where(asleep, 290, 10)) * US
            x = np.cumsum(np.where(asleep, random.choice([40, 110, 600], count), 150.0))
        elif seed % 16 == 13:  # two places in turn, with a short drive between them
            time_us = np.cumsum(random.choice([*few[few <= 20], 5], count)) * US
            rest_s, drive_s = random.choice([100, 130, 200]), random.choice([30, 60])
            at_s = (time_us - time_us[0]) / US % (2 * (rest_s + drive_s))
            edges_s = np.cumsum([rest_s, drive_s, rest_s, drive_s])
            x = np.interp(at_s, edges_s, np.array([0, 1, 1, 0]) * random.choice([230, 300, 500]))
        else:  # rests, with rounds of a vehicle that lead past them
            time_us = (
                np.cumsum(random.choice(few[few <= 20] if few.min() <= 20 else [5], count)) * US
            )
            rounds = np.cumsum(random.random(count) < 0.03) % 2 == 1
            angle = np.cumsum(np.diff(time_us / US, prepend=0) * rounds) * random.choice(
                [0.05, 0.1]
            )
            size_m = random.choice([50.0, 150.0, 400.0])
            x, turning = size_m * np.cos(angle), size_m * np.sin(angle)
    else:  # long regular zigzags, where one decision could hang on the next
        turns = random.random(count) < random.choice([0.02, 0.1, 0.3])
        x = places[(np.arange(count) + np.cumsum(turns)) % len(places)]
    y = turning + random.normal(0, random.choice([0, 5, 30]), count)
    accuracy = random.choice([5.0, np.nan, 90.0, 501.0], count, p=[0.5, 0.35, 0.1, 0.05])
    return Points.of(time_us, x / DEGREE_M, y / DEGREE_M, accuracy)


def decided(decisions: Decisions, begin_us: int, end_us: int) -> list[object]:
    """Everything that was decided about the points of a stretch of time."""
    cleaned = decisions.cleaned
    kept = cleaned.points.time_us
    here = np.flatnonzero((kept >= begin_us) & (kept < end_us))
    ends = [] if not len(here) else [decisions.began(here[0] - 1), decisions.ended(here[-1])]
    return [
        kept[here].tolist(),
        decisions.moving[here].tolist(),
        decisions.moving[here + 1].tolist(),
        decisions.stopped[here].tolist(),
        decisions.away[here].tolist(),
        decisions.is_mixed[here].tolist(),
        decisions.unseen_mm(here[:-1]).tolist(),
        [ends[0] if len(here) and not decisions.moving[here[0]] else None],
        [ends[1] if len(here) and not decisions.moving[here[-1] + 1] else None],
        *(
            times[(times >= begin_us) & (times < end_us)].tolist()
            for times in (cleaned.spike_us, cleaned.inaccurate_us, cleaned.duplicate_us)
        ),
    ]


@pytest.mark.parametrize("limits", [LIMITS, STAYS_ONLY], ids=["all", "stays"])
@pytest.mark.parametrize("block", range(5))
def test_windows_decide_as_the_whole_does(block: int, limits: Thresholds) -> None:
    reach_us = int(limits.reach_s * US) + 1
    for seed in range(block * 30, block * 30 + 30):
        points = doubtful(seed)
        whole = decide(points, limits)
        edges = np.random.default_rng(seed).choice(points.time_us, 5, replace=False)
        edges.sort()
        for begin_us, end_us in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            near = (points.time_us >= begin_us - reach_us) & (points.time_us < end_us + reach_us)
            part = decide(points[near], limits)
            assert decided(part, begin_us, end_us) == decided(whole, begin_us, end_us), seed


def test_the_points_are_doubtful_enough() -> None:
    seen = dict.fromkeys(("spikes", "stays", "moving", "away", "mixed", "paused"), 0)
    for seed in range(60):
        decisions = decide(doubtful(seed), LIMITS)
        seen["spikes"] += len(decisions.cleaned.spike_us)
        seen["stays"] += len(decisions.stays[0])
        seen["moving"] += int(decisions.moving.sum())
        seen["away"] += int(decisions.away.sum())
        seen["mixed"] += len(decisions.cleaned.mixed)
        seen["paused"] += len(decisions.paused)
    assert min(seen.values()) > 50, seen
