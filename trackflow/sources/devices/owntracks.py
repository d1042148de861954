"""OwnTracks: messages as the apps post and publish them (https://owntracks.org/booklet/tech/json).

A message is a JSON object with a `_type`; positions are those of type `location`. `tst` is seconds
since 1970, `acc` and `alt` metres, `cog` degrees. `vel` is kilometres per hour from the apps, which
write whole numbers; GPSLogger and Colota fill the same form with metres per second.
"""

import functools
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from trackflow.sources.admission import Candidates
from trackflow.sources.devices.bodies import UnreadableError, read_elements, read_json
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import (
    BodyCollector,
    BodyContent,
    Fix,
    Record,
    candidates_of,
    speed_unit_of_query,
    text,
)
from trackflow.sources.devices.other_names import filled_in
from trackflow.sources.devices.parts import parts_of
from trackflow.sources.devices.raw_fix import altitude_of
from trackflow.sources.devices.secretbox import decrypted
from trackflow.sources.records import RefusalReason
from trackflow.sources.values.times import TimeForm
from trackflow.sources.values.units import KMH_MS

SOURCE = "owntracks"
GPSLOGGER = "gpslogger"
COLOTA = "colota"

_NO_POSITIONS = {
    "beacon", "card", "cmd", "configuration", "dump", "lwt", "message", "request", "status",
    "steps", "transition", "waypoint", "waypoints",
}  # fmt: skip
"""A transition or a waypoint has coordinates, but they are a region's, not the phone's."""

_OF_THE_APPS = {
    "BSSID", "SSID", "_id", "conn", "created_at", "inregions", "inrids", "m", "p", "source",
    "topic", "vac",
}  # fmt: skip
"""Members that the apps send, each of them some, and that no other sender's form has."""

_TOPIC_BASE = "owntracks"


class MessageKind(Enum):
    """What a message means."""

    LOCATION = "location"
    OTHER = "other"
    ENCRYPTED = "encrypted"
    UNKNOWN = "unknown"


REFUSED = {
    MessageKind.ENCRYPTED: RefusalReason.ENCRYPTED,
    MessageKind.UNKNOWN: RefusalReason.NOT_A_POINT,
}
"""Why messages are refused that are neither locations nor anything known."""


def kind_of(message: object) -> MessageKind:
    """What a message is; one without a type is a location if it has a position.

    Each location is a `Mapping`.
    """
    if type(message) is not dict and not isinstance(message, Mapping):  # the first is far faster
        return MessageKind.UNKNOWN
    kind = message.get("_type")
    if kind == "location" or (kind is None and _has_place(message)):
        return MessageKind.LOCATION
    if kind == "encrypted":
        return MessageKind.ENCRYPTED
    return (
        MessageKind.OTHER
        if isinstance(kind, str) and kind in _NO_POSITIONS
        else MessageKind.UNKNOWN
    )


def _has_place(message: Record) -> bool:
    return ("lat" in message and "lon" in message) or "latitude" in message


def sender_of(message: Record) -> str:
    """The sender of a message in the form of OwnTracks: its apps, GPSLogger or Colota."""
    if not _OF_THE_APPS.isdisjoint(message):
        return SOURCE
    if "bear" in message or "bs" in message:
        return COLOTA
    has_text = any(isinstance(message.get(name), str) for name in ("lat", "lon", "vel", "acc"))
    return GPSLOGGER if has_text or isinstance(message.get("vel"), float) else SOURCE


def candidates(
    locations: Sequence[Record], *, device_id: str | None = None, fallback_device: str = ""
) -> Candidates:
    """One candidate per message, in their order; all are of `MessageKind.LOCATION`.

    Args:
        locations: the messages.
        device_id: the device of all, also where they name another.
        fallback_device: the device of those that have neither a `topic` nor a `tid`.
    """
    return candidates_of(
        [fix_of(message) for message in locations],
        device_id=device_id,
        fallback_device=fallback_device,
        time_form=TimeForm.EPOCH_S,
    )


def device_of(message: Record) -> str | None:
    """The device that a message names: `user/device` of its topic, else its tracker id `tid`.

    A topic is `owntracks/user/device`, with another word in front where people changed it.
    """
    topic = message.get("topic")
    named = device_of_topic(topic) if isinstance(topic, str) else None
    return text(message.get("tid")) if named is None else named


@functools.lru_cache(1024)  # a file has few topics, and each of them many times
def device_of_topic(topic: str) -> str | None:
    """The device of an MQTT topic: `user/device`; None if it has fewer than two levels."""
    parts = [part for part in topic.split("/") if part.strip()]
    if parts[:1] == [_TOPIC_BASE] and len(parts) > 2:
        return "/".join(parts[1:3])
    return "/".join(parts[-2:]) if len(parts) > 1 else None


def device_named(user: str | None, device: str | None) -> str:
    """The device id of a user and a device name; empty if neither is there."""
    return "/".join(part.strip() for part in (user, device) if part and part.strip())


def parts(body: bytes) -> Iterator[bytes]:
    """A large body as several with the same content."""
    return parts_of(body)


def read(body: bytes, envelope: Envelope, now_us: int, keys: Sequence[str] = ()) -> BodyContent:
    """The content of a request: one message or a list of them.

    Args:
        body: JSON; empty when a friend was removed in the app.
        envelope: how the body was sent.
        now_us: UTC microseconds.
        keys: keys of encrypted messages, each tried in turn.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    if not body.strip():
        return BodyContent(sender=SOURCE)
    found = read_elements(body)
    opened = [_opened(message, keys) for message in found.elements]
    first = next((m for m in opened if kind_of(m) is MessageKind.LOCATION), None)
    sender = sender_of(first) if isinstance(first, Mapping) else SOURCE
    received = BodyCollector(envelope, sender, body, now_us)
    unit_ms = speed_unit_of_query(envelope.query)
    for message, sent in zip(opened, found.elements, strict=True):
        kind = kind_of(message)
        if kind is MessageKind.LOCATION and isinstance(message, Mapping):
            received.add(fix_of(message, unit_ms), sent)
        elif kind is MessageKind.OTHER:
            received.ignore()
        else:
            received.refuse(REFUSED[kind], sent)
    if found.damage is not None:
        received.refuse_body(found.damage)
    return received.delivery(TimeForm.EPOCH_S)


def _opened(message: object, keys: Sequence[str]) -> object:
    """A message decrypted, where one of the keys fits."""
    if (
        not keys
        or kind_of(message) is not MessageKind.ENCRYPTED
        or not isinstance(message, Mapping)
    ):
        return message
    plain = decrypted(message.get("data"), keys)
    if plain is None:
        return message
    try:
        return read_json(plain)
    except UnreadableError:
        return message


def fix_of(message: Record, query_unit_ms: float | None = None) -> Fix:
    """The position of a message of `MessageKind.LOCATION`.

    `query_unit_ms` is the unit of speed in the address, in metres per second.
    """
    unit_ms = KMH_MS if sender_of(message) == SOURCE else 1.0
    course_deg = message.get("cog")
    fix = Fix(  # by position: by name takes twice as long
        device_of(message),
        message.get("tst"),
        message.get("lat"),
        message.get("lon"),
        altitude_of(message.get("alt"), message.get("vac")),
        message.get("acc"),
        None,
        message.get("vel"),
        unit_ms if query_unit_ms is None else query_unit_ms,
        message.get("bear") if course_deg is None and "cog" not in message else course_deg,
    )
    is_whole = fix.time is not None and fix.lat is not None and fix.lon is not None
    return fix if is_whole else filled_in(fix, message)
