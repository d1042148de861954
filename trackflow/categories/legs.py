"""Legs: the parts of a journey in one travel mode.

A journey is one or more tracks with short pauses between them: who waits ten minutes for a bus is
still on the way. A classifier gives each slot of half a minute the odds of four classes, the map
adds what it knows of rails and roads, a sequence model finds where the class changes, and the
speed, the gaps and the map say which mode of its class a leg is.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import Slots, slots_of
from trackflow.categories.mode_map import ModeMap, Surroundings
from trackflow.categories.mode_model import ModeModel, model
from trackflow.categories.modes import CLASS_OF, CLASSES, Mode
from trackflow.categories.sequence import decode
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Points

MODEL_VERSION = "4"
"""Changes whenever the same points may give other legs."""

PAUSE_S = 3600.0
"""Longest pause within a journey. People who write down how they travelled count waits, a lunch on
a walk and a long stop in traffic to the leg; with 15 minutes, twice as much of their time had no
leg."""

MODEL, PERSON = "model", "person"


@dataclass(frozen=True, slots=True)
class Correction:
    """A mode that a person decided for a time, in UTC microseconds since 1970."""

    start_us: int
    end_us: int
    mode: Mode


@dataclass(frozen=True, slots=True)
class Leg:
    """A part of a journey in one mode.

    Attributes:
        start_us: UTC microseconds since 1970.
        end_us: the same; the next leg of the journey begins there.
        mode: the travel mode.
        probability: of the mode's class, 0 to 1; 1 where a person decided.
        distance_mm: way between its points.
        decided_by: model or person.
        evidence: numbers by name that the decision rests on.
    """

    start_us: int
    end_us: int
    mode: Mode
    probability: float
    distance_mm: int
    decided_by: str
    evidence: Mapping[str, float | str] = field(default_factory=dict)


def legs_of(
    journey: Sequence[Points],
    *,
    mode_map: ModeMap | None = None,
    prior: Mapping[Mode, float] | None = None,
    corrections: Sequence[Correction] = (),
) -> list[Leg]:
    """The legs of a journey: they cover it without a hole.

    Args:
        journey: the points of its tracks, in order of time.
        mode_map: what is around; None if it is not known.
        prior: weights of modes for this device, 1 for the usual; what is missing is 1.
        corrections: of persons; of two for one time, the later one in this order counts.
    """
    return legs_of_each([journey], mode_map=mode_map, prior=prior, corrections=corrections)[0]


def legs_of_each(
    journeys: Sequence[Sequence[Points]],
    *,
    mode_map: ModeMap | None = None,
    prior: Mapping[Mode, float] | None = None,
    corrections: Sequence[Correction] = (),
    classifier: ModeModel | None = None,
) -> list[list[Leg]]:
    """The legs of many journeys of a device, by one computation: the same as one by one.

    Args:
        journeys: the points of the tracks of each, in order of time.
        mode_map: what is around; None if it is not known.
        prior: weights of modes for this device, 1 for the usual; what is missing is 1.
        corrections: of persons; of two for one time, the later one in this order counts.
        classifier: of slots; None for the package's.
    """
    all_points = [_distinct(Points.concat(journey)) for journey in journeys]
    moving = [points for points in all_points if len(points) > 1]
    if not moving:
        return [[] for _ in journeys]
    slots = slots_of(moving)
    around = mode_map.around(slots) if mode_map is not None else None
    log_odds = (classifier or model()).log_probabilities(slots.features)
    if around is not None:
        log_odds = log_odds + around.log_odds()
    weights = prior or {}
    log_odds = log_odds + _log_prior(weights)
    log_odds[slots.sampling_s > LONGEST_HOLE_S] = 0.0
    states = decode(slots.start_us, slots.edges, log_odds)
    journey_edges = iter(itertools.pairwise(slots.edges.tolist()))
    found: list[list[Leg]] = []
    for points in all_points:
        if len(points) < 2:
            found.append([])
            continue
        low, high = next(journey_edges)
        legs = _runs(points, states, slots, around, log_odds, weights, slice(low, high))
        found.append(_with_distances(_corrected(_joined(legs), corrections), points))
    return found


def _runs(
    points: Points,
    states: NDArray[np.int8],
    slots: Slots,
    around: Surroundings | None,
    log_odds: Floats,
    prior: Mapping[Mode, float],
    journey: slice,
) -> list[Leg]:
    """A leg for each run of slots of one state.

    Args:
        points: of the journey.
        states: of the slots of all journeys.
        slots: of all journeys.
        around: what the map says of them.
        log_odds: of their classes.
        prior: weights of modes.
        journey: its slots.
    """
    of_journey = _without_short_runs(states[journey])
    borders = np.flatnonzero(np.diff(of_journey)) + 1
    edges = [0, *borders.tolist(), len(of_journey)]
    found = []
    for first, last in itertools.pairwise(edges):
        part = slice(journey.start + first, journey.start + last)
        start_us = points.time_us[0] if first == 0 else slots.start_us[part.start]
        end_us = points.time_us[-1] if last == len(of_journey) else slots.start_us[part.stop]
        state = int(of_journey[first])
        found.append(_leg(int(start_us), int(end_us), state, slots, around, log_odds, prior, part))
    return found


def _without_short_runs(states: NDArray[np.int8]) -> NDArray[np.int8]:
    """States whose runs last at least `SHORTEST_SLOTS`: a shorter one is part of the one before."""
    edges = np.flatnonzero(np.diff(states, prepend=-1, append=-1))
    is_long = np.diff(edges) >= SHORTEST_SLOTS
    if is_long.all() or not is_long.any():
        return states
    # the last long run up to each; the first long one for those before it
    last = np.maximum.accumulate(np.where(is_long, np.arange(len(is_long)), -1))
    source = np.where(last < 0, is_long.argmax(), last)
    return np.repeat(states[edges[:-1]][source], np.diff(edges))


def _distinct(points: Points) -> Points:
    keep = np.ones(len(points), dtype=bool)
    keep[1:] = np.diff(points.time_us) > 0
    return points[keep]


def _log_prior(prior: Mapping[Mode, float]) -> Floats:
    """Per class: the logarithm of the largest weight of its modes."""
    weights = np.ones(len(CLASSES))
    for number, name in enumerate(CLASSES):
        of_class = [weight for mode, weight in prior.items() if CLASS_OF.get(mode) == name]
        if of_class:
            weights[number] = max(of_class)
    found: Floats = np.log(np.maximum(weights, 1e-6))
    return found


def _leg(
    start_us: int,
    end_us: int,
    state: int,
    slots: Slots,
    around: Surroundings | None,
    log_odds: Floats,
    prior: Mapping[Mode, float],
    part: slice,
) -> Leg:
    """A leg of one class, with its mode and the evidence.

    Args:
        start_us: its start.
        end_us: its end.
        state: number of its class.
        slots: of the whole journey.
        around: what the map says of them.
        log_odds: of their classes.
        prior: weights of modes.
        part: the leg's slots.
    """
    odds = log_odds[part].sum(axis=0) / (part.stop - part.start)
    shares = np.exp(odds - odds.max())
    shares /= shares.sum()
    speed_ms = np.sort(slots.speed_ms[part])
    moving = speed_ms[np.searchsorted(speed_ms, MOVING_MS) :]
    unseen = np.count_nonzero(slots.sampling_s[part] > UNSEEN_S)
    evidence: dict[str, float | str] = {
        "mean_kmh": _kmh(speed_ms.sum() / len(speed_ms)),
        "moving_kmh": _kmh(moving[len(moving) // 2]) if len(moving) else 0.0,
        "p85_kmh": _kmh(speed_ms[int(0.85 * len(speed_ms))]),
        "fastest_kmh": _kmh(speed_ms[int(0.95 * len(speed_ms))]),
        "unseen_share": round(float(unseen) / len(speed_ms), 3),
    }
    # of the others: the whole journey may have chosen a class with less than the largest share
    runner_up = int(np.argmax(np.where(np.arange(len(shares)) == state, -1.0, shares)))
    evidence |= {
        "runner_up": CLASSES[runner_up],
        "runner_up_probability": round(float(shares[runner_up]), 3),
    }
    if around is not None:
        evidence |= around.evidence(part)
    mode = _mode_of(CLASSES[state], evidence, (end_us - start_us) / 1e6, prior)
    probability = round(float(shares[state]), 3)
    return Leg(start_us, end_us, mode, probability, 0, MODEL, evidence)


SHORTEST_SLOTS = 2
"""A minute: what is shorter is a halt, a corner, or a position that was wrong."""

MOVING_MS = 0.5
UNSEEN_S = 60.0

LONGEST_HOLE_S = 900.0
"""A longer time without points says nothing of how the device moved meanwhile: a bus that is seen
again 40 minutes later at the other end of its line looked like a metro."""

RUNNING_KMH = 8.5
"""Half of the moving time above it: nobody walks that, and few run slower for long."""

FLYING_KMH = 350.0
"""Faster than any train in service (Shanghai's maglev aside)."""

TRAIN_KMH = 85.0
"""Metros are built for 80 km/h; a railway's trains pass it between almost any two stations."""

CYCLING_KMH, JAM_S = (14.0, 27.0), 300.0
"""A ride of five minutes whose fastest tenths stay within this is a bicycle's: a car that is stuck
is slower, and one that moves is faster now and then."""

NEAR_SHARE = 0.5


def _mode_of(
    name: str, evidence: Mapping[str, float | str], seconds: float, prior: Mapping[Mode, float]
) -> Mode:
    """The mode of a leg of this class.

    Args:
        name: of the class.
        evidence: speeds, and what the map says.
        seconds: how long it lasts.
        prior: weights of modes: a plough is as slow as a bicycle, and known to be none.
    """

    def number(key: str) -> float:
        return float(evidence.get(key, 0.0))

    if name == "foot":
        return Mode.RUNNING if number("moving_kmh") > RUNNING_KMH else Mode.WALKING
    if name == "bicycle":
        return Mode.CYCLING
    if name == "road":
        slowest, fastest = CYCLING_KMH
        may_ride = prior.get(Mode.CYCLING, 1.0) >= prior.get(Mode.DRIVING, 1.0)
        if may_ride and seconds > JAM_S and slowest <= number("fastest_kmh") <= fastest:
            return Mode.CYCLING
        is_bus = number("halts_at_bus_stops") >= NEAR_SHARE
        return Mode.BUS if is_bus else Mode.DRIVING
    if number("fastest_kmh") > FLYING_KMH:
        return Mode.FLYING
    near = {
        Mode.BOAT: number("ferry_share"),
        Mode.TRAM: number("tram_share"),
        Mode.SUBWAY: number("subway_share"),
        Mode.TRAIN: number("rail_share"),
    }
    best = max(near, key=lambda mode: near[mode])
    if near[best] >= NEAR_SHARE:
        return best
    return Mode.TRAIN if number("fastest_kmh") > TRAIN_KMH else Mode.SUBWAY


def _kmh(speed_ms: float) -> float:
    return round(float(speed_ms) * 3.6, 1)


def _joined(legs: Sequence[Leg]) -> list[Leg]:
    """Neighbours of one mode become one leg: two blocks may differ in their states at a seam."""
    found: list[Leg] = []
    for leg in legs:
        if found and (found[-1].mode, found[-1].decided_by) == (leg.mode, leg.decided_by):
            found[-1] = _merged(found[-1], leg)
        else:
            found.append(leg)
    return found


def _merged(a: Leg, b: Leg) -> Leg:
    longer = a if a.end_us - a.start_us >= b.end_us - b.start_us else b
    weights = [a.end_us - a.start_us, b.end_us - b.start_us]
    probability = np.average([a.probability, b.probability], weights=np.maximum(weights, 1))
    return Leg(
        a.start_us, b.end_us, a.mode, round(float(probability), 3), 0, a.decided_by, longer.evidence
    )


def _corrected(legs: Sequence[Leg], corrections: Sequence[Correction]) -> list[Leg]:
    """Legs with what persons decided; they are split where a correction begins or ends."""
    found = list(legs)
    for one in corrections:
        found = [piece for leg in found for piece in _cut(leg, one)]
    return _joined(found)


def _cut(leg: Leg, one: Correction) -> list[Leg]:
    start_us, end_us = max(leg.start_us, one.start_us), min(leg.end_us, one.end_us)
    if start_us >= end_us:
        return [leg]
    evidence = {key: value for key, value in leg.evidence.items() if key != "model_said"}
    said = leg.evidence.get("model_said", leg.mode.value)
    middle = Leg(start_us, end_us, one.mode, 1.0, 0, PERSON, {**evidence, "model_said": said})
    before = _between(leg, leg.start_us, start_us)
    after = _between(leg, end_us, leg.end_us)
    return [piece for piece in (before, middle, after) if piece.start_us < piece.end_us]


def _between(leg: Leg, start_us: int, end_us: int) -> Leg:
    return Leg(start_us, end_us, leg.mode, leg.probability, 0, leg.decided_by, leg.evidence)


def _with_distances(legs: Sequence[Leg], points: Points) -> list[Leg]:
    """The way of each leg; a step across a border is shared by time."""
    steps_mm = np.rint(step_m(points.lon, points.lat) * 1000).astype(np.int64)
    way_mm = np.concatenate([[0], np.cumsum(steps_mm)])
    edges_us = np.array([legs[0].start_us, *(leg.end_us for leg in legs)])
    after = np.clip(np.searchsorted(points.time_us, edges_us), 1, len(points) - 1)
    elapsed = edges_us - points.time_us[after - 1]
    whole = points.time_us[after] - points.time_us[after - 1]
    part_mm = np.rint(steps_mm[after - 1] * np.clip(elapsed / whole, 0, 1)).astype(np.int64)
    reached_mm: NDArray[np.int64] = way_mm[after - 1] + part_mm
    return [
        Leg(
            leg.start_us,
            leg.end_us,
            leg.mode,
            leg.probability,
            int(reached_mm[k + 1] - reached_mm[k]),
            leg.decided_by,
            leg.evidence,
        )
        for k, leg in enumerate(legs)
    ]
