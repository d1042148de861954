"""Overland: batches of GeoJSON features (https://github.com/aaronpk/Overland-iOS#api).

The app deletes a batch only when it is answered `{"result": "ok"}`. Times are ISO 8601, `speed` is
metres per second, the others metres and degrees; -1 means unknown. The app's device id is empty by
default.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from typing import TypeGuard

from trackflow.sources.admission import Candidates
from trackflow.sources.devices.bodies import read_elements
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import (
    BodyCollector,
    BodyContent,
    Fix,
    Record,
    candidates_of,
    speed_unit_of_query,
)
from trackflow.sources.devices.other_names import filled_in
from trackflow.sources.devices.parts import parts_of
from trackflow.sources.devices.raw_fix import altitude_of
from trackflow.sources.parsing.geojson_times import properties_of
from trackflow.sources.records import RefusalReason

SOURCE = "overland"

BATCH = "locations"


class FeatureKind(Enum):
    """What a feature means."""

    LOCATION = "location"
    OTHER = "other"
    UNKNOWN = "unknown"


def kind_of(feature: object) -> FeatureKind:
    """What a feature is. Each location is a `Mapping`.

    What the app did (`action`: paused, visited) and whole trips are features too, with a place
    that is not where the phone was at their time.
    """
    if not _is_object(feature):
        return FeatureKind.UNKNOWN
    properties = feature.get("properties")
    if _is_object(properties) and (
        isinstance(properties.get("action"), str) or properties.get("type") == "trip"
    ):
        return FeatureKind.OTHER
    is_one = feature.get("type") == "Feature" or "geometry" in feature or _has_place(feature)
    return FeatureKind.LOCATION if is_one else FeatureKind.UNKNOWN


def _has_place(record: Record) -> bool:
    """Whether a record has its position among its own members, as other apps write it."""
    return "latitude" in record or ("lat" in record and ("lon" in record or "lng" in record))


def _is_object(value: object) -> TypeGuard[Record]:
    return type(value) is dict or isinstance(value, Mapping)  # the first is far faster


def candidates(
    features: Sequence[Record], *, device_id: str | None = None, fallback_device: str = ""
) -> Candidates:
    """One candidate per feature, in their order; all are of `FeatureKind.LOCATION`.

    Args:
        features: the features.
        device_id: the device of all, also where they name another.
        fallback_device: the device of those whose `device_id` is empty, as it is by default.
    """
    fixes = [_fix(feature) for feature in features]
    return candidates_of(fixes, device_id=device_id, fallback_device=fallback_device)


def parts(body: bytes) -> Iterator[bytes]:
    """A large body as several with the same content."""
    return parts_of(body, frozenset({BATCH, "features"}))


def read(body: bytes, envelope: Envelope, now_us: int) -> BodyContent:
    """The content of a request: a batch, a list of features, or one feature by itself.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    batch = read_elements(body, BATCH)
    received = BodyCollector(envelope, SOURCE, body, now_us)
    unit_ms = speed_unit_of_query(envelope.query) or 1.0
    for feature in _features(batch.elements):
        kind = kind_of(feature)
        if kind is FeatureKind.LOCATION and isinstance(feature, Mapping):
            received.add(_fix(feature, unit_ms), feature)
        elif kind is FeatureKind.OTHER:
            received.ignore()
        else:
            received.refuse(RefusalReason.NOT_A_POINT, feature)
    if batch.damage is not None:
        received.refuse_body(batch.damage)
    return received.delivery()


def _features(elements: Sequence[object]) -> Iterator[object]:
    """The features of a body, also where they stand in collections of GeoJSON."""
    for element in elements:
        listed = element.get("features") if _is_object(element) else None
        if isinstance(listed, list):
            yield from listed
        else:
            yield element


def _fix(feature: Record, speed_unit_ms: float = 1.0) -> Fix:
    raw_properties = feature.get("properties")
    properties: Record = raw_properties if _is_object(raw_properties) else {}
    geometry = feature.get("geometry")
    coordinates = geometry.get("coordinates") if _is_object(geometry) else None
    lon, lat, *height = (
        coordinates if isinstance(coordinates, list) and len(coordinates) > 1 else (None, None)
    )
    altitude_m = properties.get("altitude")
    if altitude_m is None and height:  # as GeoJSON has it, which others who send this form write
        altitude_m = height[0]
    fix = Fix(  # by position: by name takes twice as long
        properties.get("device_id"),
        properties.get("timestamp"),
        lat,
        lon,
        altitude_of(altitude_m, properties.get("vertical_accuracy")),
        properties.get("horizontal_accuracy"),
        None,
        properties.get("speed"),
        speed_unit_ms,
        properties.get("course"),
    )
    is_whole = fix.time is not None and lat is not None
    return fix if is_whole else filled_in(fix, properties_of(dict(feature)))
