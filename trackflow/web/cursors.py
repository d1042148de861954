"""Cursors of pages as texts in addresses and answers."""

import base64
import binascii
import uuid

from trackflow.errors import BadInputError
from trackflow.geo.time import from_us, to_us
from trackflow.usecases.queries.tracks import TrackCursor


def write_cursor(position: TrackCursor) -> str:
    """Make an opaque text of a position."""
    plain = to_us(position.start_time).to_bytes(8, "big", signed=True) + position.track_id.bytes
    return base64.urlsafe_b64encode(plain).decode()


def read_cursor(cursor: str) -> TrackCursor:
    """Parse the text of `write_cursor`.

    Raises:
        BadInputError: it is something else.
    """
    try:
        plain = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True)
        if len(plain) == 24:
            start_time = from_us(int.from_bytes(plain[:8], "big", signed=True))
            return TrackCursor(start_time, uuid.UUID(bytes=plain[8:]))
    except (binascii.Error, UnicodeEncodeError, OverflowError):
        pass
    raise BadInputError("`cursor` is not the `next` of an answer")
