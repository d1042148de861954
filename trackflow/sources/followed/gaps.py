"""Which ids of a table may still appear, although larger ones were seen.

Ids are handed out before their rows are committed, so a smaller id can become visible after a
larger one, or never (its transaction was rolled back). Every id below the largest that was seen is
either seen, in a gap, or given up. A gap is given up only when

- every transaction that was running when the gap was noticed has ended: a snapshot of PostgreSQL
  says so, in the same view of the table in which the id is still not there; and
- `SETTLE_S` have passed. Between taking an id and its first write, a transaction is not yet in any
  snapshot; that takes microseconds. The rest of the hour is for programs that take ids ahead.

What a look finds twice is harmless: the door lets a point in once.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

SETTLE_S = 3_600
GAPS_PER_LOOK = 100
MIN_ID = -(2**63)


@dataclass(frozen=True, slots=True)
class Gap:
    """Ids that were not there.

    Attributes:
        first: the first of them.
        last: the last of them.
        noticed_s: when that was noticed, seconds since 1970.
        horizon: the first transaction id that had not been given out by then; 0 if the database
            has none.
        dense: ids that are there lie among them. Such a gap is looked at once, when it is settled.
    """

    first: int
    last: int
    noticed_s: int
    horizon: int
    dense: bool = False

    def is_settled(self, now_s: int, oldest: int) -> bool:
        """Whether what is not there now will never be.

        Args:
            now_s: seconds since 1970.
            oldest: the oldest transaction id that may still be running.
        """
        return now_s - self.noticed_s >= SETTLE_S and oldest >= self.horizon


@dataclass(frozen=True, slots=True)
class ReadProgress:
    """How far a table has been read.

    Attributes:
        last_id: the largest id that was seen.
        gaps: smaller ids that may still appear, in order.
    """

    last_id: int = MIN_ID
    gaps: tuple[Gap, ...] = ()

    def to_json(self) -> list[list[int]]:
        """The gaps as lists of numbers."""
        return [[g.first, g.last, g.noticed_s, g.horizon, int(g.dense)] for g in self.gaps]

    @classmethod
    def from_json(cls, last_id: int, gaps: Iterable[Sequence[int]]) -> "ReadProgress":
        """What `to_json` made."""
        return cls(last_id, tuple(Gap(g[0], g[1], g[2], g[3], bool(g[4])) for g in gaps))


def without(gap: Gap, ids: Iterable[int]) -> list[Gap]:
    """What is left of a gap when some ids are there after all."""
    parts = []
    first = gap.first
    for number in sorted(ids):
        if first <= number <= gap.last:
            if number > first:
                parts.append(replace(gap, first=first, last=number - 1))
            first = number + 1
    return [*parts, replace(gap, first=first)] if first <= gap.last else parts


def between(last_id: int, ids: Sequence[int], noticed_s: int, horizon: int) -> list[Gap]:
    """The gaps in new ids, which come in order and are all larger than `last_id`.

    Where there are very many (a table from which much was deleted), one dense gap stands for all.
    """
    if not ids:
        return []
    before = Gap(last_id + 1, ids[-1], noticed_s, horizon)
    found = without(before, ids)
    if len(found) <= GAPS_PER_LOOK:
        return found
    return [replace(before, first=found[0].first, last=found[-1].last, dense=True)]
