"""How the command `logbook` prints entries, and tracks that no book has.

Nothing says that the driver reads it: of private trips it shows the kilometres only.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trackflow.mileage.left_out import LeftOutTrack
    from trackflow.usecases.mileage.books import BookTrip


def entry_as_dict(one: "BookTrip") -> dict[str, object]:
    """An entry for programs."""
    from trackflow.mileage.entries import is_hidden, shown_to

    entry = one.entry
    return {
        "entry_id": entry.entry_id,
        "status": one.status,
        # it tells when a trip ended
        "closes_at": None if is_hidden(entry.content, None) else entry.closes_at,
        "needs_purpose": one.needs_purpose,
        "content": shown_to(entry.content, None),
        "now": shown_to(one.content, None),
        "amendments": [
            each.link_content | {"changes": changes, "reason": reason}
            for each, changes, reason in one.amendments_shown_to(None)
        ],
        "entry_hash": entry.entry_hash,
    }


def entry_line(one: "BookTrip") -> str:
    """An entry in a line."""
    from trackflow.mileage.entries import UNPAID, is_hidden, shown_to
    from trackflow.mileage.rates import LACKS
    from trackflow.usecases.days.report import counted

    content, entry = shown_to(one.content, None), one.entry
    state = "gone" if one.is_gone else one.status
    time = (content["start_time"] or content["local_day"])[:16]
    ways = f"{content['start_place'] or '?'} to {content['end_place'] or '?'}: "
    what = " ".join(filter(None, [content["category"] or "(no category)", content["purpose"]]))
    lacks = content.get(UNPAID)
    unpaid = f", not paid: {LACKS[lacks]}" if lacks else ""
    amended = f", {counted(len(one.amendments), 'amendment')}" if one.amendments else ""
    return (
        f"{entry.entry_id} {content['vehicle_id']} {time:16} {state:6} "
        f"{content['distance_m'] / 1000:8,.1f} km "
        f"{'' if is_hidden(one.content, None) else ways}{what}{unpaid}{amended}"
    )


def unpaid_words(trips: int) -> str:
    """What is said of trips that the table of rates does not pay."""
    from trackflow.usecases.days.report import counted

    are = "is" if trips == 1 else "are"
    return f"{counted(trips, 'trip')} {are} not paid: `trackflow logbook list` says what rates lack"


def left_out_as_dict(one: "LeftOutTrack") -> dict[str, object]:
    """A track that no book has, for programs."""
    told = one.shown_to(None)
    times = {name: told[name] for name in ("start_time", "end_time")}
    return dict(told) | {
        name: time and time.isoformat(timespec="seconds") for name, time in times.items()
    }


def left_out_line(one: "LeftOutTrack") -> str:
    """A track that no book has, in a line."""
    told = one.shown_to(None)
    length = f"{told['distance_m'] / 1000:8,.1f} km"
    if told["start_time"] is None:
        why = f", {_why(told)}" if told["reason"] else ""
        return f"{one.vehicle_id} {told['local_day']} {length}: {told['category']}{why}"
    return (
        f"{told['track_id']} {one.vehicle_id} {told['device_id']} "
        f"{told['start_time']:%Y-%m-%dT%H:%M} to {told['end_time']:%H:%M} {length}: {_why(told)}"
    )


def _why(told: Any) -> str:
    from trackflow.categories.carried import SLOWEST_DRIVE_KMH

    if told["reason"] == "slow":
        return f"never faster than {SLOWEST_DRIVE_KMH:g} km/h"
    if told["reason"] == "said":
        return f"{told['mode']}, as {told['said_by'] or 'a person'} said"
    return "another device has recorded it"
