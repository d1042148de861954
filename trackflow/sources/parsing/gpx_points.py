"""Track points of GPX in the order of the file: runs of them by column, and single ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from trackflow.sources.parsing.xml_points import local_name
from trackflow.sources.parsing.xml_runs import Run
from trackflow.sources.values.columns import Role, factor
from trackflow.sources.values.meanings import meanings

_FIELD_ROLES = (Role.SPEED, Role.COURSE, Role.HDOP, Role.ACCURACY, Role.DEVICE, Role.ALTITUDE)


@dataclass(frozen=True, slots=True, eq=False)
class Field:
    """What an element of a point is, of which there is one each.

    Attributes:
        role: its role.
        factor: our units per unit of its text.
        rank: of its name among those of the role: where a point has several, a lower one goes
            before, as a bearing does before the heading of the phone.
    """

    role: Role
    factor: float
    rank: int


class Point(NamedTuple):
    """One point as its text.

    Attributes:
        tag: trkpt, rtept or wpt.
        attributes: as the file has them.
        fields: the texts of what is known of it.
        line: of the file on which it begins.
        device: the device that its track names, or a label of the track; empty if nothing.
    """

    tag: str
    attributes: Mapping[str, str]
    fields: dict[Field, str]
    line: int
    device: str


@lru_cache(maxsize=1024)
def field(role: Role, factor: float = 1.0, rank: int = 0) -> Field:
    """The field of a role, a unit and a rank."""
    return Field(role, factor, rank)


ELE, TIME, DEVICE = field(Role.ALTITUDE), field(Role.TIME), field(Role.DEVICE)
FIX = field(Role.VALID)
"""The kind of fix: none, 2d, 3d, dgps or pps."""


@lru_cache(maxsize=4096)
def field_of(local: str, is_direct: bool) -> Field | None:
    """What an element of a point is.

    Time and `ele` count only as children of the point: extensions have times and heights of other
    things.
    """
    if local in ("ele", "time"):
        known = ELE if local == "ele" else TIME
        return known if is_direct else None
    if local == "fix":
        return FIX if is_direct else None
    found = meanings(local)
    if Role.VALID in found and local != "visible":
        return FIX
    for role in _FIELD_ROLES:
        if role in found and (role is not Role.ALTITUDE or local.lower().startswith("alt")):
            rank = 0 if role is Role.DEVICE else found[role].rank
            return field(role, factor(role, local, (local,)), rank)
    return None


class _PointRun(NamedTuple):
    """Track points of one shape: their columns by attribute and by field."""

    run: Run
    attributes: dict[str, list[str]]
    fields: dict[Field, list[str]]
    device: str

    def __len__(self) -> int:
        return len(self.run)

    def at(self, index: int) -> Point:
        attributes = {name: values[index] for name, values in self.attributes.items()}
        fields = {known: values[index] for known, values in self.fields.items()}
        line = self.run.line_of(index, "<trkpt")
        return Point("trkpt", attributes, fields, line, self.device)


class Points:
    """Points in the order of the file: runs of them, and lists of single ones.

    Attributes:
        present: the fields that any of them has.
    """

    def __init__(self) -> None:
        self.present: set[Field] = set()
        self._parts: list[list[Point] | _PointRun] = []
        self._singles: list[Point] | None = None
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, point: Point) -> None:
        """One point."""
        if self._singles is None:
            self._singles = []
            self._parts.append(self._singles)
        self._singles.append(point)
        self.present.update(point.fields)
        self._count += 1

    def add_run(self, run: Run, device: str) -> None:
        """Points that follow one another."""
        count = len(run.shape.attributes)
        attributes = dict(zip(run.shape.attributes, run.columns, strict=False))
        fields: dict[Field, list[str]] = {}
        for path, values in zip(run.shape.leaves, run.columns[count:], strict=True):
            known = field_of(local_name(path[-1]), len(path) == 1)
            if known:
                fields.setdefault(known, values)
        self._parts.append(_PointRun(run, attributes, fields, device))
        self._singles = None
        self.present.update(fields)
        self._count += len(run)

    def at(self, row: int) -> Point:
        """One point."""
        for part in self._parts:
            if row < len(part):
                return part.at(row) if isinstance(part, _PointRun) else part[row]
            row -= len(part)
        raise IndexError(row)

    def attribute(self, name: str) -> list[str | None]:
        """An attribute of each."""
        found: list[str | None] = []
        for part in self._parts:
            if isinstance(part, _PointRun):
                found += part.attributes.get(name) or [None] * len(part)
            else:
                found += [point.attributes.get(name) for point in part]
        return found

    def column(self, known: Field) -> list[str | None]:
        """A field of each."""
        found: list[str | None] = []
        for part in self._parts:
            if isinstance(part, _PointRun):
                found += part.fields.get(known) or [None] * len(part)
            else:
                found += [point.fields.get(known) for point in part]
        return found

    def devices(self) -> list[str]:
        """What is known of the device of each from its track."""
        found: list[str] = []
        for part in self._parts:
            if isinstance(part, _PointRun):
                found += [part.device] * len(part)
            else:
                found += [point.device for point in part]
        return found
