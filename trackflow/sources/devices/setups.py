"""What each app has to be told to report here: its settings, and a link that fills them in.

Links: OwnTracks takes a configuration in Base64 (https://owntracks.org/booklet/features/remoteconfig),
Overland its settings as a query (https://github.com/aaronpk/Overland-iOS), Colota a configuration
in Base64 (https://github.com/dietrichmax/colota).
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote, urlencode

HTTP_MODE = 3
"""OwnTracks' number of its mode HTTP."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Where an app reports, and as what.

    Attributes:
        address: of this server as phones reach it, without a path.
        secret: the token.
        device: the name under which it appears.
    """

    address: str
    secret: str
    device: str


@dataclass(frozen=True, slots=True)
class AppSetup:
    """What an app has to be told.

    Attributes:
        app: its name.
        link: opened on the phone, it fills in everything; None where the app knows no such link.
        fields: its settings by the words that the app uses.
    """

    app: str
    link: str | None
    fields: Mapping[str, str]


def app_setups(reporting: Reporting) -> dict[str, AppSetup]:
    """What every app has to be told, by a short name of the app."""
    return {name: setup(reporting) for name, setup in _SETUPS.items()}


def _owntracks(to: Reporting) -> AppSetup:
    url = f"{to.address}/ingest/owntracks"
    configuration = {
        "_type": "configuration",
        "mode": HTTP_MODE,
        "url": url,
        "auth": True,
        "username": to.device,
        "password": to.secret,
        "deviceId": "phone",
    }
    fields = {"Mode": "HTTP", "URL": url, "User": to.device, "Password": to.secret}
    link = f"owntracks:///config?inline={quote(_base64(configuration), safe='')}"
    return AppSetup("OwnTracks", link, fields)


def _overland(to: Reporting) -> AppSetup:
    url = f"{to.address}/ingest/overland"
    query = {"url": url, "token": to.secret, "device_id": to.device}
    fields = {"Receiver endpoint": url, "Access token": to.secret, "Device ID": to.device}
    return AppSetup("Overland", f"overland://setup?{urlencode(query, quote_via=quote)}", fields)


def _colota(to: Reporting) -> AppSetup:
    url = f"{to.address}/ingest/owntracks"
    configuration = {
        "endpoint": url,
        "apiTemplate": "owntracks",
        "httpMethod": "POST",
        "auth": {"type": "bearer", "bearerToken": to.secret},
    }
    fields = {
        "Endpoint": url,
        "Template": "OwnTracks",
        "Authentication": "Bearer token",
        "Token": to.secret,
    }
    link = f"colota://setup?config={quote(_base64(configuration), safe='')}"
    return AppSetup("Colota", link, fields)


def _gpslogger(to: Reporting) -> AppSetup:
    fields = {
        "Log to custom URL": "on",
        "URL": f"{to.address}/ingest/gpslogger?%ALL",
        "HTTP headers": f"Authorization: Bearer {to.secret}",
        "HTTP method": "POST",
    }
    return AppSetup("GPSLogger", None, fields)


def _traccar(to: Reporting) -> AppSetup:
    url = f"{to.address}/ingest/traccar?{urlencode({'token': to.secret})}"
    return AppSetup("Traccar Client", None, {"Server URL": url, "Device identifier": to.device})


def _osmand(to: Reporting) -> AppSetup:
    own = urlencode({"id": to.device, "token": to.secret}, quote_via=quote)
    filled = "lat={0}&lon={1}&timestamp={2}&hdop={3}&altitude={4}&speed={5}&bearing={6}"
    url = f"{to.address}/ingest/osmand?{own}&{filled}"
    return AppSetup("OsmAnd", None, {"Online tracking web address": url})


_SETUPS: dict[str, Callable[[Reporting], AppSetup]] = {
    "owntracks": _owntracks,
    "overland": _overland,
    "colota": _colota,
    "gpslogger": _gpslogger,
    "traccar": _traccar,
    "osmand": _osmand,
}

APPS = tuple(_SETUPS)


def _base64(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()
