"""Reads what Home Assistant keeps of people and trackers: its recorder's database, and history.

History is the JSON of `/api/history/period`, a list of states for each entity, or that of the
WebSocket, whose members have short names (`s`, `a`, `lu`, `lc`). `device_tracker` entities are
devices by their id. A `person` repeats the tracker that it follows (its `source`), so its states
are read only where that tracker has no positions in the same file. States without a position (a
router's "home", a phone that is away) are passed over and counted.
"""

import re
from collections.abc import Callable, Iterator, Mapping

from trackflow.sources.containers.spooling import on_disk
from trackflow.sources.containers.streams import Stream
from trackflow.sources.file_format import FileFormat, Surety
from trackflow.sources.fix_rows import BAD_TIME, epoch_s_us, fix_row, iso_us
from trackflow.sources.heads import HEAD_BYTES, Head
from trackflow.sources.options import DEFAULTS, ReadOptions
from trackflow.sources.parsing.home_assistant_recorder import Recorder, State
from trackflow.sources.parsing.json_values import BrokenStretch, JsonElements
from trackflow.sources.records import Chunk, RefusalReason
from trackflow.sources.rows import CHUNK_POINTS, PositionRow, RowCollector
from trackflow.sources.values.columns import NoPositionsError

SQLITE = b"SQLite format 3\x00"
_WAITING_MAX = 200_000
_READ = (
    "latitude", "longitude", "altitude", "gps_accuracy", "speed", "course", "heading", "source",
)  # fmt: skip
_KINDS = ("device_tracker.", "person.")


def read_home_assistant(
    stream: Stream,
    *,
    device_id: str | None,
    fallback_device: str,
    now_us: int,
    options: ReadOptions = DEFAULTS,
    chunk_points: int = CHUNK_POINTS,
) -> Iterator[Chunk]:
    """The points of a recorder's database or of history JSON, chunk by chunk.

    Args:
        stream: the file.
        device_id: the device of all points, of any entity.
        fallback_device: the device of states that name no entity.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
        chunk_points: about how many points a chunk has.

    Raises:
        NoPositionsError: there is no state of a tracker or person in it.
    """
    collector = RowCollector(stream, device_id, fallback_device, now_us, options)
    if stream.peek(len(SQLITE)) == SQLITE:
        with on_disk(stream) as path, Recorder(path, stream.name) as recorder:
            states = recorder.states(_KINDS)
            yield from _taken(states, collector, recorder.repeats_tracker, chunk_points)
    else:
        yield from _taken(_history(stream), collector, None, chunk_points)


def _taken(
    states: Iterator[State | BrokenStretch],
    collector: RowCollector,
    repeats_tracker: Callable[[State], bool] | None,
    chunk_points: int,
) -> Iterator[Chunk]:
    """Chunks of the states of trackers, then of the people whose tracker has no position.

    Args:
        states: of trackers and people.
        collector: where their positions go.
        repeats_tracker: whether a person's tracker has positions too; None = it is only known
            at the end, for which the states of people wait.
        chunk_points: about how many points a chunk has.
    """
    people = _People(repeats_tracker)
    without_position = count = 0
    locator = ""
    for state in states:
        if isinstance(state, BrokenStretch):
            collector.refuse(state.reason, state.raw, locator)
            continue
        count, locator = count + 1, state.locator
        if not state.has_position:
            without_position += 1
        elif people.takes(state):
            collector.add(_row(state), locator)
        if len(collector) >= chunk_points:
            yield collector.chunk()
    for state in people.rest():
        collector.add(_row(state), state.locator)
    for passed_over, what in (
        (without_position, "state without a position"),
        (people.repeated, "state of a person that repeats their tracker's"),
    ):
        if passed_over:
            collector.skipped[what] += passed_over
    collector.end(locator)
    if not count:
        raise NoPositionsError(
            f"{collector.name}: has no state of a device_tracker or person of Home Assistant"
        )
    yield collector.chunk()


class _People:
    """Finds the people whose positions are not those of a tracker in the same file.

    Attributes:
        repeated: how many states were those of a tracker.
    """

    def __init__(self, repeats_tracker: Callable[[State], bool] | None) -> None:
        self.repeated = 0
        self._repeats_tracker = repeats_tracker
        self._met: set[object] = set()
        self._waiting: list[State] = []

    def takes(self, state: State) -> bool:
        """Whether a state with a position is one to take now."""
        if not state.is_person:
            self._met.add(state.entity_id)
            return True
        if self._repeats_tracker is None and len(self._waiting) < _WAITING_MAX:
            self._waiting.append(state)
            return False
        if self._repeats_tracker is None:
            repeats = self._is_met(state)
        else:
            repeats = self._repeats_tracker(state)
        self.repeated += repeats
        return not repeats

    def rest(self) -> list[State]:
        """The states that waited and are no tracker's."""
        own = [state for state in self._waiting if not self._is_met(state)]
        self.repeated += len(self._waiting) - len(own)
        return own

    def _is_met(self, person: State) -> bool:
        return isinstance(person.source, str) and person.source in self._met


_MOMENTS = ("last_updated", "last_changed", "lu", "lc")
_SHORT = re.compile(rb'"[a-z_]{1,40}\.[^"\s]{1,255}"\s*:\s*\[\s*\{\s*"(?:s|a|lu|lc)"\s*:')
"""An entity and its states with short names, as Home Assistant's WebSocket gives its history."""


def _history(stream: Stream) -> Iterator[State | BrokenStretch]:
    """States of trackers and people; what names no entity is of the one before it."""
    entity_id = ""
    is_short = _SHORT.search(stream.peek(HEAD_BYTES)) is not None
    elements = JsonElements(stream, nesting=1, is_nested=is_short)
    for number, element in enumerate(elements, start=1):
        if isinstance(element, BrokenStretch):
            yield element
            continue
        if not isinstance(element, Mapping):
            yield BrokenStretch(RefusalReason.NOT_A_POINT, repr(element))
            continue
        named = elements.path[-1] if elements.path else element.get("entity_id")
        entity_id = named if isinstance(named, str) else entity_id
        if entity_id.startswith(_KINDS):
            attributes = element.get("attributes", element.get("a"))
            moments = (element.get(name) for name in _MOMENTS)
            moment = next((each for each in moments if each is not None), None)
            known_attributes = attributes if isinstance(attributes, Mapping) else {}
            known = {name: known_attributes[name] for name in _READ if name in known_attributes}
            yield State(entity_id, moment, known, f"element {number}")


def _row(state: State) -> PositionRow:
    known = state.attributes
    lat, lon = known.get("latitude"), known.get("longitude")
    return fix_row(
        [state.entity_id, state.time, lat, lon],
        _time_us(state.time),
        lat,
        lon,
        altitude_m=known.get("altitude"),
        accuracy_m=known.get("gps_accuracy"),
        speed_ms=known.get("speed"),
        course_deg=known.get("course", known.get("heading")),
        device_id=state.entity_id or None,
    )


def _time_us(value: object) -> int | None:
    """An ISO time, or seconds since 1970 as newer databases have it."""
    if value is None or isinstance(value, str):
        return iso_us(value)
    seconds_us = epoch_s_us(value)
    return BAD_TIME if seconds_us is None else seconds_us


_RECORDER_TABLE = re.compile(rb"CREATE TABLE [\"'`\[]?states[\"'`\]]?\s*\(", re.IGNORECASE)


def _recognise(head: Head) -> int | None:
    """By its recorder's database, or the JSON of its history."""
    if head.data.startswith(b"SQLite format 3\x00"):
        # its tables may stand far behind its first pages
        is_own = _RECORDER_TABLE.search(head.data) or "home-assistant" in head.name.lower()
        return Surety.MAGIC + 1 if is_own else None
    if not head.data.lstrip().startswith((b"{", b"[", b"\xef\xbb\xbf")):
        return None
    is_own = head.names_all("entity_id", "attributes", "last_changed|last_updated")
    is_short = head.names_all("s", "lu|lc") and _SHORT.search(head.data) is not None
    is_own = is_own or is_short
    return Surety.PROGRAM + 1 if is_own and head.text[:1] in ("{", "[") else None


FORMAT = FileFormat(
    name="home_assistant",
    label="Home Assistant",
    recognise=_recognise,
    read=read_home_assistant,
    is_binary=True,
)
