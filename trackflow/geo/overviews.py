"""Overviews of lines: few vertices, for maps of long times."""

import hashlib
import uuid

from trackflow.geo import polylines, tile_lines
from trackflow.geo.simplifying import simplified

OVERVIEW_M = 12.0
"""How far an overview may lie beside its line: a pixel of the closest zoom that shows overviews."""


def overview_of(text: str) -> bytes:
    """The overview of an encoded polyline, as `tile_lines.read_bytes` reads it.

    Raises:
        ValueError: it is no encoded polyline.
    """
    positions = polylines.positions(text)
    kept = simplified(positions, OVERVIEW_M) if len(positions) > 1 else positions
    return tile_lines.world_bytes(kept)


def mark_of(track_id: uuid.UUID, line: bytes) -> int:
    """A number of 32 bits that is another one for another track or line."""
    return int.from_bytes(hashlib.blake2b(track_id.bytes + line, digest_size=4).digest())
