"""Legs: the parts of a journey in one travel mode.

A journey is one or more tracks with short pauses between them: who waits ten minutes for a bus is
still on the way. A classifier gives each slot of half a minute the odds of four classes, the map
adds what it knows of rails and roads, a sequence model finds where the class changes, and the
speed, the gaps and the map say which mode of its class a leg is.
"""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from trackflow.categories.features import Slots, slots_of
from trackflow.categories.journeys import Journeys
from trackflow.categories.leg_modes import Weigher
from trackflow.categories.mode_map import ModeMap, Surroundings
from trackflow.categories.mode_model import ModeModel, model
from trackflow.categories.modes import CLASS_OF, CLASSES, Mode
from trackflow.categories.physics import RAIL, is_standing, weighed, with_pushed_bicycles
from trackflow.categories.sequence import UNITS, decode
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Ints, Points

MODEL_VERSION = "6"
"""Changes whenever the same points may give other legs."""

SHORTEST_SLOTS = 2
"""A minute: what is shorter is a halt, a corner, or a position that was wrong."""

LONGEST_HOLE_S = 900.0
"""A longer time without points says nothing of how the device moved meanwhile: a bus that is seen
again 40 minutes later at the other end of its line looked like a metro."""

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
    moving = Journeys.of(journeys)
    found: list[list[Leg]] = [[] for _ in journeys]
    if not len(moving.numbers):
        return found
    slots = slots_of(moving)
    around = mode_map.around(slots) if mode_map is not None else None
    log_odds = _log_odds(slots, around, prior or {}, classifier or model())
    states = decode(slots.start_us, slots.edges, log_odds)
    weigh = Weigher(slots, around, log_odds, prior or {})
    time_us = moving.points.time_us
    way_mm = _way_mm(moving.points)
    spans = itertools.pairwise(moving.edges.tolist())
    slot_spans = itertools.pairwise(slots.edges.tolist())
    for number, (first, last), (low, high) in zip(moving.numbers, spans, slot_spans, strict=True):
        legs = _runs(time_us[first:last], states[low:high], weigh, low)
        legs = _corrected(_joined(legs), corrections)
        found[number] = _with_distances(legs, time_us[first:last], way_mm[first:last])
    return found


def _log_odds(
    slots: Slots,
    around: Surroundings | None,
    prior: Mapping[Mode, float],
    classifier: ModeModel,
) -> Ints:
    """Logarithms of the classes' probabilities, in `UNITS`, shape (classes, n).

    Args:
        slots: of all journeys.
        around: what the map says of them.
        prior: weights of modes.
        classifier: of slots.
    """
    log_odds = classifier.log_probabilities(slots.features)
    by_map = around.log_odds() if around is not None else np.zeros_like(log_odds)
    log_odds = weighed(log_odds + by_map, slots, may_be_rail=by_map[:, RAIL] >= 0)
    log_odds[is_standing(slots)] = 0.0
    found = np.rint((log_odds + _log_prior(prior)).T * UNITS).astype(np.int64)
    found[:, slots.sampling_s > LONGEST_HOLE_S] = 0
    return found


def _runs(time_us: Ints, states: NDArray[np.int8], weigh: Weigher, offset: int) -> list[Leg]:
    """A leg for each run of slots of one state of a journey.

    Args:
        time_us: of the journey's points.
        states: of its slots.
        weigh: says the mode of a run.
        offset: number of its first slot.
    """
    slots = weigh.slots
    there = slice(offset, offset + len(states))
    edges, kinds = with_pushed_bicycles(*_long_runs(states), slots.lon[there], slots.lat[there])
    start_us = slots.start_us[there]
    found = []
    for kind, (first, last) in zip(kinds, itertools.pairwise(edges), strict=True):
        begin_us = int(time_us[0] if first == 0 else start_us[first])
        end_us = int(time_us[-1] if last == len(states) else start_us[last])
        part = slice(offset + first, offset + last)
        mode, probability, evidence = weigh(kind, part, (end_us - begin_us) / 1e6)
        found.append(Leg(begin_us, end_us, mode, probability, 0, MODEL, evidence))
    return found


def _long_runs(states: NDArray[np.int8]) -> tuple[list[int], list[int]]:
    """The edges of runs of slots of one state, and their states.

    A run of less than `SHORTEST_SLOTS` is part of the one before it, or of the first long one.
    """
    edges = [0, *(np.flatnonzero(states[1:] != states[:-1]) + 1).tolist(), len(states)]
    long = [k for k, (a, b) in enumerate(itertools.pairwise(edges)) if b - a >= SHORTEST_SLOTS]
    kinds = states[edges[:-1]].tolist()
    begins = [k for n, k in enumerate(long or [0]) if n == 0 or kinds[k] != kinds[long[n - 1]]]
    if not long:
        return edges, kinds
    return [0, *(edges[k] for k in begins[1:]), len(states)], [kinds[k] for k in begins]


def _log_prior(prior: Mapping[Mode, float]) -> Floats:
    """Per class: the logarithm of the largest weight of its modes."""
    weights = np.ones(len(CLASSES))
    for number, name in enumerate(CLASSES):
        of_class = [weight for mode, weight in prior.items() if CLASS_OF.get(mode) == name]
        if of_class:
            weights[number] = max(of_class)
    found: Floats = np.log(np.maximum(weights, 1e-6))
    return found


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


def _way_mm(points: Points) -> Ints:
    """The way from the first point to each."""
    found = np.zeros(len(points), dtype=np.int64)
    np.cumsum(np.rint(step_m(points.lon, points.lat) * 1000).astype(np.int64), out=found[1:])
    return found


def _with_distances(legs: Sequence[Leg], time_us: Ints, way_mm: Ints) -> list[Leg]:
    """The way of each leg; a step across a border is shared by time."""
    edges_us = np.array([legs[0].start_us, *(leg.end_us for leg in legs)])
    after = np.minimum(np.maximum(time_us.searchsorted(edges_us), 1), len(time_us) - 1)
    before = after - 1
    share = (edges_us - time_us[before]) / (time_us[after] - time_us[before])
    part_mm = np.rint((way_mm[after] - way_mm[before]) * np.minimum(np.maximum(share, 0), 1))
    reached_mm = (way_mm[before] + part_mm.astype(np.int64)).tolist()
    return [
        dataclasses.replace(leg, distance_mm=end_mm - start_mm)
        for leg, (start_mm, end_mm) in zip(legs, itertools.pairwise(reached_mm), strict=True)
    ]
