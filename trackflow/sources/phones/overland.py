"""Overland: batches of GeoJSON features (https://github.com/aaronpk/Overland-iOS#api).

The app deletes a batch only when it is answered `{"result": "ok"}`. Times are ISO 8601, `speed` is
metres per second, the others metres and degrees; -1 means unknown.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from trackflow.sources.door import Candidates
from trackflow.sources.phones.bodies import UnreadableError, elements_of, read_json
from trackflow.sources.phones.fixes import (
    Delivery,
    Fix,
    Record,
    admitted,
    candidates_of,
    member,
    refusal,
)
from trackflow.sources.phones.parts import parts_of
from trackflow.sources.records import Reason, Refusal

SOURCE = "overland"

_LISTS = frozenset({"locations"})
"""Members whose lists hold the positions."""


class Kind(Enum):
    """What a feature is to us."""

    LOCATION = "location"
    OTHER = "other"
    UNKNOWN = "unknown"


def kind_of(feature: object) -> Kind:
    """What a feature is. Whatever is a location is a `Mapping`.

    What the app did (`action`: paused, visited) and whole trips come as features too, with a place
    that is not where the phone was at their time.
    """
    if not isinstance(feature, Mapping):
        return Kind.UNKNOWN
    properties = feature.get("properties")
    if isinstance(properties, Mapping) and (
        isinstance(properties.get("action"), str) or properties.get("type") == "trip"
    ):
        return Kind.OTHER
    is_feature = feature.get("type") == "Feature" or "geometry" in feature
    return Kind.LOCATION if is_feature else Kind.UNKNOWN


def candidates(
    features: Sequence[Record], *, device_id: str | None = None, fallback_device: str = ""
) -> Candidates:
    """One candidate per feature, in their order; all are of `Kind.LOCATION`.

    Args:
        features: the features.
        device_id: the device of all, whatever they say.
        fallback_device: the device of those whose `device_id` is empty, as it is by default.
    """
    fixes = [_fix(feature) for feature in features]
    return candidates_of(fixes, device_id=device_id, fallback_device=fallback_device)


def locations_of(value: object) -> list[object]:
    """The features of a batch, of a list of features, or one feature by itself.

    Raises:
        TooMuchError: there are too many.
    """
    batch = member(value, "locations")
    return elements_of(value if batch is None else batch)


def parts(body: bytes) -> Iterator[bytes]:
    """A large body in several that say the same."""
    return parts_of(body, _LISTS)


def read(body: bytes, *, device_id: str | None, fallback_device: str = "", now_us: int) -> Delivery:
    """What a request brought.

    Args:
        body: JSON.
        device_id: the device of all points, whatever they say.
        fallback_device: the device of those that name none.
        now_us: UTC microseconds.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    try:
        features = locations_of(read_json(body))
    except UnreadableError:
        return Delivery.unreadable(body, SOURCE, device_id)
    locations: list[Record] = []
    refused: list[Refusal] = []
    for feature in features:
        kind = kind_of(feature)
        if kind is Kind.LOCATION and isinstance(feature, Mapping):
            locations.append(feature)
        elif kind is Kind.UNKNOWN:
            refused.append(refusal(Reason.NOT_A_POINT, feature, SOURCE, device_id))
    found = candidates(locations, device_id=device_id, fallback_device=fallback_device)
    ignored = len(features) - len(locations) - len(refused)
    return admitted(found, locations, SOURCE, now_us, refused, ignored)


def _fix(feature: Record) -> Fix:
    said = feature.get("properties")
    properties: Record = said if isinstance(said, Mapping) else {}
    place = member(feature, "geometry", "coordinates")
    lon, lat = place[:2] if isinstance(place, list) and len(place) > 1 else (None, None)
    return Fix(
        device=properties.get("device_id"),
        time=properties.get("timestamp"),
        lat=lat,
        lon=lon,
        altitude_m=properties.get("altitude"),
        accuracy_m=properties.get("horizontal_accuracy"),
        speed=properties.get("speed"),
        course_deg=properties.get("course"),
    )
