"""Addresses, visits to race tracks, and the logbook that is made of them."""

import re
from dataclasses import dataclass
from pathlib import Path

from trackflow.settings.parsing import yes_or_no
from trackflow.variables import number, set_by, whole_number


def _geocoder_url(text: str) -> str:
    # unchecked, each update of stays would fail
    if not re.match(r"((nominatim|photon)\+)?https?://[^/\s]", text):
        raise ValueError(
            "is no address of a geocoder; use one such as https://nominatim.example or "
            "photon+https://photon.example"
        )
    return text


@dataclass(frozen=True)
class PlaceSettings:
    """Addresses, visits to race tracks, and the logbook that is made of them.

    Attributes:
        geocoder_url: base address of a Nominatim server, or `photon+https://…` of a Photon; empty
            for none.
        geocoder_file: CSV with slug or address, longitude and latitude; None for none.
        addresses: whether the geocoder is asked for the addresses of stays.
        geocoder_per_s: requests to the geocoder in a second, at most.
        geocoder_connections: requests to the geocoder at once, at most.
        visit_radius_m: how near a device has to be to a race track for a visit.
        visit_min: how many minutes it has to stay there.
        close_after_days: days after which an entry of the logbook is closed, from the end of its
            trip, or since the book has known it.
        logbook_join_min: longest stay in minutes between business tracks of a day that are one
            trip of the logbook; 0 joins none by itself.
    """

    geocoder_url: str = set_by(
        "GEOCODER_URL",
        "",
        "a Nominatim server, or `photon+https://…` of a Photon",
        unset="off",
        parse=_geocoder_url,
    )
    geocoder_file: Path | None = set_by(  # noqa: RUF009  it makes a field
        "GEOCODER_FILE",
        None,
        "a CSV of slug or address, longitude, latitude",
        unset="off",
        parse=Path,
    )
    addresses: bool = set_by(
        "ADDRESSES",
        True,
        "`no` asks the geocoder for race tracks only, never for the addresses of stays",
        unset="yes, if there is a geocoder",
        parse=yes_or_no,
    )
    geocoder_per_s: float = set_by(
        "GEOCODER_PER_S",
        1.0,
        "requests to the geocoder in a second, of all processes; 1 is the rule of the public "
        "Nominatim",
        parse=number(0.001, 100_000),
    )
    geocoder_connections: int = set_by(
        "GEOCODER_CONNECTIONS",
        1,
        "requests to the geocoder at once, of all processes",
        parse=whole_number(1, 256),
    )
    visit_radius_m: float = set_by(
        "VISIT_RADIUS_M",
        300.0,
        "how near a race track, in metres, makes a visit",
        parse=number(10, 10_000),
    )
    visit_min: float = set_by("VISIT_MIN", 15.0, "and for how many minutes", parse=number(1, 1440))
    close_after_days: int = set_by(
        "CLOSE_AFTER_DAYS",
        7,
        "days after a trip, or after its history was imported, at which its entry in the logbook "
        "is closed",
        parse=whole_number(1, 365),
    )
    logbook_join_min: float = set_by(
        "LOGBOOK_JOIN_MIN",
        0.0,
        "the longest stay in minutes between business tracks of a day that are one trip of the "
        "logbook",
        unset="0: each track is a trip",
        parse=number(0, 1440),
    )
