"""What a file is, by its first bytes; its name only decides where the bytes leave it open."""

import codecs
import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import PurePosixPath

from trackflow.errors import BadInputError
from trackflow.sources.values import columns

HEAD_BYTES = 65_536
NAME_MAX_CHARS = 200

SEPARATORS = (",", ";", "\t", "|")

UNDERSTOOD = (
    "GPX, TCX, KML, FIT, CSV (also TSV), Excel, Parquet, GeoJSON, Google Timeline, OwnTracks, "
    "Overland, NMEA, IGC, Home Assistant, Polarsteps, Samsung Health, Arc and photos, each also "
    "inside .gz, .bz2, .xz, .zip or .tar"
)


class Format(StrEnum):
    """What trackflow can read."""

    CSV = "csv"
    GPX = "gpx"
    GEOJSON = "geojson"
    TCX = "tcx"
    KML = "kml"
    FIT = "fit"
    GOOGLE = "google"
    OWNTRACKS = "owntracks"
    OVERLAND = "overland"
    EXCEL = "excel"
    PARQUET = "parquet"
    NMEA = "nmea"
    IGC = "igc"
    HOME_ASSISTANT = "home_assistant"
    POLARSTEPS = "polarsteps"
    SAMSUNG = "samsung"
    ARC = "arc"
    PHOTO = "photo"
    PHOTO_SIDECAR = "photo_sidecar"


class UnknownFormatError(BadInputError):
    """A file is none of the formats that are understood."""


_MAGIC = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"II*\x00", "a TIFF or raw photo: its JPEG, or its XMP sidecar, can be read"),
    (0, b"MM\x00*", "a TIFF or raw photo: its JPEG, or its XMP sidecar, can be read"),
    (0, b"GIF8", "a GIF image"),
    (8, b"WEBP", "a WebP image"),
    (4, b"ftyp", "a film or an image of an unknown kind"),
    (0, b"%PDF", "a PDF document"),
    (0, b"SQLite format 3\x00", "an SQLite database of another program than Home Assistant"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document: save it as .xlsx or CSV"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (0, b"Rar!", "a RAR archive: unpack it first"),
)
_BINARY: tuple[tuple[int, re.Pattern[bytes], Format], ...] = (
    (0, re.compile(rb"PAR1"), Format.PARQUET),
    (0, re.compile(rb"\xff\xd8\xff"), Format.PHOTO),
    (4, re.compile(rb"ftyp(?:hei[cxms]|hev[cm]|mif1|msf1|avif)"), Format.PHOTO),
)
_RECORDER = "home-assistant"
"""In the name of the recorder's database, whose tables may stand far behind its first pages."""
_SQLITE = b"SQLite format 3\x00"
_RECORDER_TABLE = re.compile(rb"CREATE TABLE [\"'`\[]?states[\"'`\]]?\s*\(", re.IGNORECASE)
_POLARSTEPS_LOCATION = re.compile(
    r'\{\s*"locations"\s*:\s*\[\s*\{\s*(?=[^{}]*"time")(?=[^{}]*"lat")(?=[^{}]*"lon")'
    r'(?:"(?:lat|lon|time)"\s*:\s*[-+\d.eE]+\s*,?\s*){3}\}'
)
_SAMSUNG_POSITION = re.compile(
    r'\[\s*\{(?=[^{}]*"start_time")(?=[^{}]*"latitude")(?=[^{}]*"longitude")[^{}]*\}'
)
_JSON_EXPORTS: tuple[tuple[Format, tuple[re.Pattern[str], ...]], ...] = tuple(
    (format_, tuple(re.compile(rf'"(?:{names})"\s*:') for names in members))
    for format_, members in (
        (Format.PHOTO_SIDECAR, ("photoTakenTime|exifInfo",)),
        (Format.HOME_ASSISTANT, ("entity_id", "attributes", "last_changed|last_updated")),
        (Format.ARC, ("timelineItems|sampleId",)),
        (Format.ARC, ("horizontalAccuracy", "movingState")),
        (Format.POLARSTEPS, ("all_steps",)),
    )
)
"""What only one program writes; looked for before the names that many share."""

_NMEA_LINE = re.compile(
    r"(?:^|[\s,;\\])\$(?:G[A-Z]|BD|QZ|II|IN)(?:RMC|GGA|GNS|ZDA|GLL|GSA|GSV|VTG),"
)
_IGC_HEADER = re.compile(r"(?:^|\n)H[FOP]DTE")
_IGC_FIX = re.compile(r"(?:^|\n)B\d{6}\d{7}[NS]\d{8}[EW][AV]")
_SAMSUNG_TABLE = re.compile(r"com\.samsung\.[\w.]+,\d+,\d+")
_XMP = re.compile(r"<(?:[\w.-]+:)?(?:xmpmeta|xapmeta|RDF)[\s>]")
_OFFICE = {
    "xl/workbook.xml": Format.EXCEL,
    "xl/workbook.bin": "a binary Excel workbook: save it as .xlsx or CSV",
    "word/document.xml": "a Word document: save its table as CSV",
    "ppt/presentation.xml": "a PowerPoint presentation",
    "META-INF/manifest.xml": "an OpenDocument: save the sheet as .xlsx or CSV",
}
_TABLE_ENDINGS = {".csv", ".tsv", ".tab", ".psv"}
_GEOJSON_HINT = re.compile(
    r'"type"\s*:\s*"(?:Feature|FeatureCollection|Point|MultiPoint|LineString|MultiLineString'
    r'|GeometryCollection)"'
)
_FIT_MAGIC = b".FIT"
_FIT_MAGIC_AT = 8
_XML_ROOTS = {
    Format.GPX: re.compile(r"<(?:[\w.-]+:)?gpx[\s>]"),
    Format.TCX: re.compile(r"<(?:[\w.-]+:)?TrainingCenterDatabase[\s>]"),
    Format.KML: re.compile(r"<(?:[\w.-]+:)?kml[\s>]"),
}
_GOOGLE = re.compile(
    r'"(?:timelineEdits|timelineObjects|semanticSegments|rawSignals|timelinePath|activitySegment|placeVisit)"\s*:'
    r'|"(?:placeLocation|start|end|point)"\s*:\s*"geo:'
)
_LOCATIONS = re.compile(r'"locations"\s*:\s*\[')
_OWNTRACKS = re.compile(
    r'"_type"\s*:\s*"(?:location|beacon|card|cmd|configuration|dump|encrypted|lwt|status|steps'
    r'|transition|waypoints?)"'
)
_FEATURE = re.compile(r'"type"\s*:\s*"Feature(?:Collection)?"')
_MEMBER = re.compile(r'"((?:[^"\\]){1,60})"\s*:')
_RECORDER_LINE = re.compile(r"\d{4}-\d\d-\d\dT[\d:.]+Z?\s+(?:\*|[a-z]{1,12})?\s+\{")
"""What the OwnTracks recorder writes: time of arrival, kind, message."""
_XML_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)[\s>/]")


def detect(head: bytes, name: str, *, is_table: bool = False) -> Format:
    """The format of a file that begins with `head`.

    Args:
        head: the first `HEAD_BYTES`.
        name: of the file.
        is_table: text of no known format is a table, whose columns a person has told.

    Raises:
        UnknownFormatError: it is empty, or nothing that can be read.
    """
    if not head:
        raise UnknownFormatError(f"{name}: the file is empty")
    for offset, pattern, format_ in _BINARY:
        if pattern.match(head, offset):
            return format_
    if head.startswith(_SQLITE) and (_RECORDER_TABLE.search(head) or _RECORDER in name.lower()):
        return Format.HOME_ASSISTANT
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset):
            raise UnknownFormatError(f"{name}: is {what}; understood are {UNDERSTOOD}")
    if head.startswith(_FIT_MAGIC, _FIT_MAGIC_AT):
        return Format.FIT
    text = head_text(head).lstrip("\x1e \t\r\n")
    if not text:
        raise UnknownFormatError(f"{name}: the file has nothing but blanks in it")
    if "\x00" in text[:2048]:
        raise UnknownFormatError(f"{name}: is no text; understood are {UNDERSTOOD}")
    if text.startswith("<"):
        return _detect_xml(text, name)
    if text[0] in "{[":
        return _detect_json(text, head, name)
    return Format.CSV if is_table else _detect_table(text, name)


def office_format(members: Iterable[str]) -> Format | str | None:
    """What a zip with these members is, if it is a document: a format, or why it is not read."""
    names = set(members)
    if "[Content_Types].xml" not in names and not names.issuperset(("content.xml", "styles.xml")):
        return None
    found = (what for part, what in _OFFICE.items() if part in names)
    return next(found, "an Office document: save the sheet as CSV")


def head_text(head: bytes) -> str:
    """The beginning of a file as text, without its byte order mark."""
    return head.decode(encoding_of(head), "replace").removeprefix("\ufeff")


def encoding_of(head: bytes) -> str:
    """UTF-16 if a byte order mark says so (Excel's "Unicode text"), else UTF-8."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8"


def best_separator(header: str) -> str:
    """The separator with which a header line names most of the columns that points have."""
    return max(SEPARATORS, key=lambda s: (columns.score(header.split(s)), header.count(s)))


def _detect_xml(text: str, name: str) -> Format:
    text = re.sub(r"<!--.*?-->|<\?.*?\?>", "", text, flags=re.DOTALL)
    found = {kind: at.start() for kind, root in _XML_ROOTS.items() if (at := root.search(text))}
    if found:
        return min(found, key=lambda kind: found[kind])  # the outermost
    if _XMP.search(text):
        return Format.PHOTO_SIDECAR
    root = _XML_ROOT.search(text)
    what = f"XML of kind {root[1][:40]!r}" if root else "XML"
    raise UnknownFormatError(f"{name}: is {what}; understood are {UNDERSTOOD}")


def _detect_json(text: str, head: bytes, name: str) -> Format:
    long_preface = len(head) >= HEAD_BYTES
    for format_, members in _JSON_EXPORTS:
        if all(member.search(text) for member in members):
            return format_
    if _POLARSTEPS_LOCATION.match(text):
        return Format.POLARSTEPS
    if _SAMSUNG_POSITION.match(text):
        return Format.SAMSUNG
    if _GOOGLE.search(text):
        return Format.GOOGLE
    if _LOCATIONS.search(text) and '"latitudeE7"' in text:
        return Format.GOOGLE
    if _LOCATIONS.search(text) and '"Feature"' in text:
        return Format.OVERLAND
    if _OWNTRACKS.search(text) and not _FEATURE.search(text):
        return Format.OWNTRACKS
    if _GEOJSON_HINT.search(text) or _names_positions(text):
        return Format.GEOJSON
    if ending(name) == ".geojson" or long_preface:
        return Format.GEOJSON
    raise UnknownFormatError(f"{name}: is JSON without positions; understood are {UNDERSTOOD}")


def _names_positions(text: str) -> bool:
    """Whether members of the beginning are named as the reader of records understands them."""
    names = list(dict.fromkeys(_MEMBER.findall(text)))[:500]
    found = columns.find(names)
    surely = any(
        len(names[found[role]]) > 1
        for role in (columns.Role.LAT, columns.Role.LON)
        if role in found
    )
    return surely or (columns.has_position(found) and columns.Role.TIME in found)


def _detect_table(text: str, name: str) -> Format:
    if _RECORDER_LINE.match(text):
        return Format.OWNTRACKS
    if _NMEA_LINE.search(text[:8192]) and not _has_header(text):
        return Format.NMEA
    if _IGC_HEADER.search(text) and _IGC_FIX.search(text):
        return Format.IGC
    if _SAMSUNG_TABLE.match(text):
        return _detect_samsung_table(text, name)
    if ending(name) in _TABLE_ENDINGS:
        return Format.CSV
    if _has_header(text):
        return Format.CSV
    raise UnknownFormatError(
        f"{name}: is text without a header line that names latitude and longitude: "
        f"{columns.COLUMNS_HINT} if it is a table; understood are {UNDERSTOOD}"
    )


def _has_header(text: str) -> bool:
    """Whether one of the first lines names latitude and longitude."""
    lines = [line.strip("\"' \r").lstrip("#") for line in text[:8192].split("\n")[:20]]
    for line in lines:
        cells = line.split(best_separator(line))
        if len(cells) > 1 and columns.score([c.strip("\"' ") for c in cells]) >= 200:
            return True
    return False


def _detect_samsung_table(text: str, name: str) -> Format:
    header = text.partition("\n")[2].partition("\n")[0]
    if columns.score([cell.rpartition(".")[2] for cell in header.strip().split(",")]) >= 200:
        return Format.SAMSUNG
    raise UnknownFormatError(
        f"{name}: is a table of Samsung Health without positions: those of exercises are in the "
        f"files location_data.json beside it; understood are {UNDERSTOOD}"
    )


def ending(name: str) -> str:
    """The ending of a name in lower case, without a `.gz` after it."""
    path = PurePosixPath(name.lower())
    return path.with_suffix("").suffix if path.suffix == ".gz" else path.suffix


def stem(name: str) -> str:
    """The name of a file without folders and endings: the device of a file that names none.

    Of the `doc.kml` in a KMZ, it is the name of the KMZ.
    """
    path = PurePosixPath(name.replace("\\", "/"))
    if path.name.lower() == "doc.kml" and path.parent.name:
        path = path.parent
    if path.suffix.lower() == ".gz":
        path = path.with_suffix("")
    return (path.stem or path.name)[:NAME_MAX_CHARS]
