"""Devices that people carry: they are not always in the vehicle that they were put into."""

CARRIED_PRESETS = frozenset({"phone", "sport"})
"""Presets of devices that leave the vehicle with a person; all others are built into it."""

SLOWEST_DRIVE_KMH = 10.0
"""A trip that is never faster was made on foot.

Of 5,300 labelled tracks of GeoLife and Aalto, 61 % of the walks are slower, and of the drives those
that make 0.2 % of their way.
"""

CRAWLING_KINDS = frozenset({"other"})
"""Kinds of vehicles that may be as slow as a person: ploughs, sweepers, machines."""


def is_carried(preset: str | None) -> bool:
    """Whether a person carries a device with this preset; without any it is built in."""
    return preset in CARRIED_PRESETS


def was_in_vehicle(max_speed_kmh: float, kind: str) -> bool:
    """Whether a track of a carried device can be one of its vehicle.

    Its travel modes do not tell it: without a map one drive in eight looks like a ride by train,
    and a book must not lack a drive.

    Args:
        max_speed_kmh: of the track, the highest that its neighbours agree on.
        kind: of the vehicle: car, van, lorry, motorcycle, bicycle or other.
    """
    return kind in CRAWLING_KINDS or max_speed_kmh >= SLOWEST_DRIVE_KMH
