"""Text of CSV files as UTF-8, in blocks of whole lines."""

import codecs
from collections.abc import Iterator

from trackflow.sources.containers.streams import Stream
from trackflow.sources.heads import PADDED, code_page_of, encoding_of, in_code_page
from trackflow.sources.parsing.csv_rows import (
    LINE_MAX_BYTES,
    blocks,
    line_too_long,
)


def utf8_blocks(stream: Stream, head: bytes, block_bytes: int) -> Iterator[bytes]:
    """The stream as UTF-8, with the line ends of Unix or Windows even if an old Mac wrote it."""
    encoding = encoding_of(head)
    if encoding != "utf-8":
        yield from _from_utf16(stream, block_bytes, encoding)
        return
    only_cr = b"\r" in head and b"\n" not in head
    first = True
    for block in blocks(stream, block_bytes, cr_ends=only_cr):
        plain = block.removeprefix(codecs.BOM_UTF8) if first else block
        first = False
        yield _mended(plain, head)


def _from_utf16(stream: Stream, block_bytes: int, encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    tail = ""
    while True:
        data = stream.read(block_bytes)
        text = tail + decoder.decode(data, final=not data)
        text = text.replace("\r\n", "\n")
        end = text.rfind("\n") + 1 if data else len(text)
        tail = text[end:]
        if len(tail) > LINE_MAX_BYTES:
            raise line_too_long(stream.name)
        if end:
            yield text[:end].replace("\r", "\n").encode("utf-8", "replace")
        if not data:
            return


def as_utf8(head: bytes, encoding: str, *, last: bool) -> bytes:
    """The beginning of a file as UTF-8; `last` says that nothing follows."""
    if encoding == "utf-8":
        return _mended(head.removeprefix(codecs.BOM_UTF8), head)
    decoder = codecs.getincrementaldecoder(encoding)("replace")
    return decoder.decode(head, final=last).removeprefix("\ufeff").encode("utf-8", "replace")


def _mended(block: bytes, head: bytes) -> bytes:
    """The block with the lines that are no UTF-8 read in a code page, as Excel writes them.

    The head says in which.

    By line, not by block: which lines share a block must change nothing.
    """
    if head.startswith(PADDED):
        block = block.replace(b"\x00", b"")
    try:
        block.decode("utf-8")
    except UnicodeDecodeError:
        page = code_page_of(head)
        return b"\n".join(_mended_line(line, page) for line in block.split(b"\n"))
    return block


def _mended_line(line: bytes, page: str) -> bytes:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return in_code_page(line, page).encode("utf-8")
    return line
