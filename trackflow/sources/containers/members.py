"""The members of an archive: zip or tar, on a file that can be read at any place."""

import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO

from trackflow.sources.containers.spooling import stream_over
from trackflow.sources.containers.streams import (
    DamagedError,
    Stream,
    check_archive,
    open_member,
    pieces_at,
)

ZIP = (b"PK\x03\x04", b"PK\x05\x06")
MEMBERS_MAX = 200_000
_BLOCK_BYTES = 512
_NAME_MAX_BYTES = 2**20
"""A header that declares a longer name would be read into memory whole."""

_MALFORMED = (
    tarfile.TarError, zipfile.BadZipFile, NotImplementedError, OSError, ValueError, LookupError,
    OverflowError, zlib.error,
)  # fmt: skip
_CHECKSUM = slice(148, 156)


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        name: as the archive has it: it may try to climb out.
        size_bytes: unpacked.
        open: a stream of its bytes, given the name that is shown to people.
        skipped: why it is left out.
        broken: what is wrong with it, or with the archive from here on.
    """

    name: str
    size_bytes: int = 0
    open: Callable[[str], Stream] | None = None
    skipped: str = ""
    broken: str = ""


class ArchiveError(Exception):
    """The archive cannot be read. Never leaves this package."""


def is_tar(head: bytes) -> bool:
    """Whether a file that begins with `head` is a tar archive, of old and new kinds.

    The checksum of its first header shows it; the oldest kind has no other mark.
    """
    block = head[:_BLOCK_BYTES]
    if len(block) < _BLOCK_BYTES or not block[0]:
        return False
    text = block[_CHECKSUM].split(b"\x00")[0].strip()
    if not text or any(digit not in b"01234567" for digit in text):
        return False
    return int(text, 8) == sum(block) - sum(block[_CHECKSUM]) + 8 * ord(" ")


def members_of(file: IO[bytes], head: bytes, size_bytes: int, name: str) -> Iterator[Member]:
    """The members of an archive, folders left out.

    Args:
        file: the archive; it stays open as long as its members are read.
        head: its first bytes.
        size_bytes: of the archive.
        name: shown to people.

    Raises:
        ArchiveError: it is no whole archive.
        BadInputError: it would unpack to far too much.
    """
    return _of_zip(file, size_bytes, name) if head.startswith(ZIP) else _of_tar(file, size_bytes)


def _of_zip(file: IO[bytes], size_bytes: int, name: str) -> Iterator[Member]:
    try:
        archive = zipfile.ZipFile(file)
        check_archive(archive, size_bytes, name)
    except _MALFORMED as error:
        raise ArchiveError(f"not a whole zip archive ({error})") from None
    members = archive.infolist()
    if len(members) > MEMBERS_MAX:
        raise ArchiveError(f"has more than {MEMBERS_MAX} members")

    def opener(info: zipfile.ZipInfo) -> Callable[[str], Stream]:
        return lambda shown: open_member(archive, info, shown)

    for info in sorted(members, key=lambda info: info.filename):
        if not info.is_dir():
            yield Member(info.filename, info.file_size, opener(info))


class _Header(tarfile.TarInfo):
    """A header that is not believed when it claims a name of gigabytes."""

    def _proc_member(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        long_kinds = (
            tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE, tarfile.GNUTYPE_LONGNAME,
            tarfile.GNUTYPE_LONGLINK,
        )  # fmt: skip
        if self.type in long_kinds and self.size > _NAME_MAX_BYTES:
            raise tarfile.HeaderError("a name of more than 1 MiB")
        return super()._proc_member(archive)  # type: ignore[misc,no-any-return]


def _of_tar(file: IO[bytes], size_bytes: int) -> Iterator[Member]:
    """Goes on at the next whole header where one is damaged, and reports it."""
    end, count = 0, 0
    file.seek(0)
    try:
        # Without ignore_zeros, the standard library ends at a damaged header as if all were well.
        with tarfile.open(fileobj=file, mode="r:", tarinfo=_Header, ignore_zeros=True) as archive:
            while (info := archive.next()) is not None:
                archive.members = []  # type: ignore[attr-defined]  # it would keep every header
                count += 1
                if count > MEMBERS_MAX:
                    yield Member("", broken=f"has more than {MEMBERS_MAX} members")
                    return
                if _has_data(file, end, info.offset):
                    yield Member("", broken=f"is damaged before {info.name[:100]!r}")
                end = _end_of(info)
                if not info.isdir():
                    yield _tar_member(file, info)
    except _MALFORMED as error:
        if not count:
            raise ArchiveError(f"not a whole tar archive ({error})") from None
        yield Member("", broken=f"is damaged after {count} members ({error})")
        return
    if _has_data(file, end, size_bytes) or end > size_bytes + _BLOCK_BYTES:
        yield Member("", broken="is damaged or cut off at its end")


def _tar_member(file: IO[bytes], info: tarfile.TarInfo) -> Member:
    if info.issparse():
        return Member(info.name, skipped="has holes that tar left out: unpack the archive first")
    if not info.isreg():
        return Member(info.name, skipped="not an ordinary file")

    def open_(shown: str) -> Stream:
        return stream_over(file, shown, info.offset_data, info.size)

    return Member(info.name, info.size, open_)


def _end_of(info: tarfile.TarInfo) -> int:
    size_bytes = info.size if info.isreg() else 0
    return int(info.offset_data) + -(-size_bytes // _BLOCK_BYTES) * _BLOCK_BYTES


def _has_data(file: IO[bytes], start: int, end: int) -> bool:
    """Whether there is anything but zeros in a stretch that should be padding."""
    if end <= start:
        return False
    try:
        return any(piece.strip(b"\x00") for piece in pieces_at(file, start, end - start))
    except DamagedError:
        return True
