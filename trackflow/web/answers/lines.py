"""Matched lines of windows."""

import datetime as dt
from typing import Annotated, TypedDict

from pydantic import Field

from trackflow.usecases.queries.lines import DeviceLines, LinesOfTime, TimeRange
from trackflow.web.answers.describing import described, shows


@described
class WindowPath(TypedDict):
    """The line of a window of five minutes."""

    start: dt.datetime
    """Of its first point, UTC."""
    end: dt.datetime
    """Of its last point, UTC."""
    polyline: str
    """Encoded polyline of precision 5: longitude and latitude in degrees."""
    confidence: float | None
    """How well the line explains its points, 0 to 1."""
    matched_share: float | None
    """Share of the window's time that follows roads, 0 to 1."""
    is_raw: bool
    """Whether the line joins the reported points, since they follow no road."""
    against_oneway: bool
    """Whether one-ways had to be ignored."""
    point_count: int


@described
class PathsOfDevice(TypedDict):
    """The lines of a device."""

    device_id: str
    complete_until: dt.datetime | None
    """The lines hold all points until then, UTC; null for none yet."""
    pending_days: int
    """Number of days with points that are not in lines yet."""
    paths: list[WindowPath]
    """By time."""


# not by a class: `from` is a word of Python
PathsAnswer = TypedDict(
    "PathsAnswer",
    {
        "from": Annotated[dt.datetime, Field(description="The requested time, UTC.")],
        "to": Annotated[dt.datetime, Field(description="Its end, not included, UTC.")],
        "complete_until": Annotated[
            dt.datetime | None, Field(description="As below, for the lines of all devices.")
        ],
        "count": Annotated[int, Field(description="Number of lines.")],
        "devices": Annotated[list[PathsOfDevice], Field(description="By id.")],
    },
)


def paths_answer(found: LinesOfTime) -> PathsAnswer:
    """Lines by device."""
    return {
        "from": found.when.start,
        "to": found.when.end,
        "complete_until": found.complete_until,
        "count": found.count,
        "devices": [
            {
                "device_id": device.device_id,
                "complete_until": device.complete_until,
                "pending_days": device.pending_days,
                "paths": device.lines,
            }
            for device in found.devices
        ],
    }


_START = dt.datetime(2026, 9, 21, 14, 10, tzinfo=dt.UTC)
_END = _START + dt.timedelta(minutes=5)
_LINES = DeviceLines(
    "bus-7",
    _END,
    0,
    [
        {
            "start": _START,
            "end": _END,
            "polyline": "kxjnJokmwCoFoPgEsZ",
            "confidence": 0.91,
            "matched_share": 1.0,
            "is_raw": False,
            "against_oneway": False,
            "point_count": 60,
        }
    ],
)
_TIME = TimeRange(_START - dt.timedelta(hours=23), _START + dt.timedelta(hours=1))

PATHS = shows(PathsAnswer, paths_answer(LinesOfTime(_TIME, _END, 1, [_LINES])))
