"""Stays and mileage on simulated days: trackflow against trackintel and movingpandas.

    python -m trackflow_tests.benchmarks.stays --quick     # trackflow only, seconds
"""

import argparse
from dataclasses import dataclass, fields
from typing import Any

from trackflow.tracks.thresholds import Thresholds
from trackflow_tests.benchmarks.movement_scores import DayScores, score_days
from trackflow_tests.benchmarks.movement_splitters import trackflow
from trackflow_tests.benchmarks.simulated_days import Tracker, observe, world

SEEDS = (1, 2, 3)
DWELL_S = Thresholds().dwell_s


def rows() -> dict[str, Tracker]:
    """Every tracker of the table by its name."""
    found = {"10 s, 10 m, clean": Tracker(10, 10, outliers=False, jams=False)}
    for sampling_s in (1, 10, 30, 60, 180, 600):
        for drift_m in (10, 30, 45):
            found[f"{sampling_s} s, {drift_m} m"] = Tracker(sampling_s, drift_m)
    found |= {
        "10 s, 30 m, white": Tracker(10, 30, white=True),
        "60 s, 30 m, white": Tracker(60, 30, white=True),
        "10 s, 10 m, no accuracy": Tracker(10, 10, accuracies=False),
        "10 s, 30 m, no accuracy": Tracker(10, 30, accuracies=False),
        "60 s, 30 m, no accuracy": Tracker(60, 30, accuracies=False),
        "10 s, 30 m, no outliers": Tracker(10, 30, outliers=False),
        "10 s, 30 m, no jams": Tracker(10, 30, jams=False),
        "30 s, 30 m, nights": Tracker(30, 30, nights=True),
        "180 s, 20 m": Tracker(180, 20),
        "silent 5 s, wake": Tracker(5, 20, silent="wake"),
        "silent 10 s, cold": Tracker(10, 20, silent="cold"),
        "silent 30 s, cold": Tracker(30, 20, silent="cold"),
        "silent 10 s, wake, beat 600 s": Tracker(10, 20, silent="wake", heartbeat_s=600),
        "silent 10 s, cold, beat 1800 s": Tracker(10, 20, silent="cold", heartbeat_s=1800),
        "silent 30 s, cold, beat 3600 s": Tracker(30, 30, silent="cold", heartbeat_s=3600),
        "silent 10 s, cold, beat 600 s, no accuracy": Tracker(
            10, 30, silent="cold", heartbeat_s=600, accuracies=False
        ),
    }
    return found


@dataclass(frozen=True, slots=True)
class Figures:
    """Means over the seeds, for four days.

    Attributes:
        found: stays of which one stop covers half.
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
    def of(cls, scores: list[DayScores]) -> "Figures":
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


def failures(figures: Figures, tracker: Tracker) -> list[str]:
    """Which of the limits a row breaks."""
    limit = 0.05 if tracker.sampling_s >= 180 else 0.02
    broken = []
    if tracker.drift_m <= 30 and figures.whole < 38 - (40 - figures.observable):
        broken.append("stays")
    if figures.cuts > 3:
        broken.append("cuts")
    if figures.phantom_share >= 0.01:
        broken.append("phantoms")
    # No length along the points can be better than that of a perfect detector's.
    if not min(figures.perfect, 1) - limit <= figures.own_mileage <= 1 + limit:
        broken.append("mileage")
    return broken


def line(name: str, figures: Figures, verdict: str) -> str:
    """One row of the table."""
    f = figures
    return (
        f"{name:44} {f.found:5.1f} {f.whole:5.1f} of {f.observable:4.1f} {f.cuts:5.1f} {f.lost:5.1f} {f.trips:6.2f}"
        f" {f.phantoms:6.1f} {f.phantom_share:7.1%} {f.stay_share:6.1%}"
        f" {f.mileage:6.3f} {f.own_mileage:6.3f} {f.perfect:6.3f}  {verdict}"
    )


HEAD = (
    f"{'tracker':44} {'found':>5} {'whole of':>13} {'cuts':>5} {'lost':>5} {'trips':>6} {'phant.':>6} {'ph. km':>7}"
    f" {'stay':>6} {'miles':>6} {'own':>6} {'perf.':>6}"
)


def quick(chosen: str = "", seeds: tuple[int, ...] = SEEDS) -> int:
    """Print trackflow's rows; returns how many fail."""
    print(HEAD)
    failed = 0
    for name, tracker in rows().items():
        if chosen not in name:
            continue
        scores = []
        for seed in seeds:
            truth = world(seed, jams=tracker.jams)
            points = observe(truth, tracker, seed)
            scores.append(score_days(truth, points, trackflow(points), DWELL_S))
        figures = Figures.of(scores)
        broken = failures(figures, tracker)
        failed += bool(broken)
        print(line(name, figures, " ".join(broken) or "ok"))
    print(f"{failed} rows fail")
    return failed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="trackflow only")
    parser.add_argument("--row", default="", help="only rows whose name has this in it")
    arguments = parser.parse_args()
    quick(arguments.row)


if __name__ == "__main__":
    main()
