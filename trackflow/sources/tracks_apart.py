"""Separates the tracks of one file that several devices recorded at the same time.

GPX and KML name no devices: tracks one after another are one recorder's, but no device is at two
places at once. Readers label the points of each track; what becomes of the labels is decided here
from the times of all of them.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import count

import numpy as np

from trackflow.errors import BadInputError
from trackflow.geo.points import Ints
from trackflow.sources.records import Chunk, PointBatch

BUFFERED_POINTS_MAX = 300_000
"""A file with more points is read twice: once for its times, once for its points."""

COMPARED_MAX = 1_000_000
"""So many pairs of tracks of a file are compared, in half a minute: those of 1,400 vehicles."""

_MARK = "\u29d7track "
_NAME_MAX_CHARS = 150


def label_of(number: int, name: str) -> str:
    """What stands for the device of an unnamed track until that is decided."""
    shown = "".join(c for c in name if c.isprintable()).strip()[:_NAME_MAX_CHARS]
    return f"{_MARK}{number}\u29d7{shown}"


@dataclass(slots=True)
class _Track:
    name: str
    times: list[Ints] = field(default_factory=list)
    places: list[Ints] = field(default_factory=list)

    def settle(self) -> tuple[Ints, Ints]:
        """Its times in order, with a number for each place."""
        times, places = np.concatenate(self.times), np.concatenate(self.places)
        order = np.argsort(times, kind="stable")
        return times[order], places[order]


def separated_tracks(
    chunks: Callable[[], Iterable[Chunk]], fallback_device: str
) -> Iterator[Chunk]:
    """The chunks of a file with devices in place of labels.

    Args:
        chunks: reads the file; called once more if it is too large to be kept in memory.
        fallback_device: the device of tracks that do not overlap.

    Raises:
        BadInputError: too many of its tracks were made at the same time to compare them.
    """
    tracks: dict[str, _Track] = {}
    buffered: list[Chunk] = []
    noted = 0
    first = iter(chunks())
    failure: BadInputError | None = None
    while True:
        try:
            chunk = next(first)
        except StopIteration:
            break
        except BadInputError as error:  # raised again after the chunks before it
            failure = error
            break
        _note(tracks, chunk.points)
        noted += len(chunk.points)
        buffered = [*buffered, chunk] if noted <= BUFFERED_POINTS_MAX else []
    devices = _devices(tracks, fallback_device)
    if noted > BUFFERED_POINTS_MAX:
        yield from (_renamed(chunk, devices, fallback_device) for chunk in chunks())
        return
    yield from (_renamed(chunk, devices, fallback_device) for chunk in buffered)
    if failure is not None:
        raise failure


def _note(tracks: dict[str, _Track], points: PointBatch) -> None:
    lat, lon = (np.round(v * 1e7).astype(np.int64) for v in (points.lat, points.lon))
    places = lat * 4_000_000_000 + lon
    in_order = np.argsort(points.device, kind="stable")
    firsts = np.searchsorted(points.device[in_order], np.arange(len(points.devices) + 1))
    for label, start, stop in zip(points.devices, firsts[:-1], firsts[1:], strict=True):
        if label.startswith(_MARK):
            rows = in_order[start:stop]
            track = tracks.setdefault(
                label, _Track(label.partition("\u29d7")[2].partition("\u29d7")[2])
            )
            track.times.append(points.time_us[rows])
            track.places.append(places[rows])


def _devices(tracks: dict[str, _Track], fallback_device: str) -> dict[str, str]:
    """The device of each label: one for all, unless some were made at the same time."""
    settled = {label: track.settle() for label, track in tracks.items()}
    order = sorted(settled, key=lambda label: int(settled[label][0][0]))
    clashes = []
    for compared, (one, other) in enumerate(_at_once(settled, order)):
        if compared == COMPARED_MAX:
            most = math.isqrt(2 * COMPARED_MAX)
            raise BadInputError(
                f"more than {most:,} of its tracks were made at the same time; split it, or name "
                "one device for all of it"
            )
        if _were_apart(settled[one], settled[other]):
            clashes.append((one, other))
    if not clashes:
        return dict.fromkeys(tracks, fallback_device)
    names = {label: track.name for label, track in tracks.items()}
    if all(names[a] and names[b] and names[a] != names[b] for a, b in clashes):
        return {label: name or fallback_device for label, name in names.items()}
    return _lanes(order, clashes, fallback_device)


def _at_once(settled: dict[str, tuple[Ints, Ints]], order: list[str]) -> Iterator[tuple[str, str]]:
    """Pairs of tracks that share time; `order` is that of their beginnings."""
    for at, one in enumerate(order):
        for after in range(at + 1, len(order)):
            if settled[order[after]][0][0] >= settled[one][0][-1]:
                break
            yield one, order[after]


def _were_apart(one: tuple[Ints, Ints], other: tuple[Ints, Ints]) -> bool:
    """Whether both have points of their own in the time that they share.

    A track that is in the file twice, or thinned, has none.
    """
    low, high = max(one[0][0], other[0][0]), min(one[0][-1], other[0][-1])
    return bool(low < high) and _has_own(one, other, low, high) and _has_own(other, one, low, high)


def _has_own(one: tuple[Ints, Ints], other: tuple[Ints, Ints], low: int, high: int) -> bool:
    """Whether a track has a point that another lacks, from one moment to another, both included."""
    start, stop = np.searchsorted(one[0], (low, high + 1))
    if start == stop:
        return False
    first = one[0][start]
    at_first = slice(*np.searchsorted(other[0], (first, first + 1)))
    if one[1][start] not in other[1][at_first]:
        return True  # without a look at all points of both, unless they are copies
    within = slice(*np.searchsorted(other[0], (low, high + 1)))
    own, others = (
        set(zip(t[rows].tolist(), p[rows].tolist(), strict=True))
        for (t, p), rows in ((one, slice(start, stop)), (other, within))
    )
    return not own <= others


def _lanes(order: list[str], clashes: list[tuple[str, str]], device: str) -> dict[str, str]:
    """Each track to the first number whose tracks it does not clash with."""
    apart: dict[str, list[str]] = {label: [] for label in order}
    for one, other in clashes:
        apart[one].append(other)
        apart[other].append(one)
    lanes: dict[str, int] = {}
    for label in order:
        taken = {lanes[other] for other in apart[label] if other in lanes}
        lanes[label] = next(number for number in count(1) if number not in taken)
    return {label: f"{device}-{number}" for label, number in lanes.items()}


def _renamed(chunk: Chunk, devices: dict[str, str], fallback_device: str) -> Chunk:
    def named(label: str) -> str:
        return devices.get(label, fallback_device) if label.startswith(_MARK) else label

    points = chunk.points
    names = tuple(dict.fromkeys(named(label) for label in points.devices))
    code_of = {name: code for code, name in enumerate(names)}
    codes = np.array([code_of[named(label)] for label in points.devices], np.int32)
    refused = [
        replace(r, device_id=named(r.device_id)) if r.device_id is not None else r
        for r in chunk.refused
    ]
    device = codes[points.device] if len(points) else points.device
    return replace(chunk, points=replace(points, devices=names, device=device), refused=refused)
