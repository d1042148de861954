"""What to set right in a live sender whose input was refused, by the reason."""

from trackflow.sources.records import RefusalReason

_ADVICE = {
    RefusalReason.NO_POSITION: (
        "it sent no latitude and longitude, or says itself that it had no fix: see that its "
        "address or body has `lat` and `lon`"
    ),
    RefusalReason.NOT_A_NUMBER: (
        "its latitude or longitude is no number: send degrees, such as 60.17"
    ),
    RefusalReason.OUT_OF_RANGE: (
        "its latitude or longitude is beyond 90 or 180 degrees: see that they are not exchanged, "
        "and that they are degrees"
    ),
    RefusalReason.NULL_ISLAND: "it sent 0, 0, as receivers without a fix do: nothing is lost",
    RefusalReason.NO_TIME: (
        "it sent no time: add one, such as `&timestamp=%TIMESTAMP` in GPSLogger or "
        "`&timestamp={2}` in OsmAnd"
    ),
    RefusalReason.BAD_TIME: (
        "its time cannot be read: send seconds or milliseconds since 1970, or ISO 8601 such as "
        "2026-01-31T12:00:00Z"
    ),
    RefusalReason.TIME_OUT_OF_RANGE: (
        "its time is before 1990 or more than a day ahead: set the clock of the sender, or of this "
        "machine, then retry"
    ),
    RefusalReason.NO_DEVICE: (
        "it names no device: use a token for one (`trackflow token create --device`)"
    ),
    RefusalReason.BAD_DEVICE: (
        "its device's name has signs that cannot be seen, or more than 200: name it anew, or use a "
        "token for one device"
    ),
    RefusalReason.RAGGED_ROW: (
        "its positions and times differ in number: send one time for each position"
    ),
    RefusalReason.NOT_A_POINT: (
        "it is none of the forms that this address reads: the page of senders says which address "
        "is whose"
    ),
    RefusalReason.UNREADABLE: (
        "it is not well-formed, such as a quotation mark too many; what was whole in it is stored"
    ),
    RefusalReason.TRUNCATED: (
        "its end is missing; what was whole in it is stored. If it happens often, look for a proxy "
        "that limits bodies"
    ),
    RefusalReason.DAMAGED: (
        "its gzip is damaged; what could be unpacked is stored. If it happens often, look for a "
        "proxy that packs anew"
    ),
    RefusalReason.CROWDED: (
        "more than a hundred different positions of one device at one moment: give each sender a "
        "device of its own, and a clock that goes"
    ),
    RefusalReason.ENCRYPTED: (
        "it is encrypted: set its key (TRACKFLOW_OWNTRACKS_KEYS), then `trackflow quarantine retry`"
    ),
    RefusalReason.PLACEHOLDER: (
        "a placeholder such as %LAT or {0} was sent in place of its value: mend the address in the "
        "app's settings"
    ),
}


def advice(reason: str) -> str:
    """What to set right; empty for reasons that are not those of a live sender."""
    return _ADVICE[RefusalReason(reason)] if reason in set(_ADVICE) else ""
