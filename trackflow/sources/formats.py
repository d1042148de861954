"""What a file is, by its first bytes; its name only decides where the bytes leave it open."""

import codecs
import re
from enum import StrEnum
from pathlib import PurePosixPath

from trackflow.errors import BadInputError
from trackflow.sources import columns

HEAD_BYTES = 65_536
NAME_MAX_CHARS = 200

SEPARATORS = (",", ";", "\t", "|")

UNDERSTOOD = (
    "GPX, TCX, KML, FIT, CSV (also TSV), GeoJSON, Parquet, Google Timeline, OwnTracks and "
    "Overland, each also inside .gz or .zip"
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
    PARQUET = "parquet"


class UnknownFormatError(BadInputError):
    """A file is none of the formats that are understood."""


_MAGIC = (
    (0, b"\x89PNG", "a PNG image"),
    (0, b"\xff\xd8\xff", "a JPEG image"),
    (0, b"%PDF", "a PDF document"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (0, b"BZh", "packed with bzip2: unpack it first"),
    (0, b"\xfd7zXZ", "packed with xz: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (257, b"ustar", "a tar archive: unpack it first"),
)
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
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset):
            raise UnknownFormatError(f"{name}: is {what}; understood are {UNDERSTOOD}")
    if head.startswith(b"PAR1"):
        return Format.PARQUET
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
    root = _XML_ROOT.search(text)
    what = f"XML of kind {root[1][:40]!r}" if root else "XML"
    raise UnknownFormatError(f"{name}: is {what}; understood are {UNDERSTOOD}")


def _detect_json(text: str, head: bytes, name: str) -> Format:
    long_preface = len(head) >= HEAD_BYTES
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
    if ending(name) in _TABLE_ENDINGS:
        return Format.CSV
    lines = [line.strip("\"' \r").lstrip("#") for line in text[:8192].split("\n")[:20]]
    for line in lines:
        cells = line.split(best_separator(line))
        if len(cells) > 1 and columns.score([c.strip("\"' ") for c in cells]) >= 200:
            return Format.CSV
    raise UnknownFormatError(
        f"{name}: is text without a header line that names latitude and longitude: "
        f"{columns.COLUMNS_HINT} if it is a table; understood are {UNDERSTOOD}"
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
