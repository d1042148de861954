"""Devices that people carry: they are not always in the vehicle that they were put into."""

from trackflow.categories.modes import Mode

CARRIED_PRESETS = frozenset({"phone", "sport"})
"""Presets of devices that leave the vehicle with a person; all others are built into it."""

SLOWEST_DRIVE_KMH = 10.0
"""A trip that is never faster was made on foot.

Of 5,300 labelled tracks of GeoLife and Aalto, 61 % of the walks are slower, and of the drives those
that make 0.2 % of their way.
"""

CRAWLING_KINDS = frozenset({"other"})
"""Kinds of vehicles that may be as slow as a person: ploughs, sweepers, machines."""

MODE_OF_KIND = {
    **dict.fromkeys(("car", "van", "lorry", "motorcycle"), Mode.DRIVING),
    "bicycle": Mode.CYCLING,
}
"""How a vehicle travels, by its kind."""

MODES_OF_OTHERS = frozenset({Mode.DRIVING, Mode.CYCLING, Mode.STILL})
"""How a vehicle of another kind may travel: a plough drives, a cargo bike or a scooter has no mode
that is nearer than cycling, and a machine works where it stands. All other modes are those of feet,
or of something that takes people along who leave the machine behind."""

SLOW, SAID = "slow", "said"
"""Why a track was not made in the vehicle: it is never as fast as a drive, or a person said so."""


def is_carried(preset: str | None) -> bool:
    """Whether a person carries a device with this preset; without any it is built in."""
    return preset in CARRIED_PRESETS


def can_travel(kind: str, mode: str) -> bool:
    """Whether a vehicle of this kind can be what travels in this mode."""
    known = MODE_OF_KIND.get(kind)
    return mode in MODES_OF_OTHERS if known is None else mode == known


def why_left_out(
    preset: str | None, kind: str, max_speed_kmh: float, said_mode: str | None
) -> str | None:
    """Why a device was not in its vehicle on a track: slow or said; None if it was there.

    What a person said decides alone. A mode that only the model found does not: without a map one
    drive in eight looks like a ride by train, and a book must not lack a drive.

    Args:
        preset: of the device; what is built in is always in the vehicle.
        kind: of the vehicle: car, van, lorry, motorcycle, bicycle or other.
        max_speed_kmh: of the track, the highest that its neighbours agree on.
        said_mode: main mode of the track, if a person said it.
    """
    if not is_carried(preset):
        return None
    if said_mode is not None:
        return None if can_travel(kind, said_mode) else SAID
    if kind in CRAWLING_KINDS or max_speed_kmh >= SLOWEST_DRIVE_KMH:
        return None
    return SLOW
