"""A list of tracks as JSON or CSV, from a web address or a file: the second kind of source.

JSON is an array of objects, or an object with one under "tracks"; GeoJSON's features are read, too.
CSV has a line of column names, and commas, semicolons or tabs between its cells. Names are those of
`CatalogueTrack` or usual ones for them (`trackflow.catalogue.columns`). A slug or a name has to be
there. The list is complete, so no track has a page to be fetched.
"""

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from trackflow.catalogue.columns import USUAL_NAMES, column_name, fields_of, unread
from trackflow.catalogue.records import FIELDS, Anomaly, Details, ListedTrack, Listing
from trackflow.concurrency.deadline import Deadline
from trackflow.concurrency.polite import PageClient
from trackflow.errors import PageMissingError, SourceUnavailableError, StructureChangedError
from trackflow.settings import Settings

_SLUG = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}", re.IGNORECASE)


def connector(settings: Settings) -> "ListingFile | None":
    """The list that `TRACKFLOW_CATALOGUE_FILE` names, if it names one."""
    return ListingFile(settings.catalogue_file) if settings.catalogue_file else None


@dataclass(frozen=True, slots=True)
class ListingFile:
    """A JSON or CSV list as a connector.

    Attributes:
        location: an address with http:// or https://, or a path.
        source: its name.
    """

    location: str
    source: str = "file"

    @property
    def site(self) -> str:
        """Host and port of the list, the path of a file."""
        return urlsplit(self.location).netloc.rpartition("@")[2] or self.location

    def list_tracks(self, web: PageClient, deadline: Deadline) -> Listing:
        """All tracks, with all that is known of them."""
        if self.location.startswith(("http://", "https://")):
            page = web.get(self.location, deadline)
            return parse_listing(page.body, self.location)
        try:
            body = Path(self.location).expanduser().read_bytes()
        except FileNotFoundError:
            raise PageMissingError(f"there is no file {self.location}") from None
        except OSError as error:
            raise SourceUnavailableError(
                f"{self.location} cannot be read: {error.strerror}"
            ) from None
        return parse_listing(body, self.location)

    def fetch_details(self, listed: ListedTrack, web: PageClient, deadline: Deadline) -> Details:  # noqa: ARG002
        """The fields of the list; nothing is fetched."""
        return Details(listed.raw)


def parse_listing(body: bytes, shown: str = "the list") -> Listing:
    """A list in JSON or CSV; JSON is what begins as it does.

    Raises:
        StructureChangedError: it is neither, or no list of tracks.
        SourceUnavailableError: it breaks off.
    """
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    records = list(_json(body, shown) if start in (b"{", b"[") else _csv(body, shown))
    rows: dict[str, ListedTrack] = {}
    columns = dict.fromkeys(name for record in records for name in record)
    anomalies = [
        Anomaly("", "column", name[:100], "this column is not read") for name in unread(columns)
    ]
    for number, given in enumerate(records, 1):
        record = fields_of(given)
        slug = record.get("slug") or ""
        if not _SLUG.fullmatch(slug):
            anomalies.append(
                Anomaly("", "row", slug[:100], f"row {number} has no usable slug or name")
            )
        elif slug in rows:
            anomalies.append(Anomaly(slug, "slug", slug, "listed twice; the first one counts"))
        else:
            raw = {name: record.get(name) for name in FIELDS if name not in ("slug", "name", "url")}
            url = record.get("url") or ""
            rows[slug] = ListedTrack(slug, record.get("name"), url, raw, is_complete=True)
    return Listing(tuple(rows.values()), tuple(anomalies), len(records))


def _json(body: bytes, shown: str) -> Iterable[dict[str, str | None]]:
    try:
        found = orjson.loads(body.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        if body.rstrip()[-1:] not in (b"}", b"]"):
            raise SourceUnavailableError(f"{shown} breaks off") from None
        raise StructureChangedError(f"{shown} is no JSON: {error}") from None
    records = found
    if isinstance(found, dict):
        features = found.get("features") if found.get("type") == "FeatureCollection" else None
        records = found.get("tracks") if features is None else _of_features(features)
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        raise StructureChangedError(
            f'{shown} is no list of tracks: an array of objects, alone or as "tracks", is expected'
        )
    return ({column_name(key): _text(value) for key, value in one.items()} for one in records)


def _of_features(features: Any) -> Any:
    """The properties of GeoJSON's features, with the position of those that are points."""
    if not isinstance(features, list) or not all(isinstance(one, dict) for one in features):
        return None
    return [_of_feature(one) for one in features]


def _of_feature(feature: dict[str, Any]) -> dict[str, Any]:
    properties, geometry = feature.get("properties"), feature.get("geometry")
    found = dict(properties) if isinstance(properties, dict) else {}
    match geometry:
        case {"type": "Point", "coordinates": [longitude, latitude, *_]}:
            found |= {"longitude": longitude, "latitude": latitude}
    if "id" in feature and "slug" not in found:
        found["slug"] = feature["id"]
    return found


def _text(value: Any) -> str | None:
    """A JSON value as the text that it would be in CSV; lists become lines."""
    if value is None or isinstance(value, dict):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "\n".join(text for text in map(_text, value) if text)
    return str(value)


def _csv(body: bytes, shown: str) -> Iterable[dict[str, str | None]]:
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = body.decode("cp1252", "replace")  # as spreadsheets save it in Western Europe
    header = text.partition("\n")[0]
    between = max(",;\t", key=header.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=between))
    except csv.Error as error:
        raise StructureChangedError(f"{shown} is no CSV: {error}") from None
    names = [column_name(name) for name in lines[0]] if lines else []
    if not {"slug", "name"} & {USUAL_NAMES.get(name, name) for name in names}:
        raise StructureChangedError(
            f"{shown} is neither JSON nor CSV with a column named slug, id or name"
        )
    return (
        dict(zip(names, (cell.strip() or None for cell in line), strict=False))
        for line in lines[1:]
        if any(line)
    )
