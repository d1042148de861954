"""How the command `logbook` prints entries, and tracks that no book has."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trackflow.usecases.mileage.books import BookTrip
    from trackflow.usecases.mileage.left_out import LeftOutTrack


def entry_as_dict(one: "BookTrip") -> dict[str, object]:
    """An entry for programs."""
    entry = one.entry
    return {
        "entry_id": entry.entry_id,
        "status": one.status,
        "closes_at": entry.closes_at,
        "needs_purpose": one.needs_purpose,
        "content": entry.content,
        "now": one.content,
        "amendments": [amendment.link_content for amendment in one.amendments],
        "entry_hash": entry.entry_hash,
    }


def entry_line(one: "BookTrip") -> str:
    """An entry in a line."""
    from trackflow.usecases.days.report import counted

    content, entry = one.content, one.entry
    state = "gone" if one.is_gone else one.status
    ways = f"{content['start_place'] or '?'} to {content['end_place'] or '?'}"
    what = " ".join(filter(None, [content["category"] or "(no category)", content["purpose"]]))
    amended = f", {counted(len(one.amendments), 'amendment')}" if one.amendments else ""
    return (
        f"{entry.entry_id} {content['vehicle_id']} {content['start_time'][:16]} {state:6} "
        f"{content['distance_m'] / 1000:8,.1f} km {ways}: {what}{amended}"
    )


def left_out_as_dict(one: "LeftOutTrack") -> dict[str, object]:
    """A track that no book has, for programs."""
    part = one.part
    return {
        "vehicle_id": one.vehicle_id,
        "local_day": one.local_day,
        "distance_m": round(part.distance_m),
        "category": part.category,
        "driver": part.driver,
        "reason": one.reason,
        "device_id": part.device_id,
        "track_id": part.track_id,
        "start_time": part.start.isoformat(timespec="seconds"),
        "end_time": part.end.isoformat(timespec="seconds"),
        "mode": part.mode,
        "said_by": one.said_by,
    }


def left_out_line(one: "LeftOutTrack") -> str:
    """A track that no book has, in a line."""
    part = one.part
    return (
        f"{part.track_id} {one.vehicle_id} {part.device_id} {part.start:%Y-%m-%dT%H:%M} to "
        f"{part.end:%H:%M} {part.distance_m / 1000:8,.1f} km: {_why(one)}"
    )


def _why(one: "LeftOutTrack") -> str:
    from trackflow.categories.carried import SLOWEST_DRIVE_KMH

    if one.reason == "slow":
        return f"never faster than {SLOWEST_DRIVE_KMH:g} km/h"
    if one.reason == "said":
        return f"{one.part.mode}, as {one.said_by or 'a person'} said"
    return "another device has recorded it"
