"""Batches of GeoJSON, with all that the reader of GeoJSON files understands."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from itertools import islice

from trackflow.errors import BadInputError
from trackflow.sources.devices.bodies import MAX_BRACKETS, as_text, check_size, stream_of
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.devices.fixes import BodyContent, body_refusal, exact_json
from trackflow.sources.devices.parts import parts_of
from trackflow.sources.formats.geojson import GROUP_START, read_geojson
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.bare_lists import UndecidedError
from trackflow.sources.parsing.json_values import ELEMENT_LISTS, BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, PointBatch, Refusal, RefusalReason, whole_raw
from trackflow.sources.tracks_apart import separated_tracks
from trackflow.sources.values.columns import NoPositionsError
from trackflow.sources.values.times import AmbiguousOrderError

SOURCE = "geojson"

_YEAR_LAST = re.compile(rb'"\s*\d{1,2}[/.-]\d{1,2}[/.-]\d{4}[T ,]')
_ELEMENT = re.compile(r"element (\d+)")
_OF_THE_BODY = (RefusalReason.UNREADABLE, RefusalReason.TRUNCATED)


def parts(body: bytes) -> Iterator[bytes]:
    """A large body as several with the same content.

    One with dates like 3/4/2026 stays whole: which is the day shows in other dates of the body.
    """
    return iter((body,)) if _YEAR_LAST.search(body) else parts_of(body, ELEMENT_LISTS)


def read(body: bytes, envelope: Envelope, now_us: int) -> BodyContent:
    """The content of a request: a collection, a feature, a list of either, or one per line.

    Raises:
        TooMuchError: more than is taken at a time.
    """
    check_size(body)
    try:
        body.decode()
        plain = body
    except UnicodeDecodeError:
        plain = as_text(body).encode("utf-8", "replace")
    try:
        chunks = list(_chunks(plain, envelope, now_us))
    except BadInputError as error:
        refused = _each(plain, body, envelope.device_id, _reason(error))
        return BodyContent(refused=refused, sender=SOURCE)
    points = PointBatch.concat(chunk.points for chunk in chunks)
    refused = [refusal for chunk in chunks for refusal in chunk.refused]
    return BodyContent(points, _kept(refused, plain, body, envelope.device_id), sender=SOURCE)


def _chunks(plain: bytes, envelope: Envelope, now_us: int) -> Iterable[Chunk]:
    """What the reader of files finds; lists of one time below names are of several devices."""
    fallback = envelope.fallback_device or SOURCE

    def once(options: ReadOptions) -> Iterator[Chunk]:
        return read_geojson(
            stream_of(plain, SOURCE),
            device_id=envelope.device_id,
            fallback_device=fallback,
            now_us=now_us,
            options=options,
            chunk_points=2 * MAX_BRACKETS,  # one chunk: an error must come before any point
        )

    groups = GROUP_START.finditer(plain) if envelope.device_id is None else iter(())
    if len(list(islice(groups, 2))) > 1:
        return separated_tracks(lambda: once(replace(DEFAULTS, label_tracks=True)), fallback)
    return once(DEFAULTS)


def _kept(
    refused: list[Refusal], plain: bytes, body: bytes, device_id: str | None
) -> list[Refusal]:
    """Refusals that keep their whole element, and one that keeps the body if a part is broken.

    Args:
        refused: as the reader of files made them, which cuts what it shows.
        plain: the body in UTF-8.
        body: as it was sent.
        device_id: the device of the token.
    """
    if not refused:
        return []
    elements = _elements(plain)
    kept: list[Refusal] = []
    broken: RefusalReason | None = None
    for refusal in refused:
        if refusal.time_us is not None:  # whole already; it is admitted once the clock is right
            kept.append(refusal)
            continue
        found = _ELEMENT.search(refusal.where)
        element = elements.get(int(found[1])) if found else None
        raw = None if element is None else exact_json(element)
        if refusal.reason in _OF_THE_BODY or raw is None or refusal.count > 1:
            broken = refusal.reason
        else:
            kept.append(replace(refusal, raw=whole_raw(raw)))
    if broken is not None:
        kept.append(body_refusal(broken, body, SOURCE, device_id))
    return kept


def _reason(error: BadInputError) -> RefusalReason:
    """Why none of the elements is read, where each by itself is well-formed."""
    if isinstance(error, NoPositionsError | UndecidedError):
        return RefusalReason.NOT_A_POINT
    is_of_dates = isinstance(error, AmbiguousOrderError)
    return RefusalReason.BAD_TIME if is_of_dates else RefusalReason.OUT_OF_RANGE


def _each(plain: bytes, body: bytes, device_id: str | None, reason: RefusalReason) -> list[Refusal]:
    """A refusal of each element, where none of them can be understood; else one of the body."""
    reader = JsonElements(stream_of(plain, SOURCE))
    refused: list[Refusal] = []
    try:
        for element in reader:
            if isinstance(element, BrokenStretch):
                continue
            crs = reader.top.get("crs")
            alone: object = element
            if crs is not None and isinstance(element, Mapping):
                alone = {"type": "FeatureCollection", "crs": crs, "features": [element]}
            raw = exact_json(alone)
            if raw is None:
                return [body_refusal(RefusalReason.UNREADABLE, body, SOURCE, device_id)]
            refused.append(Refusal(reason, whole_raw(raw), SOURCE, device_id))
    except BadInputError:
        refused = []
    return refused or [body_refusal(RefusalReason.UNREADABLE, body, SOURCE, device_id)]


def _elements(plain: bytes) -> dict[int, object]:
    """The elements by the numbers that the reader of files gives them."""
    found: dict[int, object] = {}
    elements = enumerate(JsonElements(stream_of(plain, SOURCE)), start=1)
    with suppress(BadInputError):  # the reader has refused what follows, too
        found.update((k, e) for k, e in elements if not isinstance(e, BrokenStretch))
    return found
