"""The numbers that decide where tracks are cut; a device may override any of them."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Self

from trackflow.errors import SettingsError

US = 1_000_000
"""Microseconds per second."""

SLOT_S = 30.0
"""Points are looked at in slots of this length, shorter than any stay worth the name."""

MIX_S = 300.0
"""Points further apart than this in time do not count as one mixture of two senders."""

AWAY_S = 900.0
"""A device that is away from where it rests for longer was there; the rules for stays decide."""

AROUND_S = 2700.0
"""The time before and after an excursion that shows where the device rests."""

WALK_S = 150.0
"""A walk between a parked vehicle and a building takes no longer."""

SHIFT_S = 150.0
"""A way from one rest to the next takes longer, or is looked for as a shift."""

LONGEST_STRETCH_S = 1200.0
"""A stay is proved by a stretch of this length at most."""

SPIKE_ROUNDS = 2
"""How often spikes are looked for, each time among what the round before has left."""

FROZEN_S = 1800.0
"""A device repeats a fix no longer than this while it moves on: a ride in the underground."""

RANGES: Mapping[str, tuple[float, float]] = {
    "gap_s": (1, 21_600),
    "silence_s": (0, 43_200),  # a longer one could span a whole day, and days join neighbours only
    "max_speed_kmh": (1, 4_000),
    "noise_m": (0, 1_000),
    "max_accuracy_m": (1, 100_000),
    "spike_s": (1, 3_600),
    "spike_points": (0, 5),
    "dwell_s": (2, 21_600),
    "dwell_radius_m": (1, 10_000),
    "min_track_m": (0, 1_000_000),
    "min_track_points": (1, 1_000_000),
}
"""What each threshold may be, both ends included."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Limits of the rules; the defaults are for vehicles and phones.

    Attributes:
        gap_s: a longer time without points is a silence; its ends decide what it was.
        silence_s: a longer silence always cuts the track; below `gap_s` it has no effect.
        max_speed_kmh: a faster step is impossible, unless several neighbours agree on its speed.
        noise_m: how far a step may be off before its speed means anything. Without it, the jitter
            of 10 Hz data looks like hundreds of km/h.
        max_accuracy_m: points that claim to be less accurate than this are dropped.
        spike_s: spikes are only looked for between points at most this far apart in time.
        spike_points: the longest run of points that can be a spike.
        dwell_s: how long a stay lasts at least.
        dwell_radius_m: a stay fits into a box whose diagonal is twice this.
        min_track_m: a shorter track is dropped, once it is merged over all its days.
        min_track_points: a track of fewer points is dropped, once merged.

    Raises:
        SettingsError: a value is not a number or out of its range.
    """

    gap_s: float = 600.0
    silence_s: float = 9_000.0
    max_speed_kmh: float = 250.0
    noise_m: float = 50.0
    max_accuracy_m: float = 500.0
    spike_s: float = 300.0
    spike_points: int = 3
    dwell_s: float = 300.0
    dwell_radius_m: float = 50.0
    min_track_m: float = 100.0
    min_track_points: int = 2

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            _check(name, getattr(self, name), low, high)

    @property
    def reach_s(self) -> float:
        """No decision looks further than this from its point; a buffer must be longer.

        It is the sum of how far each rule looks, as each rests on those before it:

        - cleaning: whether a step is impossible hangs on two steps to either side; a mixture on
          such steps twice `MIX_S` away; a round of spikes on a run, the runs that compete with it
          and the points beside those; frozen fixes on how the device moves before and after them;
        - slots, the slot beside each for laps, and excursions among them: the time away, the time
          around, those again for the other excursions that they are compared with, and the rest
          before these;
        - stays: the longest stretch and one more step, which may be a silence; or, if it
          `looks_far`, two rests of up to twice the dwell time and the way between them;
        - their ends: the dwell time, twice, an excursion beside them, and the walk to a vehicle.
        """
        step_s = 2 * self.spike_s
        cleaning_s = SPIKE_ROUNDS * (3 * self.spike_s + step_s) + 2 * MIX_S + step_s
        excursions_s = 3 * SLOT_S + 3 * AWAY_S + AROUND_S
        stays_s = max(self.dwell_s, LONGEST_STRETCH_S) + max(self.gap_s, self.silence_s)
        if self.looks_far:
            cleaning_s += FROZEN_S + 2 * self.spike_s + step_s
            stays_s = max(stays_s, 4 * self.dwell_s + SHIFT_S)
        return cleaning_s + excursions_s + stays_s + 2 * self.dwell_s + AWAY_S + WALK_S + 60

    @property
    def looks_far(self) -> bool:
        """Whether frozen fixes are looked for, and short ways between rests in stays.

        With a longer dwell time these rules would reach further than chunks may know.
        """
        return self.dwell_s <= LONGEST_STRETCH_S

    def override(self, values: Mapping[str, object]) -> Self:
        """These thresholds with some replaced, as a device's settings give them.

        Raises:
            SettingsError: a name is unknown, or a value is not a number or out of range.
        """
        for name, value in values.items():
            if name not in RANGES:
                known = ", ".join(RANGES)
                raise SettingsError(f"There is no threshold {name!r}; there are {known}.")
            _check(name, value, *RANGES[name])
        return replace(self, **values)  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, float]:
        """All values by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}


def _check(name: str, value: object, low: float, high: float) -> None:
    whole = name.endswith("_points")
    # bool is an int to Python; `true` in a device's settings is a mistake, not a 1.
    right_type = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not right_type or not low <= value <= high:  # type: ignore[operator]
        kind = "a whole number" if whole else "a number"
        raise SettingsError(
            f"Threshold {name} is {value!r}, but must be {kind} from {low:,} to {high:,}."
        )
