"""Explains the travel mode of a moment: the leg that covers it, and what its mode rests on."""

import datetime as dt
from dataclasses import dataclass
from typing import Any

from trackflow.categories.legs import PERSON
from trackflow.context import Context
from trackflow.store.categories.legs import leg_at

KMH = {"mean_kmh": "on average", "moving_kmh": "while moving", "fastest_kmh": "at most"}
SHARES = {
    "rail_share": "railways",
    "tram_share": "tramways",
    "subway_share": "subways",
    "road_share": "roads",
    "cycleway_share": "cycle ways",
    "path_share": "foot paths",
    "ferry_share": "ferry lines",
}


@dataclass(frozen=True, slots=True)
class LegExplanation:
    """A leg and why it has its mode.

    Attributes:
        start_time: UTC.
        end_time: UTC.
        mode: the travel mode.
        probability: of the mode's class, 0 to 1.
        distance_m: way between its points.
        decided_by: model or person.
        evidence: numbers by name that the decision rests on.
    """

    start_time: dt.datetime
    end_time: dt.datetime
    mode: str
    probability: float
    distance_m: float
    decided_by: str
    evidence: dict[str, Any]

    def __str__(self) -> str:
        times = f"from {_text(self.start_time)} to {_text(self.end_time)}"
        way = f"{self.distance_m / 1000:.1f} km: {self.mode}, {self._decided()}"
        lines = [f"It is part of a leg {times}, {way}."]
        speeds = [
            f"{self.evidence[name]:.0f} km/h {words}"
            for name, words in KMH.items()
            if name in self.evidence
        ]
        if speeds:
            lines.append(f"  speed: {', '.join(speeds)}")
        shares = [
            f"{words} {self.evidence[name]:.0%}"
            for name, words in SHARES.items()
            if name in self.evidence
        ]
        if shares:
            lines.append(f"  moving time near: {', '.join(shares)}")
        if "halts_at_bus_stops" in self.evidence:
            lines.append(f"  halts at bus stops: {self.evidence['halts_at_bus_stops']:.0%}")
        if "runner_up" in self.evidence:
            second = self.evidence["runner_up_probability"]
            lines.append(f"  next best class: {self.evidence['runner_up']}, {second:.0%}")
        return "\n".join(lines)

    def _decided(self) -> str:
        if self.decided_by != PERSON:
            return f"told by the model, {self.probability:.0%} sure of its class"
        said = self.evidence.get("model_said")
        return "decided by a person" + (f"; the model said {said}" if said else "")


def explain_leg(context: Context, device_id: str, moment: dt.datetime) -> LegExplanation | None:
    """The explanation of the leg that covers a moment; None if no leg does."""
    with context.store.read() as connection:
        row = leg_at(connection, device_id, moment)
    if row is None:
        return None
    return LegExplanation(**{name: row[name] for name in LegExplanation.__dataclass_fields__})


def _text(time: dt.datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
