"""Positions of GeoJSON and of records, by column: single ones, and many of one shape together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple, Self

from trackflow.sources.values.columns import Role
from trackflow.sources.values.fields import columns_of_fields

type Row = tuple[object, object, object, object, Mapping[Role, object], int, int]
"""Longitude, latitude, altitude, time, what else is known, element number, position number."""

_FEW = 8
_ODD_ROLES = {Role.DATE, Role.NORTH_SOUTH, Role.EAST_WEST, Role.VALID}
"""Roles whose values decide about others: read record by record."""


class Part(NamedTuple):
    """Positions that follow one another.

    Attributes:
        size: how many.
        lon: of each, as the file has it.
        lat: likewise.
        altitude: likewise.
        moment: likewise.
        known: what else is known of each, by role; None where it is not.
        at: one of them as a row.
    """

    size: int
    lon: Sequence[object]
    lat: Sequence[object]
    altitude: Sequence[object]
    moment: Sequence[object]
    known: Mapping[Role, Sequence[object]]
    at: Callable[[int], Row]

    @classmethod
    def of_rows(cls, rows: Sequence[Row]) -> Self:
        """Positions of rows."""
        lon, lat, altitude, moment, known, _, _ = zip(*rows, strict=True)
        roles = set(chain.from_iterable(known))
        by_role = {role: [each.get(role) for each in known] for role in roles}
        return cls(len(rows), lon, lat, altitude, moment, by_role, rows.__getitem__)

    def sliced(self, start: int, stop: int) -> "Part":
        """The positions from `start` up to `stop`."""
        if start <= 0 and stop >= self.size:
            return self
        rows = slice(start, stop)
        return Part(
            len(self.lon[rows]),
            self.lon[rows],
            self.lat[rows],
            self.altitude[rows],
            self.moment[rows],
            {role: values[rows] for role, values in self.known.items()},
            lambda index: self.at(start + index),
        )


class Rows:
    """Positions in the order of the file."""

    def __init__(self, parts: Sequence[Part] = ()) -> None:
        self._parts = list(parts)
        self._singles: list[Row] = []
        self._count = sum(part.size for part in parts)

    def __len__(self) -> int:
        return self._count + len(self._singles)

    def append(self, row: Row) -> None:
        """One position."""
        self._singles.append(row)

    def add(self, part: Part) -> None:
        """Positions that follow one another."""
        self._end_singles()
        self._parts.append(part)
        self._count += part.size

    def up_to(self, count: int) -> "Rows":
        """The first `count` positions."""
        return next(self.pieces(count), Rows())

    def pieces(self, most: int) -> Iterator["Rows"]:
        """All positions, `most` at a time.

        Each piece is cut from the whole: cut from what the one before it left, pieces of a long
        line would each keep all that followed.
        """
        self._end_singles()
        piece: list[Part] = []
        room = most
        for part in self._parts:
            start = 0
            while start < part.size:
                piece.append(part.sliced(start, start + room))
                start, room = start + piece[-1].size, room - piece[-1].size
                if not room:
                    yield Rows(piece)
                    piece, room = [], most
        if piece:
            yield Rows(piece)

    def at(self, index: int) -> Row:
        """One position."""
        self._end_singles()
        for part in self._parts:
            if index < part.size:
                return part.at(index)
            index -= part.size
        raise IndexError(index)

    def positions(self) -> tuple[list[object], list[object], list[object], list[object]]:
        """Longitudes, latitudes, altitudes and times."""
        self._end_singles()
        lon, lat, altitude, moment = (
            list(chain.from_iterable(column))
            for column in (
                (part.lon for part in self._parts),
                (part.lat for part in self._parts),
                (part.altitude for part in self._parts),
                (part.moment for part in self._parts),
            )
        )
        return lon, lat, altitude, moment

    def known(self, role: Role) -> list[object]:
        """What is known of each as `role`."""
        self._end_singles()
        found: list[object] = []
        for part in self._parts:
            values = part.known.get(role)
            found += [None] * part.size if values is None else values
        return found

    def _end_singles(self) -> None:
        if self._singles:
            part, self._singles = Part.of_rows(self._singles), []
            self._parts.append(part)
            self._count += part.size


class Alike:
    """Points and records whose members have the same names, buffered to be read by column.

    Attributes:
        names: of the members of each.
        are_features: their positions stand beside their members, and not among them.
    """

    def __init__(self, names: tuple[str, ...], *, are_features: bool) -> None:
        self.names = names
        self.are_features = are_features
        self.records: list[dict[str, object]] = []
        self.positions: list[object] = []
        self.numbers: list[int] = []

    def __len__(self) -> int:
        return len(self.records)

    def part(self) -> Part | None:
        """All positions by column; None where one has to be read by itself."""
        records = self.records
        if len(records) < _FEW or not self.names:
            return None
        kinds = set(map(type, chain.from_iterable(map(dict.values, records))))
        if dict in kinds or (list in kinds and any(map(_has_records, records))):
            return None
        known = columns_of_fields(self.names, records)
        if known is None or not _ODD_ROLES.isdisjoint(known):
            return None
        altitude = known.get(Role.ALTITUDE) or [None] * len(records)
        if self.are_features:
            if set(map(type, self.positions)) != {list} or min(map(len, self.positions)) < 2:  # type: ignore[arg-type]
                return None
            points: Sequence[Sequence[object]] = self.positions  # type: ignore[assignment]
            lon, lat = [position[0] for position in points], [position[1] for position in points]
            if max(map(len, points)) > 2:
                altitude = [
                    position[2] if len(position) > 2 else known_m
                    for position, known_m in zip(points, altitude, strict=True)
                ]
        else:
            if Role.LON not in known or Role.LAT not in known:
                return None
            lon, lat = list(known[Role.LON]), list(known[Role.LAT])
            if None in lon or None in lat:
                return None
        moment = known.get(Role.TIME) or [None] * len(records)

        numbers = self.numbers

        def at(index: int) -> Row:
            alone = {role: values[index] for role, values in known.items()}
            alone = {role: value for role, value in alone.items() if value is not None}
            number = numbers[index]
            return lon[index], lat[index], altitude[index], moment[index], alone, number, 0

        return Part(len(records), lon, lat, altitude, moment, known, at)


def _has_records(record: dict[str, object]) -> bool:
    """Whether a record has a list of others."""
    return any(type(v) is list and v and type(v[0]) is dict for v in record.values())
