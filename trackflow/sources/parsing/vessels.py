"""Positions in the deltas of Signal K, as servers on boats send and log them."""

from collections.abc import Mapping

_ITSELF = "self"
_NAMES = {
    "navigation.speedOverGround": "speed_ms",
    "navigation.courseOverGroundTrue": "course_rad",
}
_POSITION = "navigation.position"


def rows_of_vessel(record: Mapping[str, object]) -> list[dict[str, object]]:
    """The positions of a delta, in each of its updates one at most; empty if it has none."""
    updates = record.get("updates")
    if not isinstance(updates, list):
        return []
    vessel = str(record.get("context", "")).rpartition(".")[2].rpartition(":")[2]
    named = {} if vessel in ("", _ITSELF) else {"vessel": vessel}
    return [named | row for update in updates if (row := _of_update(update))]


def _of_update(update: object) -> dict[str, object]:
    values = update.get("values") if isinstance(update, dict) else None
    said = {
        str(value.get("path")): value.get("value")
        for value in (values if isinstance(values, list) else ())
        if isinstance(value, dict)
    }
    place = said.get(_POSITION)
    if not isinstance(update, dict) or not isinstance(place, dict):
        return {}
    beside = {name: said[path] for path, name in _NAMES.items() if path in said}
    return {"time": update.get("timestamp"), **place, **beside}


def tells_no_place(record: Mapping[str, object]) -> bool:
    """Whether a message is one of those that Signal K and gpsd send beside those with a place."""
    is_of_gpsd = record.get("class") in _OF_GPSD and "lat" not in record
    return is_of_gpsd or (isinstance(record.get("updates"), list) and not rows_of_vessel(record))


_OF_GPSD = {"VERSION", "DEVICES", "DEVICE", "WATCH", "SKY", "TPV", "GST", "ATT", "PPS", "TOFF"}
