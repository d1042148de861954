"""OwnTracks: messages as the apps post and publish them (https://owntracks.org/booklet/tech/json).

A message is a JSON object with a `_type`; positions are those of type `location`. `tst` is seconds
since 1970, `vel` kilometres per hour, `acc` and `alt` metres, `cog` degrees.
"""

from collections.abc import Iterator, Mapping, Sequence
from enum import Enum

from trackflow.sources.door import Candidates
from trackflow.sources.phones.bodies import UnreadableError, elements_of, read_json
from trackflow.sources.phones.fixes import (
    KMH_MS,
    Delivery,
    Fix,
    Record,
    admitted,
    candidates_of,
    refusal,
    text,
)
from trackflow.sources.phones.parts import parts_of
from trackflow.sources.records import Reason, Refusal
from trackflow.sources.times import TimeForm

SOURCE = "owntracks"

_NO_POSITIONS = {
    "beacon", "card", "cmd", "configuration", "dump", "lwt", "message", "request", "status",
    "steps", "transition", "waypoint", "waypoints",
}  # fmt: skip
"""A transition or a waypoint has coordinates, but they are a region's, not the phone's."""

_TOPIC_BASE = "owntracks"


class Kind(Enum):
    """What a message is to us."""

    LOCATION = "location"
    OTHER = "other"
    ENCRYPTED = "encrypted"
    UNKNOWN = "unknown"


REFUSED = {Kind.ENCRYPTED: Reason.UNREADABLE, Kind.UNKNOWN: Reason.NOT_A_POINT}
"""Why messages are refused that are neither locations nor anything known; nothing is decrypted."""


def kind_of(message: object) -> Kind:
    """What a message is; one without a type is a location if it has a position.

    Whatever is a location is a `Mapping`.
    """
    if not isinstance(message, Mapping):
        return Kind.UNKNOWN
    kind = message.get("_type")
    if kind == "location" or (kind is None and "lat" in message and "lon" in message):
        return Kind.LOCATION
    if kind == "encrypted":
        return Kind.ENCRYPTED
    return Kind.OTHER if isinstance(kind, str) and kind in _NO_POSITIONS else Kind.UNKNOWN


def candidates(
    locations: Sequence[Record], *, device_id: str | None = None, fallback_device: str = ""
) -> Candidates:
    """One candidate per message, in their order; all are of `Kind.LOCATION`.

    Args:
        locations: the messages.
        device_id: the device of all, whatever they say.
        fallback_device: the device of those that have neither a `topic` nor a `tid`.
    """
    fixes = [
        Fix(
            device=device_of(message),
            time=message.get("tst"),
            lat=message.get("lat"),
            lon=message.get("lon"),
            altitude_m=message.get("alt"),
            accuracy_m=message.get("acc"),
            speed=message.get("vel"),
            speed_unit_ms=KMH_MS,
            course_deg=message.get("cog"),
        )
        for message in locations
    ]
    return candidates_of(
        fixes,
        device_id=device_id,
        fallback_device=fallback_device,
        time_form=TimeForm.EPOCH_S,
    )


def device_of(message: Record) -> str | None:
    """The device that a message names: `user/device` of its topic, else its tracker id `tid`.

    A topic is `owntracks/user/device`, with another word in front where people changed it.
    """
    topic = message.get("topic")
    if isinstance(topic, str):
        parts = [part for part in topic.split("/") if part.strip()]
        if parts[:1] == [_TOPIC_BASE] and len(parts) > 2:
            return "/".join(parts[1:3])
        if len(parts) > 1:
            return "/".join(parts[-2:])
    return text(message.get("tid"))


def device_named(user: str | None, device: str | None) -> str:
    """The device id of a user and a device name; empty if neither is there."""
    return "/".join(part.strip() for part in (user, device) if part and part.strip())


def parts(body: bytes) -> Iterator[bytes]:
    """A large body in several that say the same."""
    return parts_of(body)


def read(body: bytes, *, device_id: str | None, named_device: str = "", now_us: int) -> Delivery:
    """What a request brought: one message or a list of them.

    Args:
        body: JSON; empty when a friend was removed in the app.
        device_id: the device of all points, whatever anybody says.
        named_device: the device that the request names outside its body (`device_named`); it goes
            before what the messages say.
        now_us: UTC microseconds.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    if not body.strip():
        return Delivery()
    device_id = device_id or named_device or None
    try:
        messages = elements_of(read_json(body))
    except UnreadableError:
        return Delivery.unreadable(body, SOURCE, device_id)
    locations: list[Record] = []
    refused: list[Refusal] = []
    for message in messages:
        kind = kind_of(message)
        if kind is Kind.LOCATION and isinstance(message, Mapping):
            locations.append(message)
        elif kind is not Kind.OTHER:
            refused.append(refusal(REFUSED[kind], message, SOURCE, device_id))
    found = candidates(locations, device_id=device_id)
    ignored = len(messages) - len(locations) - len(refused)
    return admitted(found, locations, SOURCE, now_us, refused, ignored)
