"""What a file is, by its first bytes; its name only decides where the bytes leave it open.

Each module of `trackflow.sources.formats` declares the marks of its format. The tables
here are of files that are known and not read.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from types import MappingProxyType

from trackflow.sources import formats
from trackflow.sources.file_format import FileFormat, UnknownFormatError
from trackflow.sources.heads import PADDED, Head
from trackflow.sources.values import columns

_NOT_READ = (
    (0, b"\x89PNG", "a PNG image: its JPEG, or its XMP sidecar, can be read"),
    (0, b"II*\x00", "a TIFF or raw photo: its JPEG, or its XMP sidecar, can be read"),
    (0, b"MM\x00*", "a TIFF or raw photo: its JPEG, or its XMP sidecar, can be read"),
    (0, b"GIF8", "a GIF image: its JPEG, or its XMP sidecar, can be read"),
    (8, b"WEBP", "a WebP image: its JPEG, or its XMP sidecar, can be read"),
    (4, b"ftyp", "a film or an image of an unknown kind: its XMP sidecar can be read"),
    (0, b"%PDF", "a PDF document: save its table as CSV"),
    (0, b"\x00\x00\x27\x0a", "a shapefile: export its layer as GeoJSON or CSV, with its times"),
    (0, b"fgb", "a FlatGeobuf: export its layer as GeoJSON or CSV, with a column of times"),
    (0, b"ARROW1", "an Arrow file: save its table as Parquet"),
    (0, b"Obj\x01", "an Avro file: save its table as Parquet or CSV"),
    (0, b"ORC", "an ORC file: save its table as Parquet or CSV"),
    (0, b"\x89HDF", "an HDF5 or netCDF file: save its table as CSV"),
    (0, b"CDF", "a netCDF file: save its table as CSV"),
    (0, b"\xb5b", "raw data of a u-blox receiver: convert it to NMEA"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document: save it as .xlsx or CSV"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"),
    (0, b"\x28\xb5\x2f\xfd", "packed with zstd: unpack it first"),
    (0, b"Rar!", "a RAR archive: unpack it first"),
)
"""Where which bytes stand, and what such a file is."""

_DOCUMENTS_NOT_READ = {
    "xl/workbook.bin": "a binary Excel workbook: save it as .xlsx or CSV",
    "word/document.xml": "a Word document: save its table as CSV",
    "ppt/presentation.xml": "a PowerPoint presentation",
}
"""Members of a zip that make it one document."""

_XML_NOT_READ = {
    "HealthData": "Apple Health's list of measurements: its routes are beside it in "
    "workout-routes, so import the whole export.zip",
    "osm": "a map of OpenStreetMap and no recording",
    "html": "a page of the web, as is sent in place of a file to whoever is not signed in: save "
    "the file itself",
}
"""Kinds of XML that are known."""

_TEXTS_NOT_READ = (
    (
        re.compile(
            r"[\w.-]+(?:,[\w.-]+=[^\s,]+)* [\w.-]+=[^\s,]+(?:,[\w.-]+=[^\s,]+)* \d{10,19}\n"
        ),
        "line protocol of InfluxDB: query it with its fields in columns, and save that as CSV",
    ),
    (
        re.compile(r"(?:%.*\n)*% +(?:GPST|UTC|JST) .*latitude"),
        "positions of RTKLIB: have it write NMEA (out-solformat=nmea)",
    ),
    (
        re.compile(r"[234]\.\d\d +OBSERVATION DATA"),
        "raw measurements (RINEX) that have no positions yet: work them out, and save them as NMEA",
    ),
    (re.compile(r"G  WGS 84\s.*\n"), "a track of CompeGPS or TwoNav: save it as GPX"),
)
"""How texts begin that are known."""

_JSON = re.compile(r"\{|\[\s*[\[{\"0-9tfn\]-]")
_NO_TEXT = (
    "no text, and of no kind that is known: export it as GPX or CSV (GPSBabel converts files of "
    "many receivers)"
)
_XML_ROOT = re.compile(r"<(?:[\w.-]+:)?([A-Za-z][\w.-]*)[\s>/]")


@cache
def known_formats() -> Mapping[str, FileFormat]:
    """All formats by name: each module of `trackflow.sources.formats` has a `FORMAT`."""
    modules = (
        import_module(f"{formats.__name__}.{m.name}") for m in iter_modules(formats.__path__)
    )
    found = [module.FORMAT for module in modules]
    return MappingProxyType({each.name: each for each in sorted(found, key=lambda f: f.name)})


@cache
def understood() -> str:
    """The formats in a sentence, for messages."""
    labels = sorted((each.label for each in known_formats().values()), key=str.casefold)
    return f"{', '.join(labels)}, each also inside .gz, .bz2, .xz, .zip or .tar"


def detect(data: bytes, name: str, *, is_table: bool = False) -> str:
    """The name of the format of a file that begins with `data`.

    Args:
        data: the first `HEAD_BYTES`.
        name: of the file.
        is_table: text of no known format is a table, whose columns are given by options.

    Raises:
        UnknownFormatError: it is empty, or nothing that can be read.
    """
    if not data:
        raise UnknownFormatError(f"{name}: the file is empty")
    head = Head(data, name)
    if (found := _surest(head, binary=True)) is not None:
        return found
    for offset, magic, what in _NOT_READ:
        if data.startswith(magic, offset) and not head.has_sentences:
            raise UnknownFormatError(f"{name}: is {what}; understood are {understood()}")
    if not head.text:
        raise UnknownFormatError(f"{name}: the file has nothing but blanks in it")
    # a file system that was not unmounted leaves zeros where the end of a file should be
    start = head.text.rstrip("\x00")
    if "\x00" in (start if "\n" in start else head.text)[:2048] and not data.startswith(PADDED):
        raise UnknownFormatError(f"{name}: is {_NO_TEXT}; understood are {understood()}")
    is_marked = head.text[0] in "<{["
    if is_table and not is_marked:
        return "csv"
    for beginning, what in _TEXTS_NOT_READ:
        if beginning.match(head.text):
            raise UnknownFormatError(f"{name}: is {what}; understood are {understood()}")
    if (found := _surest(head, binary=False)) is not None:
        return found
    raise UnknownFormatError(f"{name}: is {_what(head)}; understood are {understood()}")


def document_format(members: Iterable[str]) -> FileFormat | str | None:
    """What a zip with these members is, if it is a document: a format, or why it is not read."""
    names = set(members)
    if "[Content_Types].xml" not in names and not names.issuperset(("content.xml", "styles.xml")):
        return None
    for each in known_formats().values():
        if names.intersection(each.documents):
            return each
    found = (what for part, what in _DOCUMENTS_NOT_READ.items() if part in names)
    return next(found, "an Office document: save the sheet as CSV")


def _surest(head: Head, *, binary: bool) -> str | None:
    """The name of the format that a head makes surest, None for none."""
    asked = [each for each in known_formats().values() if each.is_binary == binary]
    sure = [(how, each.name) for each in asked if (how := each.recognise(head)) is not None]
    return min(sure)[1] if sure else None


def _what(head: Head) -> str:
    """What a text is that is of no known format, and what to do about it."""
    if head.text.startswith("<"):
        root = _XML_ROOT.search(head.xml)
        if root and root[1] in _XML_NOT_READ:
            return _XML_NOT_READ[root[1]]
        kind = f"XML of kind {root[1][:40]!r}" if root else "XML"
        return f"{kind}, which is not read: export it as GPX or CSV"
    if _JSON.match(head.text):
        return (
            "JSON without positions and times under names that are known: export it as GPX, "
            "GeoJSON or CSV"
        )
    return (
        "text without a header line that names latitude and longitude: "
        f"{columns.COLUMNS_HINT} if it is a table"
    )
