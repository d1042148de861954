"""Values of rows as text formats can hold them."""

import datetime as dt
from typing import Any


def plain(value: Any) -> Any:
    """A number, a text or None: times as ISO 8601, anything else as its text."""
    if isinstance(value, dt.datetime):
        return value.isoformat()
    return value if isinstance(value, int | float | str | None) else str(value)
