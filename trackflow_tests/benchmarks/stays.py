"""Stays and mileage on simulated days: trackflow against trackintel and movingpandas.

Each row is a way of reporting, in three worlds of four days: 40 stays, 36 drives. Each library has
the parameters that are best for it in that row (on the first world; the grid is below).

`found`: half of the stay lies in stops; `whole`: and no phantom trip is in it, of those that the
fixes can show. `cuts`: true drives interrupted. `lost`: drives of which less than half is seen.
`trips`: per true drive. `phant.`: trips in which nothing moved, their length over the true one,
and the length of all steps at stays. `miles`: length along the points of all movement over the
true length; `own`: the splitter's own length; `perf.`: what a perfect detector has with the same
fixes without noise, along straight lines. A row fails if a limit is broken, or if a library is
better in any figure, unless that library loses half of the drives. At 45 m only the comparison and
the cuts count.

    python -m trackflow_tests.benchmarks.stays --quick                   # trackflow only: seconds
    python -m trackflow_tests.benchmarks.stays --quick --kept FILE.json  # against an earlier run
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol, Self, TextIO

import numpy as np

from trackflow.geo.points import Points
from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_scores import DayScores, Movement, score_days
from trackflow_tests.benchmarks.movement_splitters import (
    Limits,
    movingpandas,
    trackflow,
    trackintel,
)
from trackflow_tests.benchmarks.simulated_days import DAYS, STAYS_A_DAY
from trackflow_tests.benchmarks.simulated_trackers import Tracker, observe


class Library(Protocol):
    """A splitter with parameters."""

    def __call__(self, points: Points, limits: Limits) -> Movement:
        """Movement and stops of the points."""


SEEDS = (1, 2, 3)
DWELL_S = Thresholds().dwell_s
JUDGED_DRIFT_M = 30.0
"""With more drift, only the comparison with the libraries and the cuts count."""

LIBRARIES: dict[str, Library] = {"trackintel": trackintel, "movingpandas": movingpandas}
GRID = {
    "diameter_m": (100.0, 50.0, 150.0, 200.0, 300.0),
    "dwell_min": (3.0, 4.0, 7.0),
    "gap_min": (60.0, 1440.0),
}


def rows() -> dict[str, Tracker]:
    """Every tracker of the table by its name."""
    found = {"10 s, 10 m, clean": Tracker(10, 10, outliers=False, jams=False)}
    for sampling_s in (10, 30, 60, 180, 600):
        for drift_m in (10, 30, 45):
            found[f"{sampling_s} s, {drift_m} m"] = Tracker(sampling_s, drift_m)
    found |= {
        "10 s, 30 m, white": Tracker(10, 30, white=True),
        "60 s, 30 m, white": Tracker(60, 30, white=True),
        "10 s, 10 m, no accuracy": Tracker(10, 10, accuracies="absent"),
        "10 s, 30 m, no accuracy": Tracker(10, 30, accuracies="absent"),
        "60 s, 30 m, no accuracy": Tracker(60, 30, accuracies="absent"),
        "10 s, 30 m, no outliers": Tracker(10, 30, outliers=False),
        "10 s, 30 m, no jams": Tracker(10, 30, jams=False),
        "30 s, 30 m, nights": Tracker(30, 30, nights=True),
        "180 s, 20 m": Tracker(180, 20),
        "10 s, 20 m, accuracy 0": Tracker(10, 20, accuracies="zero"),
        "10 s, 20 m, yards": Tracker(10, 20, trips="yards"),
        "30 s, 20 m, yards": Tracker(30, 20, trips="yards"),
        "5 s, 10 m, walks": Tracker(5, 10, trips="walks"),
        "30 s, 20 m, walks": Tracker(30, 20, trips="walks"),
        "10 s, 20 m, tunnels": Tracker(10, 20, tunnels=True),
        "5 s, 10 m, repeated fixes": Tracker(5, 10, repeats=True),
        "60 s, 20 m, towers": Tracker(60, 20, towers=True),
        "60 s, 20 m, towers, no accuracy": Tracker(60, 20, towers=True, accuracies="absent"),
        "120 s, 30 m, towers, no accuracy": Tracker(120, 30, towers=True, accuracies="absent"),
        "silent 5 s, wake": Tracker(5, 20, silent="wake"),
        "silent 10 s, cold": Tracker(10, 20, silent="cold"),
        "silent 30 s, cold": Tracker(30, 20, silent="cold"),
        "silent 10 s, wake, beat 600 s": Tracker(10, 20, silent="wake", heartbeat_s=600),
        "silent 10 s, cold, beat 1800 s": Tracker(10, 20, silent="cold", heartbeat_s=1800),
        "silent 30 s, cold, beat 3600 s": Tracker(30, 30, silent="cold", heartbeat_s=3600),
        "silent 10 s, cold, beat 600 s, no accuracy": Tracker(
            10, 30, silent="cold", heartbeat_s=600, accuracies="absent"
        ),
    }
    # Last, as movingpandas takes minutes for each.
    return found | {f"1 s, {drift_m} m": Tracker(1, drift_m) for drift_m in (10, 30, 45)}


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the seeds, for four days.

    Attributes:
        found: stays of which half lies in stops.
        whole: found stays without a phantom trip within.
        observable: stays that can be found.
        cuts: spurious cuts.
        lost: drives lost.
        trips: trips per drive.
        phantoms: phantom trips.
        phantom_share: their length over the true length.
        stay_share: length of steps at stays over the true length.
        mileage: length along the points of all movement over the true length.
        own_mileage: the splitter's own length over the true length.
        perfect: mileage of a perfect detector that has the same fixes without noise.
    """

    found: float
    whole: float
    observable: float
    cuts: float
    lost: float
    trips: float
    phantoms: float
    phantom_share: float
    stay_share: float
    mileage: float
    own_mileage: float
    perfect: float

    @classmethod
    def of(cls, scores: list[DayScores]) -> Self:
        """The figures of the same tracker in several worlds."""
        n = len(scores)
        total: dict[str, Any] = {
            f.name: sum(getattr(s, f.name) for s in scores) for f in fields(DayScores)
        }
        true_m = total["true_m"]
        return cls(
            found=total["found"] / n,
            whole=total["whole"] / n,
            observable=total["observable"] / n,
            cuts=total["cuts"] / n,
            lost=total["lost"] / n,
            trips=total["trips"] / total["drives"],
            phantoms=total["phantoms"] / n,
            phantom_share=total["phantom_m"] / true_m,
            stay_share=total["stay_m"] / true_m,
            mileage=total["length_m"] / true_m,
            own_mileage=total["own_m"] / true_m,
            perfect=total["perfect_m"] / true_m,
        )


def mileage_error(figures: Figures) -> float:
    """How far the mileage lies outside of what a perfect detector shows and the truth.

    No length along the points can be nearer to the truth than a perfect detector's, whose chords
    cut the corners of the road.
    """
    own = figures.own_mileage
    return max(min(figures.perfect, 1.0) - own, own - 1.0, 0.0)


def failures(figures: Figures, tracker: Tracker) -> list[str]:
    """Which of the limits a row breaks."""
    broken = []
    if tracker.drift_m <= JUDGED_DRIFT_M and figures.whole < 38 - (40 - figures.observable):
        broken.append("stays")
    if figures.cuts > 3:
        broken.append("cuts")
    if tracker.drift_m <= JUDGED_DRIFT_M and figures.phantom_share >= 0.01:
        broken.append("phantoms")
    if tracker.drift_m <= JUDGED_DRIFT_M and mileage_error(figures) > mileage_limit(tracker):
        broken.append("mileage")
    return broken


def mileage_limit(tracker: Tracker) -> float:
    """How far the mileage may be off."""
    return 0.05 if tracker.sampling_s >= 180 else 0.02


def behind(ours: Figures, theirs: Figures) -> list[str]:
    """In which figures a library is better by more than one count in three worlds.

    A library that loses half of the drives is no rival: no movement has no cuts and no phantoms.
    """
    if theirs.lost > DAYS * (STAYS_A_DAY - 1) / 2:
        return []
    pairs = {
        "stays": (theirs.whole - ours.whole, 0.34),
        "cuts": (ours.cuts - theirs.cuts, 0.34),
        "phantoms": (ours.phantoms - theirs.phantoms, 0.34),
        "phantom km": (ours.phantom_share - theirs.phantom_share, 0.001),
        "mileage": (mileage_error(ours) - mileage_error(theirs), 0.002),
    }
    return [name for name, (lead, least) in pairs.items() if lead > least]


def loss(figures: Figures, tracker: Tracker) -> float:
    """What the best parameters of a library make smallest: its faults in units of the limits."""
    return (
        (figures.observable - figures.whole) / 2
        + figures.cuts / 3
        + figures.phantom_share / 0.01
        + mileage_error(figures) / mileage_limit(tracker)
    )


type Splitter = Callable[[Points], Movement]


def measure(tracker: Tracker, splitter: Splitter, seeds: Sequence[int]) -> Figures:
    """The figures of a splitter for one tracker."""
    scores = []
    for seed in seeds:
        truth = tracker.world(seed)
        points = observe(truth, tracker, seed)
        scores.append(score_days(truth, points, splitter(points), DWELL_S))
    return Figures.of(scores)


def best_limits(tracker: Tracker, library: Library, seed: int) -> Limits:
    """The best parameters for one row: the diameter first, then the dwell time, then the gap.

    Those of 1 Hz are those of 10 s.
    """
    # movingpandas takes minutes for each try at 1 Hz.
    tracker = replace(tracker, sampling_s=max(tracker.sampling_s, 10))
    best, least = Limits(), np.inf
    known: set[Limits] = set()
    for name, values in GRID.items():
        start = best
        for value in values:
            limits = replace(start, **{name: value})
            if limits in known:
                continue
            known.add(limits)
            now = loss(measure(tracker, partial(library, limits=limits), [seed]), tracker)
            if now < least:
                best, least = limits, now
    return best


def compare(
    chosen: str = "",
    *,
    seeds: Sequence[int] = SEEDS,
    libraries: bool = True,
    kept: Path | None = None,
    out: TextIO = sys.stdout,
) -> dict[str, Any]:
    """Print the table; returns its figures by row and splitter.

    Args:
        chosen: only rows whose name has this in it.
        seeds: the worlds.
        libraries: also run trackintel and movingpandas.
        kept: a file of the libraries' figures: those that it has are taken from there.
        out: where the table goes.
    """
    print(HEAD, file=out)
    known = json.loads(kept.read_text()) if kept and kept.exists() else {}
    table: dict[str, Any] = {}
    for name, tracker in rows().items():
        if chosen not in name:
            continue
        ours = measure(tracker, trackflow, seeds)
        key = repr((tracker, tuple(seeds)))
        if libraries and key not in known:
            known[key] = _libraries(tracker, seeds)
            if kept:
                kept.write_text(json.dumps(known, indent=1))
        broken = failures(ours, tracker)
        theirs = known.get(key, {})
        for library, (_, figures) in theirs.items():
            better = behind(ours, Figures(**figures))
            broken += [f"{library} has better {', '.join(better)}"] if better else []
        judged = bool(theirs) or tracker.drift_m <= JUDGED_DRIFT_M
        print(line(name, ours, "; ".join(broken) or ("ok" if judged else "not judged")), file=out)
        for library, (limits, figures) in theirs.items():
            print(line(f"    {library}", Figures(**figures), limits), file=out, flush=True)
        table[name] = {"trackflow": asdict(ours), "broken": broken, **theirs}
    failed = sum(bool(row["broken"]) for row in table.values())
    print(f"{failed} of {len(table)} rows fail", file=out)
    return table


def _libraries(tracker: Tracker, seeds: Sequence[int]) -> dict[str, tuple[str, dict[str, float]]]:
    found = {}
    for name, library in LIBRARIES.items():
        limits = best_limits(tracker, library, seeds[0])
        worlds = seeds[:1] if tracker.sampling_s == 1 else seeds
        figures = measure(tracker, partial(library, limits=limits), worlds)
        found[name] = (str(limits), asdict(figures))
    return found


def line(name: str, figures: Figures, verdict: str) -> str:
    """One row of the table."""
    f = figures
    return (
        f"{name:42} {f.found:5.1f} {f.whole:5.1f} of {f.observable:4.1f} {f.cuts:5.1f}"
        f" {f.lost:5.1f} {f.trips:6.2f} {f.phantoms:6.1f} {f.phantom_share:7.1%}"
        f" {f.stay_share:6.1%} {f.mileage:6.3f} {f.own_mileage:6.3f} {f.perfect:6.3f}  {verdict}"
    )


HEAD = (
    f"{'tracker':42} {'found':>5} {'whole of':>13} {'cuts':>5} {'lost':>5} {'trips':>6}"
    f" {'phant.':>6} {'ph. km':>7} {'stay':>6} {'miles':>6} {'own':>6} {'perf.':>6}"
)


def run() -> dict[str, float | int | str]:
    """How many rows fail, and what fails in each."""
    table = compare(out=sys.stderr)
    return {
        "rows": len(table),
        "failed": sum(bool(row["broken"]) for row in table.values()),
        **{name: "; ".join(row["broken"]) or "ok" for name, row in table.items()},
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="run trackflow only")
    parser.add_argument("--row", default="", help="only rows whose name has this in it")
    parser.add_argument("--kept", type=Path, help="a file that keeps the libraries' figures")
    arguments = parser.parse_args()
    compare(arguments.row, libraries=not arguments.quick, kept=arguments.kept)


if __name__ == "__main__":
    main()
