"""The device of a file that names none, by its name and its folders.

A file is named after its device (`van-7.csv`), or a recorder numbers and dates its files
(`2024-05-01.gpx`, `activity_123.fit`, `Track 3.gpx`): those are one device, which the folder names.
The rule looks at one name at a time, so that files give the same devices whether they are
imported together, one by one, or again.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from trackflow.sources.heads import NAME_MAX_CHARS, stem

_COPY = re.compile(
    r"\s*(?:\(\d{1,3}\)|[-_ ]+(?:copy|kopie|kopio|copie|copia)(?:[-_ ]*\(?\d{1,3}\)?)?)$",
    re.IGNORECASE,
)
"""What systems put behind the name of a copy."""

_DATE = (
    r"(?<!\d)(?:19|20)\d\d[-_. ]?(?:0[1-9]|1[0-2])[-_. ]?(?:0[1-9]|[12]\d|3[01])(?!\d)"
    r"|(?<!\d)(?:0?[1-9]|[12]\d|3[01])[-_.](?:0?[1-9]|1[0-2])[-_.](?:19|20)\d\d(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d[-_. ](?:0[1-9]|1[0-2])(?![\d])"
    r"|(?<!\d)(?:19|20)\d{6}[T_-]?\d{4,6}(?!\d)"
    r"|(?<!\d)(?:19|20)\d\d(?!\d)"
)
_CLOCK = r"[T_ .-]*(?:[01]\d|2[0-3])[-_.:h]?[0-5]\d(?:[-_.:m]?[0-5]\d)?(?:[.,]\d+)?s?Z?(?!\d)"
_MOMENT = re.compile(rf"(?:{_DATE})(?:{_CLOCK})?")
_MONTH = re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])")
_WORDS = re.compile(r"[^\W\d_]+|\d+")

_GENERIC_WORDS = """
    activity activities track tracks tracking trk log logs logger gps gpx gpslog fit kml kmz tcx csv
    json geojson export exports exported data day daily date file files history location locations
    position positions point points route routes trip trips journey journeys drive drives ride rides
    run runs running walk walks walking hike hikes hiking cycling bike biking workout workouts
    exercise training session recording recordings record records rec tour tours morning afternoon
    evening night lunch midday new untitled unnamed part segment the of on at from to and no nr
    number utc am pm download downloads documents desktop tmp temp import imports inbox upload
    uploads archive takeout unterwegs strecke aufzeichnung fahrt tag lauf trajet parcours sortie
    ruta recorrido reitti lenkki aktivitat trajectory trajectories jan feb mar apr may jun jul aug
    sep oct nov dec january february march april june july august september october november
    december mon tue wed thu fri sat sun monday tuesday wednesday thursday friday saturday sunday
    week month year
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
"""Words that name what a file is, and never what made it."""


@dataclass(frozen=True, slots=True)
class NamedDevice:
    """The device of a file that names none, and what named it."""

    device_id: str
    by_folder: bool


def device_of_file(name: str, folders: Sequence[str]) -> NamedDevice:
    """The device of a file by its name, or by the innermost folder that can be one's name.

    Args:
        name: of the file, with those of folders inside an archive before it.
        folders: the folders around it (or the archive), the outermost first.
    """
    own = _COPY.sub("", stem(name)).strip()
    device = _own_device(own)
    if device:
        return NamedDevice(device, by_folder=False)
    for folder in reversed(folders):
        if _names_device(folder) or _is_identifier(folder):
            return NamedDevice(folder[:NAME_MAX_CHARS], by_folder=True)
    shown = next((folder for folder in reversed(folders) if folder.strip("/\\ .")), own or name)
    return NamedDevice(shown[:NAME_MAX_CHARS], by_folder=bool(folders))


def _own_device(own: str) -> str:
    """The part of a file's name that names a device, empty if none does."""
    if not any(character.isdigit() for character in own):
        return own  # nothing is counted or dated
    dated = _MOMENT.search(own)
    if dated is None:
        words = _words(own)
        counted = all(word.isdigit() or word.lower() in _GENERIC for word in words)
        return "" if counted and not _is_short_number(own) else own
    before, behind = (part.strip(" -_.,()") for part in (own[: dated.start()], own[dated.end() :]))
    if _names_device(before):
        return before
    # behind a date stands a title as often as a device; titles have several words
    return (
        behind if _names_device(behind) and len(_words(behind)) <= 2 and " " not in behind else ""
    )


def _names_device(text: str) -> bool:
    words = _words(text)
    return any(word.isalpha() and word.lower() not in _GENERIC for word in words)


def _is_short_number(own: str) -> bool:
    """Fleets number their vehicles, as `0042` or `17`; recorders count with more digits."""
    return own.isdigit() and len(own) <= 4 and not re.fullmatch(r"(?:19|20)\d\d", own)


def _is_identifier(folder: str) -> bool:
    """Trackers keep a folder for each IMEI, studies one for each person (`017`); days do not."""
    is_part_of_date = len(folder) < 3 or _MOMENT.fullmatch(folder) or _MONTH.fullmatch(folder)
    return folder.isdigit() and not is_part_of_date


def _words(text: str) -> list[str]:
    return _WORDS.findall(text)
