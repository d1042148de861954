"""Keys of refused input are those of earlier versions: the same input again is the same row."""

import pytest

from trackflow.sources.records import Origin, Refusal, RefusalReason
from trackflow.store.intake.refusal_rows import hash_of_refusal

LIVE = Origin("osmand", '{"door": "osmand"}')


@pytest.mark.parametrize(
    ("refusal", "reason", "key_of_version_0_5"),
    [
        (Refusal(RefusalReason.NO_TIME, "x", "w"), "", "c6ee4af9c4fddaa4f6f3a2b88b4e9a2f"),
        (
            Refusal(RefusalReason.OUT_OF_RANGE, "24.9,99", "w", "van"),
            "out_of_range",
            "aabbb9ad8a1a9d262cb73426ab4643e1",
        ),
        (
            Refusal(RefusalReason.CROWDED, "{}", "w", origin=LIVE),
            "",
            "636d1d6dd0cb12edd63e97b7f64cb721",
        ),
        (
            Refusal(RefusalReason.TIME_OUT_OF_RANGE, "{}", "w"),
            "clock_behind",
            "de660f8d7e8adad9dc3d10e28e9d2633",
        ),
    ],
)
def test_keys_stay_the_same(refusal: Refusal, reason: str, key_of_version_0_5: str) -> None:
    assert hash_of_refusal(refusal, reason) == key_of_version_0_5


def test_every_reason_is_named_by_its_value() -> None:
    assert all(reason.name == reason.value.upper() for reason in RefusalReason)
