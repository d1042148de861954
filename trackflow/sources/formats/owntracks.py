"""Reads OwnTracks: the recorder's `.rec` files, and messages as JSON.

A line of a `.rec` file is the time of arrival, the kind and the message, with tabs between, or
spaces where an editor has replaced them. Messages may lie below their user and device. The
recorder keeps them as `USER/DEVICE/2026-01.rec`: where these folders are part of the name, they
name the device. A message is read as one that is sent live (`devices.owntracks`).
"""

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import cast

from trackflow.sources.admission import Candidates
from trackflow.sources.containers.streams import PIECE_BYTES, Stream
from trackflow.sources.devices import owntracks
from trackflow.sources.devices.bodies import TooMuchError, UnreadableError, read_json
from trackflow.sources.devices.fixes import Record
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.heads import Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, Collector
from trackflow.sources.values.columns import NoPositionsError

LINE_MAX_BYTES = 2**20
_HEAD_BYTES = 4_096
_RECORD = re.compile(
    rb"\s{0,9}([^\s{]{1,200})\s{1,64}(?:([^\s{]{1,200})\s{1,64})?(\{.*)", re.DOTALL
)
"""Time of arrival, kind, message; or a topic and its message, as `mosquitto_sub -v` prints them."""
_MONTH_FILE = re.compile(r"\d{4}-\d\d\.rec(?:\.gz)?")


def read_owntracks(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,  # noqa: ARG001  messages need no options
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a file of OwnTracks messages, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, also where they name another; by
            default that of the folders of the recorder, then of a message.
        fallback_device: the device of messages that name none.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        BadInputError: there is no message in it.
    """
    device_id = device_id or _recorded_device(stream.name)
    if _MONTH_FILE.fullmatch(PurePosixPath(stream.name).name):
        fallback_device = owntracks.SOURCE  # the month would be a device of its own

    def candidates(messages: list[Record]) -> Candidates:
        return owntracks.candidates(messages, device_id=device_id, fallback_device=fallback_device)

    collector = Collector(stream, device_id, now_us, candidates)
    is_json = stream.peek(1024).lstrip(b"\xef\xbb\xbf\x1e \t\r\n")[:1] in (b"{", b"[")
    messages = _of_json(stream) if is_json else _of_recorder(stream)
    any_message = False
    locator = ""
    for count, (message, locator) in enumerate(messages, start=1):
        any_message = _add(collector, message, locator) or any_message
        if count % chunk_points == 0 and len(collector):
            yield collector.chunk()
    collector.end(locator)
    if not any_message:
        raise NoPositionsError(f"{stream.name}: has no message of OwnTracks")
    yield collector.chunk()


def _add(collector: Collector[Record], message: object, locator: str) -> bool:
    """Whether it was a message."""
    if isinstance(message, BrokenStretch):
        collector.refuse(message.reason, message.raw, locator)
        return False
    kind = owntracks.kind_of(message)
    if kind is owntracks.MessageKind.LOCATION:
        collector.add(cast(Record, message), locator)
    elif kind in owntracks.REFUSED:
        collector.refuse(owntracks.REFUSED[kind], message, locator)
    return kind is not owntracks.MessageKind.UNKNOWN


def _of_json(stream: Stream) -> Iterator[tuple[object, str]]:
    elements = JsonElements(stream, is_nested=_is_nested(stream.peek(_HEAD_BYTES)))
    for count, element in enumerate(elements, start=1):
        named = "/".join(elements.path)
        if isinstance(element, dict) and "topic" not in element:
            named = named or _recorded_by(element)
            if named:
                element["topic"] = f"owntracks/{named}"
        yield element, f"element {count}"


def _recorded_by(message: Record) -> str:
    """The user and device that the recorder's API writes beside a message."""
    user, device = message.get("username"), message.get("device")
    return f"{user}/{device}" if isinstance(user, str) and isinstance(device, str) else ""


_NESTED = re.compile(
    rb'\s*\{\s*"[^"]{1,200}"\s*:\s*(?:\{\s*"[^"]{1,200}"\s*:\s*)?\[\s*\{[^{}]{0,2000}"_type"'
)
_ELEMENT_LISTS = re.compile(rb'\s*\{\s*"(?:count|data|locations)"')


def _is_nested(head: bytes) -> bool:
    """Whether messages are listed below their user and device: `{"jane": {"phone": [...]}}`."""
    return _NESTED.match(head) is not None and _ELEMENT_LISTS.match(head) is None


def _of_recorder(stream: Stream) -> Iterator[tuple[object, str]]:
    for count, (line, is_whole) in enumerate(_lines(stream), start=1):
        if line.strip():
            yield _message(line, is_whole), f"line {count}"


def _message(line: bytes, is_whole: bool) -> object:
    """The message of a line; one that is cut off by the end of the file is `truncated`."""
    parts = _RECORD.fullmatch(line.rstrip())
    if len(line) <= LINE_MAX_BYTES and parts is not None:
        try:
            word, message = parts[2] or parts[1], read_json(parts[3])
            return _with_topic(message, word) if b"/" in word else message
        except (UnreadableError, TooMuchError):
            pass
    raw = line[:2000].decode("utf-8", "replace")
    return BrokenStretch(RefusalReason.UNREADABLE if is_whole else RefusalReason.TRUNCATED, raw)


def _with_topic(message: object, word: bytes) -> object:
    """A message with the topic that is printed before it, if it has none itself."""
    if isinstance(message, dict) and "topic" not in message:
        message["topic"] = word.decode("utf-8", "replace")
    return message


def _lines(stream: Stream) -> Iterator[tuple[bytes, bool]]:
    """Lines without their ends, and whether there was one; of too long ones only the beginning."""
    partial = b""
    skipping = False
    while data := stream.read(PIECE_BYTES):
        *whole, rest = (partial + data).split(b"\n")
        for line in whole:
            if not skipping:
                yield line, True
            skipping = False
        partial = b"" if skipping else rest
        if len(partial) > LINE_MAX_BYTES:
            yield partial, True
            partial, skipping = b"", True
    if partial:
        yield partial, False


def _recorded_device(name: str) -> str | None:
    """The user and device of the recorder's folders, if they are part of a name."""
    path = PurePosixPath(name)
    last = path.parts[-4:]
    if len(last) == 4 and last[0] == "last" and path.name == f"{last[1]}-{last[2]}.json":
        return owntracks.device_named(last[1], last[2])
    if not _MONTH_FILE.fullmatch(path.name) or len(path.parts) < 3:
        return None
    return owntracks.device_named(path.parts[-3], path.parts[-2])


_MESSAGE = re.compile(
    r'"_type"\s*:\s*"(?:location|beacon|card|cmd|configuration|dump|encrypted|lwt|status|steps'
    r'|transition|waypoints?)"'
)
_FEATURE = re.compile(r'"type"\s*:\s*"Feature(?:Collection)?"')
_RECORDER_LINE = re.compile(
    r"\d{4}-\d\d-\d\dT[\d:.]+Z?\s+(?:\*|[a-z]{1,12})?\s+\{"
    r"|(?:[\dT:.+Z-]{10,40}\s+)?[^\s{/]{1,99}(?:/[^\s{/]{1,99}){1,9}\s+\{[^\n]{0,2000}\"_type\""
)


def _recognise(head: Head) -> int | None:
    """By the lines of the recorder (time of arrival, kind, message), or the messages themselves."""
    if head.text[0] not in "{[":
        return Surety.SHAPE if _RECORDER_LINE.match(head.text) else None
    is_own = _MESSAGE.search(head.text) and not _FEATURE.search(head.text)
    return Surety.SHAPE + 1 if is_own else None


FORMAT = FileFormat(
    name="owntracks",
    label="OwnTracks",
    recognise=_recognise,
    read=read_owntracks,
)
