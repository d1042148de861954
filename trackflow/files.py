"""Files: written whole or not at all, names of unfinished ones, and bounded unpacking of gzip."""

import datetime as dt
import errno
import fcntl
import os
import secrets
import shutil
import stat
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from trackflow.errors import BadInputError, SettingsError

UNFINISHED_ENDINGS = (".part", ".partial", ".tmp", ".crdownload", ".download", ".filepart")
"""Endings of copies and downloads under way; programs rename them when they are complete."""

SETTLE_S = 10.0
"""A file that changed within so many seconds may still be being written."""

GZIP_MAGIC = b"\x1f\x8b"

_SLICE_BYTES = 32_768
"""Packed bytes that are unpacked at once; a slice with damage is unpacked byte by byte."""

_PIECE_BYTES = 262_144
"""Unpacked bytes in a piece, at most."""


def is_settled(status: os.stat_result, now: dt.datetime) -> bool:
    """Whether nothing has changed a file just now.

    The newest change of its content or its name counts: a copy may keep the content's old time. A
    time in the future comes from a wrong clock.
    """
    return abs(now.timestamp() - max(status.st_mtime, status.st_ctime)) >= SETTLE_S


def make_home(home: Path) -> None:
    """Make the folder of a store if it is missing, for its owner alone: it says where people were.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        home.mkdir(0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"cannot make the folder {home} (TRACKFLOW_HOME): {error.strerror}"
        ) from None


def is_unfinished(name: str) -> bool:
    """Whether a file of this name is still being written: read now, it would be half a file."""
    return name.lower().endswith(UNFINISHED_ENDINGS)


def ordinary_files(folder: Path) -> Iterator[tuple[Path, str, os.stat_result]]:
    """The finished files below a folder in order of name: each with its name and its status.

    The name is the path below the folder, as text that can be stored. Hidden files and folders are
    left out.
    """
    for parent, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if name.startswith(".") or is_unfinished(name):
                continue
            path = Path(parent) / name
            try:
                status = path.stat()
            except OSError:
                continue  # gone in the meantime
            if stat.S_ISREG(status.st_mode):
                relative = path.relative_to(folder).as_posix()
                # any bytes can be a file's name, but not every one can be stored as text
                yield path, relative.encode("utf-8", "backslashreplace").decode(), status


@contextmanager
def whole_file(path: Path, *, private: bool = False, durable: bool = False) -> Iterator[IO[bytes]]:
    """A file to write that takes its name when it is complete; after an error there is none.

    Until then it has a hidden name in the same folder, which no reader takes for a finished file.

    Args:
        path: its name; an older file of this name is replaced.
        private: only its owner may read it.
        durable: it is on the disk, not only in the memory of the machine, before it takes its name.

    Raises:
        OSError: it cannot be written.
    """
    if not path.name:  # `.` or `/`
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    part = path.with_name(f".{path.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def chosen_file(path: Path, *, private: bool = False, durable: bool = False) -> Iterator[IO[bytes]]:
    """As `whole_file`, for a file that a person has named.

    Raises:
        SettingsError: it cannot be written.
    """
    try:
        with whole_file(path, private=private, durable=durable) as file:
            yield file
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror or error}") from None


def chosen_text(path: Path) -> str:
    """The text of a file that a person has named.

    Raises:
        BadInputError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInputError(f"cannot read {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise BadInputError(f"cannot read {path}: it is not UTF-8") from None


@contextmanager
def workshop(into: Path) -> Iterator[Path]:
    """A temporary folder for what takes long to make, removed at the end, also after an error.

    A build that is killed outright leaves its folder behind. Each folder holds a lock that dies
    with its owner, so the next build can distinguish such leftovers from the folders of running
    builds. Both steps are done under one lock: a folder that was just made is not yet locked.
    """
    with (into / ".lock").open("w") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        for leftover in into.glob(".building-*"):
            if _is_abandoned(leftover):
                shutil.rmtree(leftover, ignore_errors=True)
        workshop = Path(tempfile.mkdtemp(prefix=".building-", dir=into))
        owner = (workshop / "owner").open("w")
        fcntl.flock(owner, fcntl.LOCK_EX)
    try:
        yield workshop
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
        owner.close()


def _is_abandoned(workshop: Path) -> bool:
    try:
        with (workshop / "owner").open() as owner:
            fcntl.flock(owner, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


class DamagedGzipError(Exception):
    """The gzip data is broken; everything before the damage has been yielded."""


class TrailingDataError(DamagedGzipError):
    """The gzip data is whole, but followed by something else."""


def gunzip(packed: Iterable[bytes]) -> Iterator[bytes]:
    """The content of a gzip stream of one or more members, in pieces of 256 KiB at most.

    The caller counts the bytes and stops when they are too many: a small stream may unpack to a
    thousand times its size. The standard library's reader is not used because on a truncated file
    it raises without returning the bytes that it has unpacked.

    Args:
        packed: the stream, in pieces of any size.

    Raises:
        DamagedGzipError: it is broken or ends in the middle; after every byte before that.
    """
    unpacker, is_begun = zlib.decompressobj(wbits=31), False
    for data in _slices(packed):
        is_begun = True
        while data:
            if unpacker.eof:
                data = data.lstrip(b"\x00")  # padding that tapes and some loggers leave
                if not data:
                    break
                if not GZIP_MAGIC.startswith(data[:2]):
                    raise TrailingDataError("the gzip data is followed by something else")
                unpacker = zlib.decompressobj(wbits=31)
            before = unpacker.copy()
            try:
                piece = unpacker.decompress(data, _PIECE_BYTES)
            except zlib.error:
                yield from _until_damage(before, data)
                raise DamagedGzipError("the gzip data is damaged") from None
            data = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
            if piece:
                yield piece
    if is_begun and not unpacker.eof:
        raise DamagedGzipError("the gzip data ends in the middle")


def _slices(packed: Iterable[bytes]) -> Iterator[bytes]:
    for data in packed:
        for at in range(0, len(data), _SLICE_BYTES):
            yield data[at : at + _SLICE_BYTES]


def _until_damage(unpacker: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """The content of broken data up to the damage."""
    for k in range(len(data)):
        rest = data[k : k + 1]
        while rest:
            try:
                piece = unpacker.decompress(rest, _PIECE_BYTES)
            except zlib.error:
                return
            if piece:
                yield piece
            rest = unpacker.unconsumed_tail


def hinted_separator(line: str) -> str:
    """What the line `sep=;` names, which Excel takes for a hint and no row; "" for other lines."""
    text = line.strip("\r\n")
    return text[4] if text.lower().startswith("sep=") and len(text) == 5 else ""


def without_hint(text: str) -> tuple[int, str, str]:
    """A table without byte order mark and hint, if there are any.

    Returns:
        The line at which it begins, what is left, and the separator; "" if nothing names it.
    """
    text = text.removeprefix("\ufeff")
    head, _, rest = text.partition("\n")
    separator = hinted_separator(head)
    return (2, rest, separator) if separator else (1, text, "")


def plain_table(text: str) -> tuple[str, str]:
    """A small table without byte order mark and hint, and what parts its cells.

    Excel of half of Europe writes 24,9 and parts them by semicolons.
    """
    _, text, separator = without_hint(text)
    return text, separator or max(",;\t", key=text.partition("\n")[0].count)
