"""The one way from a live request to points and refusals: when it comes, and again on a retry."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from trackflow.sources.devices import flat, geojson_batch, overland, owntracks, traccar
from trackflow.sources.devices.bodies import check_size, unpacked
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.records import Origin, Refusal, RefusalReason, whole_raw

MAX_UNPACKED_BYTES = 16 * 1024 * 1024
"""A phone's backlog of weeks is a few megabytes; a larger body is answered as an error."""


def read(
    body: bytes,
    envelope: Envelope,
    *,
    now_us: int,
    arrived_us: int | None = None,
    keys: Sequence[str] = (),
) -> BodyContent:
    """What a request brought. All of it is a point, ignored on purpose, or a refusal that keeps it.

    Args:
        body: as it was sent, packed or not.
        envelope: how it came.
        now_us: UTC microseconds; later times than this and a day are refused.
        arrived_us: when it came, if that was not just now.
        keys: OwnTracks' keys, each tried in turn.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    plain, is_whole = unpacked(body, MAX_UNPACKED_BYTES)
    arrived_us = now_us if arrived_us is None else arrived_us
    delivery = _read(plain, envelope, now_us, arrived_us, keys)
    if not is_whole:
        # the packed body is kept as it was sent, in place of what could be unpacked of it
        bound = envelope.device_id or envelope.named_device or None
        where = f"{delivery.sender}: body"
        refused = [refusal for refusal in delivery.refused if refusal.where != where]
        refused.append(Refusal(RefusalReason.DAMAGED, whole_raw(plain), where, bound, body=body))
        delivery = replace(delivery, refused=refused)
    return _signed(delivery, envelope)


def read_in_parts(
    body: bytes, envelope: Envelope, *, now_us: int, keys: Sequence[str] = ()
) -> Iterator[BodyContent]:
    """What a large request brought, part by part, so that others have their turn in between.

    Args:
        body: as it was sent, packed or not.
        envelope: how it came.
        now_us: UTC microseconds; later times than this and a day are refused.
        keys: OwnTracks' keys, each tried in turn.

    Raises:
        TooMuchError: more than is taken at a time; before the first part.
    """
    plain, is_whole = unpacked(body, MAX_UNPACKED_BYTES)
    if not is_whole or plain.lstrip()[:1] not in (b"[", b"{"):
        yield read(body, envelope, now_us=now_us, keys=keys)
        return
    check_size(plain)
    for part in _PARTS.get(envelope.door, traccar.parts)(plain):
        yield _signed(_read(part, envelope, now_us, now_us, keys), envelope)


_PARTS = {
    owntracks.SOURCE: owntracks.parts,
    overland.SOURCE: overland.parts,
    geojson_batch.SOURCE: geojson_batch.parts,
}


def _signed(delivery: BodyContent, envelope: Envelope) -> BodyContent:
    """A delivery whose refusals say who sent them, and how."""
    if not delivery.refused:
        return delivery
    origin = Origin(delivery.sender, envelope.dumped())
    return replace(delivery, refused=[replace(r, origin=origin) for r in delivery.refused])


def _read(
    plain: bytes, envelope: Envelope, now_us: int, arrived_us: int, keys: Sequence[str]
) -> BodyContent:
    match envelope.door:
        case owntracks.SOURCE:
            return owntracks.read(plain, envelope, now_us, keys)
        case overland.SOURCE:
            return overland.read(plain, envelope, now_us)
        case geojson_batch.SOURCE:
            return geojson_batch.read(plain, envelope, now_us)
        case _:
            assert envelope.door in flat.SENDERS
            return traccar.read(plain, envelope, now_us, arrived_us)
