"""Which mode of its class a leg has, and the numbers that say so: speeds, the map, the prior."""

from collections.abc import Mapping

import numpy as np

from trackflow.categories.features import Slots
from trackflow.categories.mode_map import UNSEEN_S, Surroundings
from trackflow.categories.modes import CLASSES, Mode
from trackflow.categories.sequence import UNITS
from trackflow.geo.points import Ints

MOVING_MS = 0.5

RUNNING_KMH = 8.5
"""Half of the moving time above it: nobody walks that, and few run slower for long."""

FLYING_KMH = 350.0
"""Faster than any train in service (Shanghai's maglev aside)."""

TRAIN_KMH = 85.0
"""Metros are built for 80 km/h; a railway's trains pass it between almost any two stations."""

CYCLING_KMH, JAM_S = (14.0, 27.0), 300.0
"""A ride of five minutes whose fastest tenths stay within this is a bicycle's: a car that is stuck
is slower, and one that moves is faster now and then."""

MOSTLY_SEEN = 0.25
"""Share of the way: of long times without points only the mean speed is known, and that of a bus
is a bicycle's."""

NEAR_SHARE = 0.5


type Evidence = dict[str, float | str]


class Weigher:
    """Says the mode of runs of slots, with its probability and the evidence.

    Attributes:
        slots: of all journeys.
    """

    def __init__(
        self,
        slots: Slots,
        around: Surroundings | None,
        log_odds: Ints,
        prior: Mapping[Mode, float],
    ) -> None:
        """Keep what all runs need.

        Args:
            slots: of all journeys.
            around: what the map says of them.
            log_odds: of their classes, in `UNITS`, shape (classes, n).
            prior: weights of modes.
        """
        self.slots = slots
        self._around = around
        self._log_odds = log_odds
        self._prior = prior

    def __call__(self, state: int, part: slice, seconds: float) -> tuple[Mode, float, Evidence]:
        """The mode of a run, its class's probability, and the evidence.

        Args:
            state: number of its class.
            part: its slots.
            seconds: how long it lasts.
        """
        odds = self._log_odds[:, part].sum(axis=1) / UNITS / (part.stop - part.start)
        shares = np.exp(odds - odds.max())
        shares /= shares.sum()
        evidence = self._speeds(part)
        # of the others: the whole journey may have chosen a class with less than the largest share
        of_others = shares.tolist()
        probability, of_others[state] = round(of_others[state], 3), -1.0
        runner_up = max(range(len(of_others)), key=of_others.__getitem__)
        evidence["runner_up"] = CLASSES[runner_up]
        evidence["runner_up_probability"] = round(of_others[runner_up], 3)
        if self._around is not None:
            evidence |= self._around.evidence(part)
        return _mode_of(CLASSES[state], evidence, seconds, self._prior), probability, evidence

    def _speeds(self, part: slice) -> Evidence:
        unseen = self.slots.sampling_s[part] > UNSEEN_S
        unseen_ms = self.slots.speed_ms[part][unseen].sum()
        speed_ms = np.sort(self.slots.speed_ms[part])
        size, still = len(speed_ms), int(speed_ms.searchsorted(MOVING_MS))
        total_ms = speed_ms.sum()
        return {
            "mean_kmh": _kmh(total_ms / size),
            "moving_kmh": _kmh(speed_ms[still + (size - still) // 2]) if still < size else 0.0,
            "p85_kmh": _kmh(speed_ms[int(0.85 * size)]),
            "fastest_kmh": _kmh(speed_ms[int(0.95 * size)]),
            "unseen_share": round(np.count_nonzero(unseen) / size, 3),
            "unseen_way_share": round(float(unseen_ms) / max(float(total_ms), 0.1), 3),
        }


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
        is_seen = number("unseen_way_share") < MOSTLY_SEEN
        if may_ride and is_seen and seconds > JAM_S and slowest <= number("fastest_kmh") <= fastest:
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
