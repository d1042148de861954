"""The database of Home Assistant's recorder, in the schemas of its versions.

Old: a state has its entity, its attributes (JSON) and its time as text. Since 2022 attributes lie
in `state_attributes`, since 2023 times are seconds and names of entities lie in `states_meta`. A
database that was upgraded has all of them side by side.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import orjson

from trackflow.errors import BadInputError
from trackflow.sources.parsing.json_values import BrokenStretch
from trackflow.sources.parsing.sqlite_files import DAMAGE, opened
from trackflow.sources.records import RefusalReason

RANGE_STATES = 5_000
"""States that are asked for at once; where the file is damaged, halves of it, and so on."""

_FAILED_RANGES_MAX = 2_000
_STATE_BYTES_MIN = 20


@dataclass(frozen=True, slots=True)
class State:
    """The state of an entity from one moment on.

    Attributes:
        entity_id: such as `device_tracker.phone`.
        time: when, as the source has it.
        attributes: of the entity.
        locator: where the state stands, for messages.
    """

    entity_id: str
    time: object
    attributes: Mapping[str, object]
    locator: str

    @property
    def has_position(self) -> bool:
        """Whether it has the position of the entity."""
        return (
            self.attributes.get("latitude") is not None
            or self.attributes.get("longitude") is not None
        )

    @property
    def is_person(self) -> bool:
        """Whether it is a person, who has the position of one of their trackers."""
        return self.entity_id.startswith("person.")

    @property
    def source(self) -> object:
        """The tracker whose position a person has."""
        return self.attributes.get("source")


class Recorder:
    """A database, open for reading."""

    def __init__(self, path: Path, name: str) -> None:
        self._name = name
        self._size_bytes = path.stat().st_size
        self._trackers: frozenset[str] | None = None
        self._connection = opened(path, name)
        try:
            self._columns = self._tables()
        except DAMAGE as error:
            raise BadInputError(f"{name}: cannot be read as an SQLite database ({error})") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def states(self, kinds: tuple[str, ...]) -> Iterator[State | BrokenStretch]:
        """The states of entities of these kinds, in the order in which they were written.

        Args:
            kinds: beginnings of their names, such as `person.`.

        Raises:
            BadInputError: the database is of another program, or damaged throughout.
        """
        for found in self._rows(self._query(kinds)):
            yield found if isinstance(found, BrokenStretch) else _state(found)

    def repeats_tracker(self, person: State) -> bool:
        """Whether the tracker that a person follows has positions of its own in the database."""
        if self._trackers is None:
            rows = self._rows(self._query(("device_tracker.",)))
            states = (_state(row) for row in rows if not isinstance(row, BrokenStretch))
            self._trackers = frozenset(s.entity_id for s in states if s.has_position)
        return isinstance(person.source, str) and person.source in self._trackers

    def _tables(self) -> dict[str, set[str]]:
        """The columns of each table that matters; views are none, as they could run for ever."""
        found = {}
        for table in ("states", "state_attributes", "states_meta"):
            is_table = self._connection.execute(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
            ).fetchone()
            rows = self._connection.execute(f"PRAGMA table_info({table})") if is_table else ()
            found[table] = {row[1] for row in rows}
        return found

    def _query(self, kinds: tuple[str, ...]) -> str:
        states = self._columns["states"]
        named = "metadata_id" in states and bool(self._columns["states_meta"])
        shared = "attributes_id" in states and bool(self._columns["state_attributes"])
        entity = _either(
            "m.entity_id" if named else "", "s.entity_id" if "entity_id" in states else ""
        )
        moment = _either(*(f"s.{c}" for c in ("last_updated_ts", "last_updated") if c in states))
        known = _either(
            "a.shared_attrs" if shared else "", "s.attributes" if "attributes" in states else ""
        )
        if "state_id" not in states or not (entity and moment and known):
            raise BadInputError(
                f"{self._name}: is an SQLite database of another program than Home Assistant"
            )
        likes = " OR ".join(f"{entity} LIKE '{kind}%'" for kind in kinds)
        return (
            f"SELECT s.state_id, {entity}, {moment}, {known} FROM states s "
            + ("LEFT JOIN states_meta m ON m.metadata_id = s.metadata_id " if named else "")
            + (
                "LEFT JOIN state_attributes a ON a.attributes_id = s.attributes_id "
                if shared
                else ""
            )
            + f"WHERE s.state_id BETWEEN ? AND ? AND ({likes}) ORDER BY s.state_id"
        )

    def _id_range(self) -> tuple[int, int]:
        """The first and the last id; a guess for one that lies on a damaged page."""
        found = [
            self._one(f"SELECT {which}(state_id) FROM states") for which in ("min", "max")
        ]  # one by one: asked for both at once, SQLite reads the whole table
        if found == [None, None]:
            return 1, 0
        first, last = (value if isinstance(value, int) else -1 for value in found)
        return max(first, 1), self._size_bytes // _STATE_BYTES_MIN if last < 0 else last

    def _one(self, query: str, *values: int) -> object:
        """The one value that a query gives; -1 if it cannot be read."""
        try:
            found: object = self._connection.execute(query, values).fetchone()[0]
        except DAMAGE:
            return -1
        return found

    def _rows(self, query: str) -> Iterator[tuple[object, ...] | BrokenStretch]:
        """The rows of a query; a damaged page costs the states on it only."""
        first, last = self._id_range()
        ranges = [(first, last)]
        failed = 0
        while ranges:
            low, high = ranges.pop()
            if high - low >= RANGE_STATES:
                low = self._next_state(low)
                ranges += [(low + RANGE_STATES, high), (low, min(low + RANGE_STATES - 1, high))]
                continue
            try:
                rows = self._connection.execute(query, (low, high)).fetchall()
            except DAMAGE as error:
                failed += 1
                if failed > _FAILED_RANGES_MAX:
                    raw = f"states {low} to {last} cannot be read ({error})"
                    yield BrokenStretch(RefusalReason.UNREADABLE, raw)
                    return
                if low < high:
                    middle = (low + high) // 2
                    ranges += [(middle + 1, high), (low, middle)]
                else:
                    yield BrokenStretch(
                        RefusalReason.UNREADABLE, f"state {low} cannot be read ({error})"
                    )
                continue
            yield from rows

    def _next_state(self, low: int) -> int:
        """The first state from an id on, so that ids far apart are not walked through."""
        found = self._one("SELECT min(state_id) FROM states WHERE state_id >= ?", low)
        return found if isinstance(found, int) and found > low else low


def _either(*columns: str) -> str:
    known = [column for column in columns if column]
    return f"coalesce({', '.join(known)})" if len(known) > 1 else "".join(known)


def _state(row: tuple[object, ...]) -> State:
    state_id, entity_id, moment, known = row
    return State(str(entity_id), moment, _attributes(known), f"state {state_id}")


def _attributes(text: object) -> Mapping[str, object]:
    if not isinstance(text, str | bytes):
        return {}
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            value = json.loads(text, strict=False)  # NaN, as old versions wrote it
        except (ValueError, RecursionError):
            return {}
    return value if isinstance(value, Mapping) else {}
