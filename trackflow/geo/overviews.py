"""Overviews of lines: few vertices, for maps of long times."""

import hashlib
import uuid

from trackflow.geo import polylines
from trackflow.geo.simplifying import simplified

OVERVIEW_M = 12.0
"""How far an overview may lie beside its line: a pixel of the closest zoom that shows overviews."""


def overview_of(text: str) -> str:
    """The overview of an encoded polyline, encoded.

    Raises:
        ValueError: it is no encoded polyline.
    """
    positions = polylines.positions(text)
    if len(positions) <= 2:
        return text
    kept = simplified(positions, OVERVIEW_M)
    return polylines.encode(kept[:, 0].tolist(), kept[:, 1].tolist())


def mark_of(track_id: uuid.UUID, line: str) -> int:
    """A number of 32 bits that is another one for another track or line."""
    content = track_id.bytes + line.encode()
    return int.from_bytes(hashlib.blake2b(content, digest_size=4).digest())
