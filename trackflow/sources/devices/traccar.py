"""Bodies at the endpoints of flat records, and the JSON of Traccar, Home Assistant and PhoneTrack.

All are distinguished by their content, since people point all of them at one address
(https://www.traccar.org/osmand, https://www.traccar.org/forward,
https://developers.home-assistant.io/docs/api/native-app-integration/sending-data). Speeds are
metres per second in the JSON of Traccar's client and knots in what its server forwards. A position
that its sender calls invalid is none: the tracker had no fix, and sends its last position with a
new time.
"""

from collections.abc import Iterator, Mapping, Sequence

from trackflow.sources.devices import flat, owntracks
from trackflow.sources.devices.bodies import UnreadableError, elements_of, read_elements, read_json
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import (
    BodyCollector,
    BodyContent,
    Fix,
    Record,
    member,
    speed_unit_of_query,
    text,
)
from trackflow.sources.devices.other_names import filled_in
from trackflow.sources.devices.parts import parts_of
from trackflow.sources.devices.raw_fix import altitude_of
from trackflow.sources.records import RefusalReason
from trackflow.sources.values.fields import denies_fix
from trackflow.sources.values.units import KNOTS_MS

SOURCE = flat.TRACCAR

_POINT_OF_PHONETRACK = ("lat", "lon", "timestamp", "alt", "acc", "bat", "sat", "useragent",
                        "speed", "bearing")  # fmt: skip
_BATCHES = {"location": "location", "points": "point"}
"""Lists of positions in one object, and what each of these is called by itself."""

_COMPANION_POSITION = "update_location"
_ENCRYPTED = "encrypted"


def parts(body: bytes) -> Iterator[bytes]:
    """A large body as several with the same content."""
    return parts_of(body, frozenset(_BATCHES))


def read(body: bytes, envelope: Envelope, now_us: int, arrived_us: int) -> BodyContent:
    """The content of a request: one position, or a list of them in JSON.

    Args:
        body: JSON, a form, or empty.
        envelope: how the body was sent; its parameters can be the position.
        now_us: UTC microseconds; later times than this and a day are refused.
        arrived_us: when it arrived: the time of positions without one.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    records, damage = _records(body, envelope)
    sender = _sender_of(records[0], envelope.endpoint) if records else envelope.endpoint
    received = BodyCollector(envelope, sender, body, now_us)
    query_unit_ms = speed_unit_of_query(envelope.query)
    address = flat.read_form(b"", envelope.query)
    for record in records:
        if isinstance(record, Mapping) and _is_aside(record):
            received.ignore()
            continue
        if isinstance(record, Mapping) and _is_encrypted(record):
            received.refuse(RefusalReason.ENCRYPTED, record)
            continue
        fix = _fix(record, envelope.endpoint, arrived_us, query_unit_ms, address)
        if fix is None:
            received.refuse(RefusalReason.NOT_A_POINT, record)
        else:
            received.add(fix, record)
    if damage is not None:
        received.refuse_body(damage)
    return received.delivery()


def _records(body: bytes, envelope: Envelope) -> tuple[Sequence[object], RefusalReason | None]:
    """The records of a body and its address, and why not all could be read."""
    stripped = body.strip()
    if stripped[:1] in (b"{", b"[") or (envelope.is_json and stripped):
        is_named = bool(envelope.device_id or flat.device_of(envelope.query))
        return _of_json(stripped, is_named)
    try:
        record = flat.read_form(stripped, envelope.query)
    except UnreadableError:
        return [], RefusalReason.UNREADABLE
    if not record and stripped:
        return [], RefusalReason.UNREADABLE
    return ([record] if record else []), None


def _of_json(body: bytes, is_named: bool) -> tuple[Sequence[object], RefusalReason | None]:
    """The records of JSON; a batch becomes one record for each of its positions."""
    try:
        value = read_json(body)
    except UnreadableError:
        return _of_broken(body, is_named)
    records: list[object] = []
    for element in elements_of(value):
        for list_name, part in _BATCHES.items():
            batch = member(element, list_name)
            if isinstance(element, Mapping) and isinstance(batch, list) and not _is_lon_lat(batch):
                # no more than is needed: as many members as positions would be billions of copies
                named = {"device_id": flat.device_of(element)}
                records += [named | {part: one} for one in elements_of(batch)]
                break
        else:
            records.append(element)
    return elements_of(records), None


def _of_broken(body: bytes, is_named: bool) -> tuple[Sequence[object], RefusalReason | None]:
    """The whole records of broken JSON whose device is sure: its name may be what is lost."""
    list_name = next((name for name in _BATCHES if f'"{name}"'.encode() in body), "")
    found = read_elements(body, list_name)
    named = {"device_id": flat.device_of(found.top)}
    records: list[object] = []
    for element in found.elements:
        if _has_name(element):
            records.append(element)
        elif list_name and (is_named or named["device_id"]):
            records.append(named | {_BATCHES[list_name]: element})
        elif is_named:
            records.append(element)
    return records, found.damage


def _is_lon_lat(value: list[object]) -> bool:
    """Whether this is no list of positions, but a latitude and a longitude."""
    return len(value) == 2 and all(type(part) in (int, float) for part in value)


def _has_name(record: object) -> bool:
    return isinstance(record, Mapping) and bool(
        flat.device_of(record) or member(record, "device", "uniqueId")
    )


_QUESTIONS = {"get_config", "get_zones"}
"""Messages of Home Assistant's app that bring nothing."""


def _sender_of(record: object, endpoint: str) -> str:
    if not isinstance(record, Mapping):
        return endpoint
    if isinstance(record.get("position"), Mapping):
        return flat.TRACCAR_SERVER
    if isinstance(record.get("point"), list | Mapping):
        return flat.PHONETRACK
    kind = record.get("type")
    if isinstance(kind, str) and ({"data", "encrypted"} & record.keys() or kind in _QUESTIONS):
        return flat.HOME_ASSISTANT
    if isinstance(record.get("location"), Mapping):
        return SOURCE
    if "_type" in record:
        return owntracks.sender_of(record)
    return flat.sender_of(record, endpoint)


def _is_aside(record: Record) -> bool:
    """What Home Assistant's app, OwnTracks and Traccar send besides positions."""
    if owntracks.kind_of(record) is owntracks.MessageKind.OTHER:
        return True
    if isinstance(record.get("event"), Mapping) and record.get("position") is None:
        return True
    kind = record.get("type")
    is_webhook = isinstance(kind, str) and ("data" in record or kind in _QUESTIONS)
    if is_webhook and kind == _COMPANION_POSITION:
        data = record.get("data")
        if not isinstance(data, Mapping) or data.get("gps") is not None:
            return False
        return "location_name" in data or "gps" in data
    return is_webhook and kind != _ENCRYPTED


def _is_encrypted(record: Record) -> bool:
    return record.get("type") == _ENCRYPTED or record.get("_type") == _ENCRYPTED


def _fix(
    record: object, endpoint: str, arrived_us: int, query_unit_ms: float | None, address: Record
) -> Fix | None:
    """The position of a record in any of the forms, None if it is none.

    Args:
        record: what was sent.
        endpoint: the address that it was sent to.
        arrived_us: when it arrived, UTC microseconds.
        query_unit_ms: metres per second of the unit of speed in the address.
        address: parameters of the address, which may name the device.
    """
    if not isinstance(record, Mapping):
        return None
    location, position, point = (record.get(k) for k in ("location", "position", "point"))
    named = flat.device_of(record) or flat.device_of(address)
    if isinstance(position, Mapping):
        return _forwarded(position, record, query_unit_ms)
    if isinstance(location, Mapping):
        beside = {name: value for name, value in record.items() if name != "location"}
        return filled_in(_of_client(location, named, query_unit_ms), beside | dict(location))
    if record.get("_type") == "location":
        fix = owntracks.fix_of(record, query_unit_ms)
        return fix._replace(device=fix.device or named)
    sender = _sender_of(record, endpoint)
    if isinstance(point, list):
        record = dict(zip(_POINT_OF_PHONETRACK, point, strict=False))
    elif isinstance(point, Mapping):
        record = point
    elif record.get("type") == _COMPANION_POSITION:
        data = record.get("data")
        record = data if isinstance(data, Mapping) else {}
        altitude = altitude_of(record.get("altitude"), record.get("vertical_accuracy"))
        record = {**record, "altitude": altitude}
    found = flat.fix_of(record, sender, arrived_us, query_unit_ms)
    if found is None or found.lat is None:
        other = filled_in(found or _NOTHING, record)  # of objects inside one another
        found = found if other.lat is None else other
    return found and found._replace(device=found.device or named)


_NOTHING = Fix(None, None, None, None)


def _of_client(location: Record, device: str | None, query_unit_ms: float | None) -> Fix:
    """The form of Traccar Client 9 and its background location SDK."""
    return Fix(
        device=device,
        time=location.get("timestamp"),
        lat=member(location, "coords", "latitude"),
        lon=member(location, "coords", "longitude"),
        altitude_m=altitude_of(
            member(location, "coords", "altitude"), member(location, "coords", "altitude_accuracy")
        ),
        accuracy_m=member(location, "coords", "accuracy"),
        speed=member(location, "coords", "speed"),
        speed_unit_ms=1.0 if query_unit_ms is None else query_unit_ms,
        course_deg=member(location, "coords", "heading"),
    )


def _forwarded(position: Record, record: Record, query_unit_ms: float | None) -> Fix:
    """The form in which Traccar's server forwards positions and events."""
    valid = not denies_fix(position.get("valid"))
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
        speed_unit_ms=KNOTS_MS if query_unit_ms is None else query_unit_ms,
        course_deg=position.get("course"),
    )
