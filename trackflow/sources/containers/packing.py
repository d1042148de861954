"""Layers of compression around a file, taken off by content: gzip, bzip2 and xz.

Each is unpacked piece by piece, and gives its content up to the damage.
"""

import bz2
import lzma
from collections.abc import Callable, Iterator

from trackflow.sources.containers.streams import (
    PIECE_BYTES,
    DamagedError,
    Stream,
    check_size,
    gunzip,
    rest_of,
)

GZIP = b"\x1f\x8b"
BZIP2 = b"BZh"
XZ = b"\xfd7zXZ\x00"
LAYERS_MAX = 3
XZ_MEMORY_BYTES = 256 * 2**20
"""A dictionary as large as `xz -9` makes needs 65 MB; a header may claim 4 GiB."""

type _Unpack = Callable[[Iterator[bytes], str], Iterator[bytes]]


def unpacked(stream: Stream) -> Stream:
    """A stream without the compression around it; the stream itself if it has none.

    Raises:
        BadInputError: it unpacks to far too much.
    """
    for _ in range(LAYERS_MAX):
        unpack = _unpacker(stream.peek(len(XZ)))
        if unpack is None:
            break
        inner = stream
        stream = Stream(inner.name, unpack(rest_of(inner), inner.name), inner.position, inner.close)
    return stream


def is_packed(head: bytes) -> bool:
    """Whether data that begins with `head` is compressed in a way that is understood."""
    return _unpacker(head) is not None


def _unpacker(head: bytes) -> _Unpack | None:
    if head.startswith(GZIP):
        return gunzip
    if head.startswith(BZIP2) and head[3:4].isdigit():
        return _unpack_bzip2
    return _unpack_xz if head.startswith(XZ) else None


def _unpack_bzip2(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    return _unpack_members(packed, name, bz2.BZ2Decompressor, "bzip2")


def _unpack_xz(packed: Iterator[bytes], name: str) -> Iterator[bytes]:
    def decompressor() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)

    return _unpack_members(packed, name, decompressor, "xz")


def _unpack_members(
    packed: Iterator[bytes],
    name: str,
    decompressor: Callable[[], bz2.BZ2Decompressor | lzma.LZMADecompressor],
    kind: str,
) -> Iterator[bytes]:
    """The contents of one or more compressed members, one after another.

    Args:
        packed: the compressed bytes.
        name: the file, for messages.
        decompressor: makes one for each member.
        kind: the name of the compression.
    """
    taken = given = 0
    unpacker = decompressor()
    for piece in packed:
        taken += len(piece)
        data = piece
        while data or not unpacker.needs_input:
            if unpacker.eof:
                data = data.lstrip(b"\x00")  # padding between members
                if not data:
                    break
                unpacker = decompressor()
            try:
                unpacked = unpacker.decompress(data, PIECE_BYTES)
            except (OSError, lzma.LZMAError, EOFError, ValueError):
                raise DamagedError(f"the {kind} data is damaged") from None
            data = unpacker.unused_data if unpacker.eof else b""
            given += len(unpacked)
            check_size(given, taken, name)
            if unpacked:
                yield unpacked
    if taken and not unpacker.eof:
        raise DamagedError(f"the {kind} data ends in the middle")
