"""What to do about rows of a file that were refused, by the reason."""

from trackflow.sources.records import RefusalReason

_OF_FILES: dict[str, str] = {
    RefusalReason.NO_TIME: (
        "nothing beside the position is a date and a time: import a recording, not a route or a "
        "list of places; NMEA needs sentences with a date (RMC or ZDA)"
    ),
    RefusalReason.BAD_TIME: (
        "the time cannot be read, or a program has rounded it (1.71E+12): write such as "
        "2026-01-31T12:00:00Z, or whole seconds since 1970"
    ),
    RefusalReason.TIME_OUT_OF_RANGE: (
        "times before 1990 or more than a day ahead are none of a recording: see from when they "
        "count, and the clock of this machine"
    ),
    RefusalReason.NOT_A_NUMBER: (
        "latitude or longitude is no number of degrees: convert them to WGS 84 (EPSG:4326), or say "
        "which columns they are with --columns"
    ),
    RefusalReason.OUT_OF_RANGE: (
        "latitude or longitude is beyond 90 or 180 degrees: convert them to WGS 84 (EPSG:4326), or "
        "say which column is which with --columns"
    ),
    RefusalReason.NO_POSITION: "there is no position, or it says that there was no fix",
    RefusalReason.NULL_ISLAND: "the position is 0, 0, as trackers without a fix write",
    RefusalReason.RAGGED_ROW: (
        "there are more or fewer cells than names in the header, or times than positions: see the "
        "separators and quotes"
    ),
    RefusalReason.NOT_A_POINT: "it is something else than a position: nothing is lost",
    RefusalReason.BAD_DEVICE: (
        "the device's name has signs that cannot be seen, or more than 200, or a spreadsheet has "
        "rounded it (3.57E+14): export it anew as text, or say --device"
    ),
    RefusalReason.UNREADABLE: "it is damaged or not well-formed; what is whole around it is read",
    RefusalReason.TRUNCATED: "the file ends in the middle: copy or export it again",
    RefusalReason.DAMAGED: "the file is damaged: copy or export it again",
    RefusalReason.CROWDED: (
        "more than a hundred positions of one device are of one moment: see what names the "
        "devices, and say it with --columns device="
    ),
    RefusalReason.ENCRYPTED: "set its key (TRACKFLOW_OWNTRACKS_KEYS) and import it again",
}


SEVERAL_DEVICES = (
    "many of its points are of one moment and at several places: if it is of several devices, say "
    "which column names them, such as --columns time=1,lat=2,lon=3,device=4"
)


def file_advice(reason: str) -> str:
    """What to do about rows of a file; empty where nothing is wrong with it."""
    return _OF_FILES.get(reason, "")
