"""Which tracks of a carried device can be those of its vehicle."""

from hypothesis import given
from hypothesis import strategies as st

from trackflow.categories.carried import (
    SAID,
    SLOW,
    SLOWEST_DRIVE_KMH,
    can_travel,
    is_carried,
    why_left_out,
)
from trackflow.categories.modes import Mode
from trackflow.tracks.presets import PRESETS
from trackflow.usecases.mileage.fleet import KINDS

ALL_KINDS, FAST_KINDS = st.sampled_from(KINDS), st.sampled_from([k for k in KINDS if k != "other"])
CARRIED = st.sampled_from(["phone", "sport"])
BUILT_IN = st.sampled_from([None, *(name for name in PRESETS if not is_carried(name))])
MODES = st.sampled_from(Mode)
SPEEDS = st.floats(0, 900)


@given(CARRIED, FAST_KINDS, st.floats(0, SLOWEST_DRIVE_KMH, exclude_max=True))
def test_who_walks_is_not_in_the_vehicle(preset: str, kind: str, speed_kmh: float) -> None:
    assert why_left_out(preset, kind, speed_kmh, None) == SLOW
    assert why_left_out(preset, "other", speed_kmh, None) is None, "a sweeper"


@given(CARRIED, ALL_KINDS, st.floats(SLOWEST_DRIVE_KMH, 300))
def test_who_was_faster_once_may_be(preset: str, kind: str, speed_kmh: float) -> None:
    assert why_left_out(preset, kind, speed_kmh, None) is None


@given(CARRIED, ALL_KINDS, SPEEDS, SPEEDS, MODES)
def test_what_a_person_said_decides_at_any_speed(
    preset: str, kind: str, speed_kmh: float, other_kmh: float, mode: Mode
) -> None:
    said = why_left_out(preset, kind, speed_kmh, mode)
    assert said == (None if can_travel(kind, mode) else SAID)
    assert said == why_left_out(preset, kind, other_kmh, mode)


@given(BUILT_IN, ALL_KINDS, SPEEDS, st.none() | MODES)
def test_what_is_built_in_is_never_left_out(
    preset: str | None, kind: str, speed_kmh: float, said_mode: Mode | None
) -> None:
    assert why_left_out(preset, kind, speed_kmh, said_mode) is None


def test_a_vehicle_travels_as_its_kind_does() -> None:
    can = {kind: {mode.value for mode in Mode if can_travel(kind, mode)} for kind in KINDS}
    assert can.pop("bicycle") == {"cycling"}
    assert can.pop("other") == {"driving", "cycling", "still"}
    assert set(map(frozenset, can.values())) == {frozenset({"driving"})}


def test_only_what_people_carry_leaves_the_vehicle() -> None:
    assert {name for name in PRESETS if is_carried(name)} == {"phone", "sport"}
    assert not is_carried(None)
