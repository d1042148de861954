"""What every reader hands out: accepted points as columns, and what was refused and why."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import repeat
from typing import Self

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Bools, Floats, Ints

FEW = 32

EARLIEST_US = int(dt.datetime(1990, 1, 1, tzinfo=dt.UTC).timestamp()) * 1_000_000
"""No receiver recorded before GPS was in service: an earlier time is a clock that was never set."""

FUTURE_SLACK_US = 86_400 * 1_000_000
"""Clocks run ahead and naive local times are read as UTC, so a day ahead is still admitted."""

RAW_MAX_CHARS = 500
"""A refused row of a file is kept to this length: the file has the rest."""

DIGEST_CHARS = 24

REFUSED_MAX = 1_000
"""Refusals of one reason and one chunk that are kept one by one; of more, their number is."""


class RefusalReason(StrEnum):
    """Why something was not admitted. The values are stored; do not rename them."""

    NO_POSITION = "no_position"
    NOT_A_NUMBER = "not_a_number"
    OUT_OF_RANGE = "out_of_range"
    NULL_ISLAND = "null_island"
    NO_TIME = "no_time"
    BAD_TIME = "bad_time"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    NO_DEVICE = "no_device"
    BAD_DEVICE = "bad_device"
    RAGGED_ROW = "ragged_row"
    NOT_A_POINT = "not_a_point"
    UNREADABLE = "unreadable"
    TRUNCATED = "truncated"
    DAMAGED = "damaged"
    ENCRYPTED = "encrypted"
    PLACEHOLDER = "placeholder"
    CROWDED = "crowded"


@dataclass(frozen=True, slots=True)
class Origin:
    """Which live sender sent an input, and all that is needed to read it again.

    Attributes:
        sender: a key of `devices.senders`.
        envelope: the request without its body, as JSON (`devices.envelopes`).
    """

    sender: str
    envelope: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """One row or element that was not accepted.

    Attributes:
        reason: a short code that stays the same between versions.
        raw: the input as text: whole if it was sent live, cut to `RAW_MAX_CHARS` if it is of a
            file, which has the rest.
        where: file (with the name inside an archive) and line or element.
        device_id: the device it claims to be of, where that could be read.
        time_us: of a sound position whose only fault is to lie in the future; then `raw` is the
            whole position (`ahead.whole`), as the clock of this machine may be what is wrong.
        origin: who sent it live; None for files.
        body: the exact bytes, where `raw` in UTF-8 is not what was sent.
        count: how many it stands for; more than 1 where a chunk has too many of a reason.
    """

    reason: RefusalReason
    raw: str
    where: str
    device_id: str | None = None
    time_us: int | None = None
    origin: Origin | None = None
    body: bytes | None = None
    count: int = 1


@dataclass(frozen=True, slots=True, eq=False)
class PointBatch:
    """Accepted points of any number of devices, in the order of the input. Arrays have shape (n,).

    Devices are codes into a short list of names: grouping by device is integer work, and text is
    made only where a row leaves for the database.

    Attributes:
        devices: the distinct device ids of this batch; each has at least one point.
        device: index into `devices`, int32.
        time_us: UTC microseconds since 1970, int64.
        lon: longitude in degrees, on the E7 grid.
        lat: latitude in degrees, on the E7 grid.
        altitude_m: metres above sea level or ellipsoid, whichever the device gives; NaN = unknown.
        accuracy_m: claimed radius in metres, NaN = unknown.
        speed_ms: metres per second, NaN = unknown.
        course_deg: degrees clockwise from north in [0, 360), NaN = unknown.
    """

    devices: tuple[str, ...]
    device: NDArray[np.int32]
    time_us: Ints
    lon: Floats
    lat: Floats
    altitude_m: Floats
    accuracy_m: Floats
    speed_ms: Floats
    course_deg: Floats

    @classmethod
    def empty(cls) -> Self:
        """No points."""
        none = np.empty(0)
        codes, times = np.empty(0, np.int32), np.empty(0, np.int64)
        return cls((), codes, times, none, none, none, none, none, none)

    @classmethod
    def concat(cls, batches: Iterable["PointBatch"]) -> Self:
        """The points of `batches`, one after another."""
        parts = [b for b in batches if len(b)]
        if not parts:
            return cls.empty()
        names = tuple(dict.fromkeys(name for b in parts for name in b.devices))
        code_of = {name: code for code, name in enumerate(names)}
        codes = [np.array([code_of[n] for n in b.devices], np.int32)[b.device] for b in parts]
        return cls(
            names,
            np.concatenate(codes),
            np.concatenate([b.time_us for b in parts]),
            np.concatenate([b.lon for b in parts]),
            np.concatenate([b.lat for b in parts]),
            np.concatenate([b.altitude_m for b in parts]),
            np.concatenate([b.accuracy_m for b in parts]),
            np.concatenate([b.speed_ms for b in parts]),
            np.concatenate([b.course_deg for b in parts]),
        )

    def __len__(self) -> int:
        return len(self.time_us)

    def device_ids(self) -> list[str]:
        """The device id of each point."""
        ids: list[str] = np.array(self.devices, dtype=object)[self.device].tolist()
        return ids

    def of_device(self, code: int) -> Bools:
        """Mask of the points of `devices[code]`."""
        mask: Bools = self.device == code
        return mask

    def part(self, start: int, stop: int) -> "PointBatch":
        """The points from `start` up to `stop`."""
        rows = slice(start, stop)
        used, codes = np.unique(self.device[rows], return_inverse=True)
        return PointBatch(
            tuple(self.devices[code] for code in used),
            codes.astype(np.int32),
            self.time_us[rows],
            self.lon[rows],
            self.lat[rows],
            self.altitude_m[rows],
            self.accuracy_m[rows],
            self.speed_ms[rows],
            self.course_deg[rows],
        )

    def rows(self) -> Iterator[tuple[object, ...]]:
        """Tuples for `executemany`, unknown values as None.

        Columns: device_id, time_us, lon, lat, altitude_m, accuracy_m, speed_ms, course_deg.
        """
        if len(self.time_us) == 1:  # most reports are a single point, and columns cost more
            known = (self.altitude_m, self.accuracy_m, self.speed_ms, self.course_deg)
            values = [column.item() for column in known]
            position = self.time_us.item(), self.lon.item(), self.lat.item()
            maybe = (None if value != value else value for value in values)
            return iter([(self.devices[self.device.item()], *position, *maybe)])
        return zip(
            self.device_ids(),
            self.time_us.tolist(),
            self.lon.tolist(),
            self.lat.tolist(),
            _or_none(self.altitude_m),
            _or_none(self.accuracy_m),
            _or_none(self.speed_ms),
            _or_none(self.course_deg),
            strict=False,  # columns that are unknown throughout are endless Nones
        )


COURSE_POINT = "point of a course"
"""What is passed over in files of training: the times of a course are a plan and never were."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file.

    Attributes:
        points: what was accepted.
        refused: what was not, each with its reason.
        bytes_done: how far into `SourceFile.size_bytes` reading has come.
        naive: how many times named no zone.
        skipped: how many of what was passed over on purpose, such as waypoints.
    """

    points: PointBatch
    refused: list[Refusal]
    bytes_done: int
    naive: int = 0
    skipped: Mapping[str, int] = field(default_factory=dict)


def few(refused: Sequence[Refusal]) -> list[Refusal]:
    """Refusals with the first `REFUSED_MAX` of each reason, and one that stands for its others.

    A file of millions of bad rows must not fill the quarantine: the file has them all the same.
    """
    if len(refused) <= REFUSED_MAX:
        return list(refused)
    kept: list[Refusal] = []
    seen: Counter[RefusalReason] = Counter()
    more: dict[RefusalReason, list[Refusal]] = {}
    for refusal in refused:
        seen[refusal.reason] += 1
        if seen[refusal.reason] <= REFUSED_MAX:
            kept.append(refusal)
        else:
            more.setdefault(refusal.reason, []).append(refusal)
    return kept + [and_more(some[0], sum(r.count for r in some)) for some in more.values()]


def and_more(first: Refusal, count: int) -> Refusal:
    """One refusal for `count` of them, of which the first is shown."""
    if count == 1:
        return first
    raw = clean_raw(f"{count:,} more, such as {first.raw}")
    return replace(first, raw=raw, where=f"{first.where} and after it", count=count)


def clean_raw(raw: str | bytes) -> str:
    """A row of a file as text that any database can hold: cut, decoded, without NUL.

    A cut one ends with a hash of the whole: two rows that begin alike must stay two.
    """
    text = whole_raw(raw[: 4 * RAW_MAX_CHARS]).strip("\r\n")
    if len(text) <= RAW_MAX_CHARS and len(raw) <= 4 * RAW_MAX_CHARS:
        return text
    whole = raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
    digest = hashlib.blake2b(whole, digest_size=DIGEST_CHARS // 2).hexdigest()
    return f"{text[: RAW_MAX_CHARS - DIGEST_CHARS - 2]}… {digest}"


def whole_raw(raw: str | bytes) -> str:
    """Raw input of any length as text that any database can hold: decoded, without NUL."""
    if isinstance(raw, bytes):
        raw = raw.decode("utf-8", "replace")
    # A lone surrogate (from JSON's \ud800) cannot be encoded: PostgreSQL and SQLite both refuse it.
    return raw.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _or_none(values: Floats) -> Iterable[object]:
    if len(values) < FEW:  # whole arrays pay for themselves later only
        return [None if value != value else value for value in _listed(values)]
    unknown = np.isnan(values)
    if unknown.all():
        return repeat(None)
    if not unknown.any():
        return _listed(values)
    objects = values.astype(object)
    objects[unknown] = None
    return _listed(objects)


def _listed(values: NDArray[np.generic]) -> Sequence[object]:
    listed: list[object] = values.tolist()
    return listed
