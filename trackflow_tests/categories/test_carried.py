"""Which tracks of a carried device can be those of its vehicle."""

from hypothesis import given
from hypothesis import strategies as st

from trackflow.categories.carried import SLOWEST_DRIVE_KMH, is_carried, was_in_vehicle
from trackflow.tracks.presets import PRESETS

KINDS = st.sampled_from(["car", "van", "lorry", "motorcycle", "bicycle"])


@given(st.floats(0, 7), KINDS)
def test_who_walks_is_not_in_the_vehicle(speed_kmh: float, kind: str) -> None:
    assert not was_in_vehicle(speed_kmh, kind)
    assert was_in_vehicle(speed_kmh, "other"), "a sweeper"


@given(st.floats(SLOWEST_DRIVE_KMH, 300), KINDS)
def test_who_was_faster_once_may_be(speed_kmh: float, kind: str) -> None:
    assert was_in_vehicle(speed_kmh, kind)


def test_only_what_people_carry_leaves_the_vehicle() -> None:
    assert {name for name in PRESETS if is_carried(name)} == {"phone", "sport"}
    assert not is_carried(None)
