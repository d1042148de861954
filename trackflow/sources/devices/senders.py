"""The live senders: the form of each, and what is read of it.

The page `docs/senders.md` shows it; `python -m trackflow.sources.devices.senders` prints it anew.
"""

from dataclasses import dataclass
from enum import Enum

from trackflow.sources.values.units import KMH_MS, KNOTS_MS


class SpeedUnit(Enum):
    """Units of speed, in metres per second."""

    METRES = ("m/s", 1.0)
    KILOMETRES = ("km/h", KMH_MS)
    KNOTS = ("knots", KNOTS_MS)


@dataclass(frozen=True, slots=True)
class SenderForm:
    """One form in which a sender reports.

    Attributes:
        sender: the name in `quarantine list`, in `/api/v1/senders` and as `source` of points; it
            is the device of positions that name none, unless the token's name is.
        app: its name for people.
        endpoints: the addresses that read it.
        form: what its request looks like.
        known_by: what distinguishes it from the others.
        speed: the unit of its speed.
        accuracy: where its accuracy comes from, in metres; 0 and -1 are unknown.
        time: where its time comes from; one without a zone is UTC.
        device: what in it names the device.
        answer: the answer on which it deletes what it sent.
    """

    sender: str
    app: str
    endpoints: str
    form: str
    known_by: str
    speed: SpeedUnit
    accuracy: str
    time: str
    device: str
    answer: str


_FLAT = "`/ingest/traccar`"
_ANY = "empty"

FORMS: tuple[SenderForm, ...] = (
    SenderForm(
        "owntracks", "OwnTracks for iOS and Android, mode HTTP", "`/ingest/owntracks`",
        "JSON, `_type` is `location`; encrypted ones with a key (below)",
        "a `topic`, `created_at`, `conn`, `m`, `_id`, `vac` or `inregions`; or whole numbers",
        SpeedUnit.KILOMETRES, "`acc`", "`tst`",
        "`?u=` and `?d=`, `X-Limit-U` and `X-Limit-D`, `topic`, `tid`", "`[]`",
    ),
    SenderForm(
        "gpslogger", "GPSLogger with a body in OwnTracks' form", "`/ingest/owntracks`",
        "JSON, `_type` is `location`, filled in by GPSLogger",
        "numbers as text, or a `vel` with decimals, and none of the apps' own members",
        SpeedUnit.METRES, "`acc`", "`tst`", "`topic`, `tid`", "`[]`",
    ),
    SenderForm(
        "colota", "Colota, templates Colota, OwnTracks, Dawarich and Reitti",
        "`/ingest/owntracks`", "JSON with `bs` or `bear`, with or without `_type`",
        "`bear` or `bs`, and none of the apps' own members",
        SpeedUnit.METRES, "`acc`", "`tst`", "`tid`", "`[]`",
    ),
    SenderForm(
        "overland", "Overland", "`/ingest/overland`", "JSON, `locations` of GeoJSON features",
        "the address", SpeedUnit.METRES, "`horizontal_accuracy`", "`timestamp`", "`device_id`",
        '`{"result":"ok"}`',
    ),
    SenderForm(
        "traccar", "Traccar Client before 9, and all that speaks its protocol", _FLAT,
        "`?id=&timestamp=&lat=&lon=&speed=&bearing=&altitude=&accuracy=&batt=`",
        "`lat` or `location`, and no sign of another",
        SpeedUnit.KNOTS, "`accuracy`, else `hdop` times 5", "`timestamp`", "`id`, `deviceid`", _ANY,
    ),
    SenderForm(
        "traccar", "Traccar Client from 9 on", _FLAT,
        "JSON, `location` with `coords`, or a list of them", "`location` is an object or a list",
        SpeedUnit.METRES, "`accuracy`", "`timestamp`", "`device_id`, `?id=`", _ANY,
    ),
    SenderForm(
        "traccar-server", "a Traccar server, `forward.type` json", _FLAT,
        "JSON, `position` and `device`", "`position`",
        SpeedUnit.KNOTS, "`accuracy`, else `hdop` times 5", "`fixTime`, `deviceTime`",
        "`uniqueId`, `name`, `deviceId`", _ANY,
    ),
    SenderForm(
        "traccar-server", "a Traccar server, `forward.type` url", _FLAT,
        "`?uniqueId={uniqueId}&fixTime={fixTime}&latitude={latitude}&…&valid={valid}`",
        "`uniqueId`, `fixTime`, `deviceTime` or `statusCode`, or the address below",
        SpeedUnit.KNOTS, "`accuracy`", "`fixTime`, `deviceTime`", "`uniqueId`, `deviceId`", _ANY,
    ),
    SenderForm(
        "osmand", "OsmAnd, online tracking", f"{_FLAT}, `/ingest/osmand`",
        "`?id=x&lat={0}&lon={1}&timestamp={2}&hdop={3}&altitude={4}&speed={5}&bearing={6}`",
        "milliseconds with `hdop` and no `accuracy`; `tta`, `ttf`, `dta`, `dtf`",
        SpeedUnit.METRES, "`hdop`: OsmAnd fills in metres", "`timestamp`", "`id`, `deviceid`",
        _ANY,
    ),
    SenderForm(
        "gpslogger", "GPSLogger, custom URL", f"{_FLAT}, `/ingest/gpslogger`",
        "`?lat=%LAT&lon=%LON&timestamp=%TIMESTAMP&spd=%SPD&acc=%ACC&…`, or `?%ALL`",
        "`acc`, `spd`, `dir`, `sat`, `prov`, `hdop` and others of its names; `latitude`, `lng`",
        SpeedUnit.METRES, "`acc`, `accuracy`, else `hdop` times 5", "`timestamp`, `time`",
        "`id`, `device`, `ser`, `aid`", _ANY,
    ),
    SenderForm(
        "opengts", "GPSLogger and others, OpenGTS", f"{_FLAT}, `/ingest/opengts`",
        "`?id=&dev=&acct=&batt=&code=&alt=&gprmc=$GPRMC,…`", "`gprmc`",
        SpeedUnit.KNOTS, "none", "in `gprmc`", "`id`, `dev`, `acct`", _ANY,
    ),
    SenderForm(
        "phonetrack", "PhoneTrack", f"{_FLAT}, `/ingest/phonetrack`",
        "`?lat=&lon=&timestamp=&acc=&alt=&speed=&bearing=&bat=&sat=&useragent=`, or JSON `points`",
        "`useragent`, or `points`",
        SpeedUnit.METRES, "`acc`", "`timestamp`", "`?id=`",
        "empty; at its own address `{\"done\":1,\"friends\":[]}`",
    ),
    SenderForm(
        "colota", "Colota, template Traccar", f"{_FLAT}, `/ingest/colota`",
        "`?id=&lat=&lon=&accuracy=&altitude=&speed=&batt=&charge=2&timestamp=&bearing=`",
        "`charge` is a number, or `bs`",
        SpeedUnit.METRES, "`accuracy`", "`timestamp`", "`id`", _ANY,
    ),
    SenderForm(
        "homeassistant", "Home Assistant's form for GPSLogger",
        f"{_FLAT}, `/ingest/homeassistant`",
        "`latitude=&longitude=&device=&accuracy=&battery=&speed=&direction=&altitude=&provider=&"
        "activity=`", "`latitude` and no name that is not of this form",
        SpeedUnit.METRES, "`accuracy`", "when it arrives: the form has none", "`device`", "`{}`",
    ),
    SenderForm(
        "homeassistant", "Home Assistant's companion app, by its webhook",
        f"{_FLAT}, `/ingest/homeassistant`",
        'JSON, `{"type":"update_location","data":{"gps":[60.17,24.94],…}}`',
        "`type` and `data`; its other messages are ignored",
        SpeedUnit.METRES, "`gps_accuracy`", "when it arrives: the form has none", "`?id=`", "`{}`",
    ),
    SenderForm(
        "geojson", "scripts of your own", "`/ingest/geojson`",
        "GeoJSON, or flat records, as in files", "the address",
        SpeedUnit.METRES, "`accuracy` and the like, as in files", "`recorded_at` and the like",
        "`device_id` and the like, `?device=`", "counts",
    ),
)  # fmt: skip

LIVE_SENDERS = tuple(dict.fromkeys(form.sender for form in FORMS))

COLUMNS = (
    "sender", "app", "address", "form", "known by", "speed", "accuracy", "time", "device", "answer",
)  # fmt: skip


def table() -> str:
    """The table as the page of senders shows it."""
    rows = [
        (
            f"`{f.sender}`", f.app, f.endpoints, f.form, f.known_by, f.speed.value[0], f.accuracy,
            f.time, f.device, f.answer,
        )
        for f in FORMS
    ]  # fmt: skip
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)


if __name__ == "__main__":
    import sys

    sys.stdout.write(table() + "\n")
