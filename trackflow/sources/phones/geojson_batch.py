"""Batches of GeoJSON, with all that the reader of GeoJSON files understands."""

import re
from collections.abc import Iterator

from trackflow.errors import BadInputError
from trackflow.sources.geojson_files import read_geojson
from trackflow.sources.json_values import ELEMENT_LISTS, Broken, JsonElements
from trackflow.sources.phones.bodies import MAX_BRACKETS, check_size
from trackflow.sources.phones.fixes import Delivery, refusal
from trackflow.sources.phones.parts import parts_of
from trackflow.sources.records import PointBatch, Reason
from trackflow.sources.streams import Stream

SOURCE = "geojson"

_YEAR_LAST = re.compile(rb'"\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{4}[T ,]')


def parts(body: bytes) -> Iterator[bytes]:
    """A large body in several that say the same.

    One with dates like 3/4/2026 stays whole: which is the day shows in other dates of the body.
    """
    return iter((body,)) if _YEAR_LAST.search(body) else parts_of(body, ELEMENT_LISTS)


def read(body: bytes, *, device_id: str | None, fallback_device: str = "", now_us: int) -> Delivery:
    """What a request brought.

    Args:
        body: a collection, a feature, a list of either, or one per line.
        device_id: the device of all points, whatever they say.
        fallback_device: the device of those that name none.
        now_us: UTC microseconds.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    check_size(body)
    try:
        chunks = list(
            read_geojson(
                _stream(body),
                device_id=device_id,
                fallback_device=fallback_device,
                now_us=now_us,
                chunk_points=2 * MAX_BRACKETS,  # all in one: else a part would be in already
            )
        )
    except BadInputError:
        return _refused(body, device_id)
    points = PointBatch.concat(chunk.points for chunk in chunks)
    return Delivery(points, [refused for chunk in chunks for refused in chunk.refused])


def _refused(body: bytes, device_id: str | None) -> Delivery:
    """A refusal of each element, where their dates or their map projection cannot be understood."""
    try:
        elements = [e for e in JsonElements(_stream(body)) if not isinstance(e, Broken)]
    except BadInputError:
        elements = []
    if not elements:
        return Delivery.unreadable(body, SOURCE, device_id)
    refused = [refusal(Reason.UNREADABLE, element, SOURCE, device_id) for element in elements]
    return Delivery(refused=refused)


def _stream(body: bytes) -> Stream:
    return Stream(SOURCE, iter([body]), lambda: len(body), lambda: None)
