"""The one way from a live request to points and refusals: when it comes, and again on a retry."""

from collections.abc import Sequence
from dataclasses import replace

from trackflow.sources.phones import flat, geojson_batch, overland, owntracks, traccar
from trackflow.sources.phones.bodies import unpacked
from trackflow.sources.phones.envelopes import Envelope
from trackflow.sources.phones.fixes import Delivery
from trackflow.sources.records import Origin, Reason, Refusal, whole_raw

MAX_UNPACKED_BYTES = 16 * 1024 * 1024
"""A phone's backlog of weeks is a few megabytes; a larger body is answered as an error."""


def read(
    body: bytes,
    envelope: Envelope,
    *,
    now_us: int,
    arrived_us: int | None = None,
    keys: Sequence[str] = (),
) -> Delivery:
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
    delivery = _read(plain, envelope, now_us, now_us if arrived_us is None else arrived_us, keys)
    refused = delivery.refused
    if not is_whole:
        # the packed body is kept as it was sent, in place of what could be unpacked of it
        bound = envelope.device_id or envelope.named_device or None
        refused = [refusal for refusal in refused if not refusal.where.endswith(": body")]
        where = f"{delivery.sender}: body"
        refused.append(Refusal(Reason.DAMAGED, whole_raw(plain), where, bound, body=body))
    origin = Origin(delivery.sender, envelope.dumped())
    return replace(delivery, refused=[replace(r, origin=origin) for r in refused])


def _read(
    plain: bytes, envelope: Envelope, now_us: int, arrived_us: int, keys: Sequence[str]
) -> Delivery:
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
