"""Traccar: its client's JSON, the OsmAnd form of address and form, and what its server forwards.

The three are told apart by what is in them, since people point all of them at one address
(https://www.traccar.org/osmand, https://www.traccar.org/forward). Speeds are metres per second in
the client's JSON and knots in the other two. A position that its sender calls invalid is none: the
tracker had no fix, and sends its last place with a new time.
"""

from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import parse_qsl

from trackflow.sources.phones.bodies import UnreadableError, elements_of, read_json
from trackflow.sources.phones.fixes import (
    KNOTS_MS,
    Delivery,
    Fix,
    Record,
    admitted,
    candidates_of,
    member,
    refusal,
    text,
)
from trackflow.sources.phones.parts import parts_of
from trackflow.sources.records import Reason, Refusal

SOURCE = "traccar"

_LISTS = frozenset({"location"})
"""Members whose lists hold the positions."""

MAX_FORM_FIELDS = 200

_FORM_NAMES = {"id", "deviceid", "lat", "lon", "location", "timestamp"}


def parts(body: bytes) -> Iterator[bytes]:
    """A large body in several that say the same."""
    return parts_of(body, _LISTS)


def read(
    body: bytes,
    query: Mapping[str, str],
    *,
    device_id: str | None,
    is_json: bool,
    now_us: int,
) -> Delivery:
    """What a request brought: one position, or a list of them in JSON.

    Args:
        body: JSON, a form, or empty.
        query: the address's parameters; in the OsmAnd form they are the position.
        device_id: the device of all points, whatever they say.
        is_json: whether the request calls its body JSON; one that begins like it is read as such.
        now_us: UTC microseconds.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    body = body.strip()
    try:
        if body[:1] in (b"{", b"[") or (is_json and body):
            records: Sequence[object] = _one_by_one(read_json(body))
        else:
            records = _form(body, query)
    except UnreadableError:
        return Delivery.unreadable(body, SOURCE, device_id)
    found: list[tuple[Fix, object]] = []
    refused: list[Refusal] = []
    for record in records:
        fix = _fix(record)
        if fix is None:
            refused.append(refusal(Reason.NOT_A_POINT, record, SOURCE, device_id))
        else:
            found.append((fix, record))
    fallback = _named(query) or ""
    candidates = candidates_of(
        [fix for fix, _ in found], device_id=device_id, fallback_device=fallback
    )
    return admitted(candidates, [record for _, record in found], SOURCE, now_us, refused)


def _one_by_one(value: object) -> list[object]:
    """The records of a body; a batch of the client's locations becomes one record for each."""
    records: list[object] = []
    for element in elements_of(value):
        batch = member(element, "location")
        if isinstance(batch, list) and isinstance(element, Mapping):
            # no more than is needed: as many members as locations would be billions of copies
            named = {"device_id": element.get("device_id")}
            records += [named | {"location": location} for location in elements_of(batch)]
        else:
            records.append(element)
    return elements_of(records)


def _form(body: bytes, query: Mapping[str, str]) -> list[object]:
    """The record of the OsmAnd form; none if the request says nothing at all."""
    try:
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS
        )
    except ValueError:
        raise UnreadableError from None
    record = {name: value for name, value in {**dict(pairs), **query}.items() if name != "token"}
    if not _FORM_NAMES.isdisjoint(record):
        return [record]
    if body:
        raise UnreadableError
    return []


def _fix(record: object) -> Fix | None:
    if not isinstance(record, Mapping):
        return None
    location, position = record.get("location"), record.get("position")
    if isinstance(position, Mapping):
        return _forwarded(position, record)
    if isinstance(location, Mapping):
        return _of_client(location, record)
    return None if _FORM_NAMES.isdisjoint(record) else _of_form(record)


def _of_client(location: Record, record: Record) -> Fix:
    """The form of Traccar Client 9 and its background location SDK."""
    return Fix(
        device=record.get("device_id"),
        time=location.get("timestamp"),
        lat=member(location, "coords", "latitude"),
        lon=member(location, "coords", "longitude"),
        altitude_m=member(location, "coords", "altitude"),
        accuracy_m=member(location, "coords", "accuracy"),
        speed=member(location, "coords", "speed"),
        course_deg=member(location, "coords", "heading"),
    )


def _forwarded(position: Record, record: Record) -> Fix:
    """The form in which Traccar's server forwards positions and events."""
    valid = position.get("valid") is not False
    moments = (position.get("fixTime"), position.get("deviceTime"))
    names = (
        member(record, "device", "uniqueId"),
        member(record, "device", "name"),
        position.get("deviceId"),
    )
    return Fix(
        device=next((name for name in map(text, names) if name), None),
        time=next((moment for moment in moments if moment is not None), None),
        lat=position.get("latitude") if valid else None,
        lon=position.get("longitude") if valid else None,
        altitude_m=position.get("altitude"),
        accuracy_m=position.get("accuracy"),
        hdop=member(position, "attributes", "hdop"),
        speed=position.get("speed"),
        speed_unit_ms=KNOTS_MS,
        course_deg=position.get("course"),
    )


def _of_form(record: Record) -> Fix:
    valid = text(record.get("valid", "true"))
    lat, lon = record.get("lat"), record.get("lon")
    both = record.get("location")
    if isinstance(both, str) and both.count(",") == 1:
        lat, lon = both.split(",")
    if record.get("valid") is False or (valid or "").strip().lower() in ("false", "0"):
        lat = lon = None
    return Fix(
        device=_named(record),
        time=record.get("timestamp"),
        lat=_trimmed(lat),
        lon=_trimmed(lon),
        altitude_m=record.get("altitude"),
        accuracy_m=record.get("accuracy"),
        hdop=record.get("hdop"),
        speed=record.get("speed"),
        speed_unit_ms=KNOTS_MS,
        course_deg=record.get("bearing", record.get("heading")),
    )


def _named(record: Record) -> str | None:
    return text(record.get("id", record.get("deviceid")))


def _trimmed(value: object) -> object:
    return value.strip() if isinstance(value, str) else value
