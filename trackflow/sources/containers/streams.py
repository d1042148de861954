"""Bytes out of files, gzip and zip, never written to disk, with an end to what they may unpack to.

Damage counts as the end of the data: a reader gets every byte before it and then asks `damage`.
"""

import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, Self

from trackflow import files
from trackflow.errors import BadInputError

PIECE_BYTES = 65_536
"""Small, because what a decompressor holds when it meets damage is lost with it."""

UNPACKED_MAX_BYTES = 8 * 2**30
RATIO_MAX = 200
RATIO_FROM_BYTES = 50_000_000
"""Tables of points pack 5 to 30 times; 200 times over more than 50 MB is made to do harm."""


class DamagedError(Exception):
    """The data ends before it should. Never leaves this package."""


class Stream:
    """Bytes of one file or archive member, read forwards once.

    Attributes:
        name: what people know it by.
        damage: why the data ended early; empty while all is well.
        path: the file that has just these bytes, if there is one.
        again: opens the same data once more from its beginning, where that is possible.
        close: gives back what it holds.
    """

    def __init__(
        self,
        name: str,
        pieces: Iterator[bytes],
        position: Callable[[], int],
        close: Callable[[], None],
    ) -> None:
        self.name = name
        self.damage = ""
        self.path: Path | None = None
        self.close = close
        self.again: Callable[[], Stream] | None = None
        self._pieces = pieces
        self._held = b""
        self._position = position

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, count: int) -> bytes:
        """`count` bytes, fewer only at the end.

        Raises:
            BadInputError: the disk fails, or the archive unpacks to far too much.
        """
        parts, length = [self._held], len(self._held)
        while length < count:
            piece = self._next_piece()
            if not piece:
                break
            parts.append(piece)
            length += len(piece)
        data = b"".join(parts)
        self._held = data[count:]
        return data[:count]

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, which stay to be read."""
        data = self.read(count)
        self._held = data + self._held
        return data

    def position(self) -> int:
        """Bytes of the file on disk (or of the archive's member) that have been used."""
        return self._position()

    def _next_piece(self) -> bytes:
        try:
            return next(self._pieces, b"")
        except DamagedError as error:
            self.damage = str(error)
        except OSError as error:
            raise BadInputError(f"{self.name}: {_os_words(error)}") from None
        return b""


def open_file(path: Path, name: str, *, packed: bool) -> Stream:
    """A file, unpacked if it is gzip.

    Raises:
        BadInputError: it cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise BadInputError(f"{name}: {_os_words(error)}") from None
    pieces = _pieces_of(file)
    pieces = gunzip(pieces, name) if packed else pieces
    stream = Stream(name, pieces, _counting(file), file.close)
    stream.path = None if packed else path
    return stream


def open_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> Stream:
    """A member of a zip, unpacked once more if it is gzip.

    Raises:
        BadInputError: it is encrypted, packed in an unknown way, or its header is broken.
    """
    if info.flag_bits & 0x1:
        raise BadInputError(f"{name}: is locked with a password; unpack the archive first")
    try:
        file = archive.open(info)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, zlib.error) as error:
        raise BadInputError(f"{name}: cannot be unpacked ({error})") from None
    done = 0

    def counted() -> Iterator[bytes]:
        nonlocal done
        for piece in _member_pieces(file):
            done += len(piece)
            yield piece

    stream = Stream(name, counted(), lambda: done, file.close)
    if stream.peek(2) == b"\x1f\x8b":
        return Stream(name, gunzip(rest_of(stream), name), lambda: done, file.close)
    return stream


def gunzip(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    """The contents of a gzip stream, of one or more members, as far as it is undamaged.

    Raises:
        BadInputError: it unpacks to far too much.
    """
    taken = given = 0

    def counted() -> Iterator[bytes]:
        nonlocal taken
        for piece in packed:
            taken += len(piece)
            yield piece

    try:
        for unpacked in files.gunzip(counted()):
            given += len(unpacked)
            check_size(given, taken, name)
            yield unpacked
    except files.DamagedGzipError as error:
        raise DamagedError(str(error)) from None


def check_size(given: int, taken: int, name: str) -> None:
    """Stop what unpacks to too much.

    Raises:
        BadInputError: `given` bytes out of `taken` are more than any table of points gives.
    """
    if given > UNPACKED_MAX_BYTES:
        raise BadInputError(
            f"{name}: unpacks to more than {UNPACKED_MAX_BYTES // 2**30} GiB; "
            "unpack it and import the plain file"
        )
    if given > RATIO_FROM_BYTES and given > RATIO_MAX * taken:
        raise BadInputError(
            f"{name}: unpacks to more than {RATIO_MAX} times its size, as only a file made to do "
            "harm does; if you trust it, unpack it and import the plain file"
        )


def check_archive(archive: zipfile.ZipFile, packed_bytes: int, name: str) -> None:
    """Refuses an archive whose members add up to far too much.

    Members may overlap in a zip, so the sum is compared with the archive, not each with its own.
    zipfile never unpacks more of a member than the size it declares.

    Raises:
        BadInputError: it would unpack to too much.
    """
    check_size(sum(info.file_size for info in archive.infolist()), packed_bytes, name)


def _pieces_of(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.read(PIECE_BYTES):
        yield piece


def _member_pieces(file: IO[bytes]) -> Iterator[bytes]:
    while True:
        try:
            piece = file.read(PIECE_BYTES)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, OSError):
            raise DamagedError("the zip data is damaged") from None
        if not piece:
            return
        yield piece


def at_any_place(file: IO[bytes], start: int, size_bytes: int | None) -> Iterator[bytes]:
    """A part of a file, in pieces, while others read other parts of it; None = to its end."""
    at, left = start, size_bytes
    while left is None or left > 0:
        file.seek(at)
        piece = file.read(PIECE_BYTES if left is None else min(PIECE_BYTES, left))
        if not piece:
            break
        at += len(piece)
        left = None if left is None else left - len(piece)
        yield piece
    if left:
        raise DamagedError("the archive ends in the middle")


def rest_of(stream: Stream) -> Iterator[bytes]:
    """What is left of a stream, in pieces."""
    while piece := stream.read(PIECE_BYTES):
        yield piece
    if stream.damage:
        raise DamagedError(stream.damage)


def _counting(file: BinaryIO) -> Callable[[], int]:
    last = 0

    def position() -> int:
        nonlocal last
        if not file.closed:
            last = file.tell()
        return last

    return position


def _os_words(error: OSError) -> str:
    return (error.strerror or "cannot be read").lower()
