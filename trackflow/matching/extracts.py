"""Which kind of OpenStreetMap extract a file is, by its content: names are often wrong.

OSRM reads pbf, and XML that is plain or packed by gzip or bzip2, and distinguishes them by
suffix. It reports broken XML itself; a pbf is checked before (`matching.pbf`).
"""

import bz2
import zlib
from contextlib import suppress
from pathlib import Path

from trackflow.errors import NetworkBuildError
from trackflow.matching.pbf import check_pbf, no_extract

START_BYTES = 64 * 1024
"""So much of a file shows what it is; a comment may stand before the first element."""

GZIP, BZIP2 = b"\x1f\x8b", b"BZh"

_OTHERS = {
    b"\x89PNG": "a PNG image",
    b"\xff\xd8": "a JPEG image",
    b"PK": "a zip file: unpack it first",
    b"%PDF": "a PDF",
    b"\xfd7zXZ": "an xz file: unpack it first",
    b"\x28\xb5\x2f\xfd": "a zstd file: unpack it first",
    b"7z\xbc\xaf": "a 7z file: unpack it first",
    b"\xff\xe0\x04\x6f5m2": "an o5m file: convert it to .osm.pbf with osmium",
    b"\xff\xe0\x04\x6f5c2": "an o5c file of changes: take an extract",
}


def checked_suffix(path: Path) -> str:
    """The suffix under which OSRM reads an extract, after a look at its content.

    Raises:
        NetworkBuildError: it is empty, something else, or a pbf that is cut short.
    """
    with path.open("rb") as file:
        start = file.read(START_BYTES)
    if not start:
        raise NetworkBuildError(f"{path.name} is empty: download it again")
    if start.startswith(GZIP):
        _check_packed(path, _unpacked(path, zlib.decompressobj(zlib.MAX_WBITS | 16)), "gzip")
        return ".osm.gz"
    if start.startswith(BZIP2):
        _check_packed(path, _unpacked(path, bz2.BZ2Decompressor()), "bzip2")
        return ".osm.bz2"
    if _is_osm_xml(start):
        return ".osm"
    if (other := _is_other(start)) is not None:
        raise no_extract(path, other)
    check_pbf(path)
    return ".osm.pbf"


def _check_packed(path: Path, inside: bytes, packing: str) -> None:
    if _is_osm_xml(inside):
        return
    if b"OSMHeader" in inside[:64]:
        raise NetworkBuildError(f"{path.name} is a pbf packed once more by {packing}: unpack it")
    if not inside:
        raise NetworkBuildError(f"{path.name} is damaged or incomplete: download it again")
    what = _is_other(inside) or "something else"
    raise no_extract(path, f"a {packing} file with {what} inside")


def _unpacked(path: Path, unpacker: "zlib._Decompress | bz2.BZ2Decompressor") -> bytes:
    """The first bytes of what a packed file holds; nothing if it cannot be unpacked.

    A block of bzip2 gives nothing before it is read whole, which may take some 900 kB.
    """
    found = b""
    with path.open("rb") as file, suppress(zlib.error, OSError, EOFError):
        while len(found) < START_BYTES and (packed := file.read(START_BYTES)):
            found += unpacker.decompress(packed, START_BYTES)
    return found


def _is_osm_xml(start: bytes) -> bool:
    """Whether the first element is `osm`, after a byte order mark, a declaration and comments."""
    text = _decoded(start).lstrip("\ufeff \t\r\n")
    while text.startswith(("<?", "<!--", "<!DOCTYPE osm")):
        end = "?>" if text.startswith("<?") else "-->" if text.startswith("<!--") else ">"
        text = text.partition(end)[2].lstrip()
    return text.startswith("<osm") and text[4:5] in (" ", ">", "\t", "\r", "\n", "/")


def _decoded(start: bytes) -> str:
    wide = start.startswith((b"\xff\xfe", b"\xfe\xff"))
    return start.decode("utf-16" if wide else "utf-8", errors="replace")


def _is_other(start: bytes) -> str | None:
    """What a file that is no extract seems to be; None if it may be a pbf."""
    for magic, name in _OTHERS.items():
        if start.startswith(magic):
            return name
    if b"OSMHeader" in start[:64]:
        return None
    text = start[:512].lstrip().lower()
    if text.startswith((b"<!doctype html", b"<html")):
        return "a web page"
    if b"<osmchange" in text:
        return "a file of changes"
    if text.startswith(b"<"):
        return "other XML"
    return "text" if start.isascii() and b"\0" not in start else None
