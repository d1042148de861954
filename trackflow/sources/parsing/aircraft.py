"""Positions of aircraft: traces of readsb, `aircraft.json`, and states of the OpenSky network."""

from collections.abc import Mapping

_TRACE_CELLS = 6
_STATE_CELLS = 11


def rows_of_aircraft(record: Mapping[str, object]) -> list[dict[str, object]]:
    """The positions of a trace, or of all aircraft of a moment; empty if a record is neither."""
    trace, aircraft, states = (record.get(name) for name in ("trace", "aircraft", "states"))
    if isinstance(trace, list) and "icao" in record:
        return [row for each in trace for row in _of_trace(each, record)]
    if isinstance(aircraft, list) and "now" in record:
        return [row for each in aircraft for row in _of_moment(each, record["now"])]
    if isinstance(states, list) and "time" in record:
        return [row for each in states for row in _of_state(each)]
    return []


def _of_trace(cells: object, record: Mapping[str, object]) -> list[dict[str, object]]:
    """A row of a trace, whose time counts from that of the trace."""
    if not isinstance(cells, list) or len(cells) < _TRACE_CELLS:
        return []
    after_s, lat, lon, altitude, speed, course = cells[:_TRACE_CELLS]
    moment = _sum(record.get("timestamp"), after_s)
    return [_row(record["icao"], moment, (lat, lon), (altitude, speed, course))]


def _of_moment(each: object, now: object) -> list[dict[str, object]]:
    """An aircraft, whose position was so many seconds old; none if it has no position."""
    if not isinstance(each, dict) or "lat" not in each or "lon" not in each:
        return []
    seen_s = each.get("seen_pos", 0)
    moment = _sum(now, -seen_s if isinstance(seen_s, int | float) else None)
    values = each.get("alt_baro"), each.get("gs"), each.get("track")
    return [_row(each.get("hex"), moment, (each["lat"], each["lon"]), values)]


def _of_state(cells: object) -> list[dict[str, object]]:
    """A state vector of OpenSky, in metres; none if it has no position."""
    if not isinstance(cells, list) or len(cells) < _STATE_CELLS or cells[6] is None:
        return []
    return [{
        "icao": cells[0], "time": cells[3], "lon": cells[5], "lat": cells[6], "alt": cells[7],
        "speed_ms": cells[9], "course": cells[10],
    }]  # fmt: skip


def _sum(start_s: object, after_s: object) -> float | None:
    both = isinstance(start_s, int | float) and isinstance(after_s, int | float)
    return start_s + after_s if both else None  # type: ignore[operator]


def _row(
    name: object,
    moment_s: float | None,
    place: tuple[object, object],
    values: tuple[object, object, object],
) -> dict[str, object]:
    """A position under names that tell the units of aviation.

    Args:
        name: of the aircraft.
        moment_s: seconds since 1970.
        place: latitude and longitude.
        values: altitude in feet, or that it is on the ground; speed in knots, and course.
    """
    altitude_ft, speed_kn, course_deg = values
    return {
        "icao": name,
        "time": moment_s,
        "lat": place[0],
        "lon": place[1],
        "altitude_ft": altitude_ft if isinstance(altitude_ft, int | float) else None,
        "speed_kn": speed_kn,
        "course": course_deg,
    }
