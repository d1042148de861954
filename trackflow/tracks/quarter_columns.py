"""What of many tracks lies in parts of time: `day_parts`, over columns instead of one by one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from trackflow.geo.points import Bools, Ints
from trackflow.tracks.day_parts import QUARTER_US


@dataclass(frozen=True, slots=True, eq=False)
class TrackTimes:
    """When tracks were, in microseconds since 1970."""

    start_us: Ints
    end_us: Ints


class Amounts:
    """An amount of tracks that may be divided by time.

    Args:
        times: of all tracks.
        cut: those that may be divided.
        totals: of each track; NaN where it is not known.
        texts: by quarters of an hour, of those in `cut`: as `write_quarters` gives it.
        evenly: whether those without a text have their total evenly; else it is not known.
    """

    def __init__(
        self,
        times: TrackTimes,
        cut: Ints,
        totals: NDArray[Any],
        texts: Sequence[str | None],
        *,
        evenly: bool,
    ) -> None:
        self._times = times
        self._is_known = ~np.isnan(totals)
        self._total = np.where(self._is_known, totals, 0).astype(np.int64)
        start_us, end_us = times.start_us[cut], times.end_us[cut]
        first = start_us // QUARTER_US + 1
        counts = np.maximum(-(-end_us // QUARTER_US) - first, 0) + 1
        has_text = np.array([bool(text) for text in texts], bool)
        self._first = np.zeros(len(totals), np.int64)
        self._first[cut] = np.cumsum(counts) - counts
        owner = np.repeat(np.arange(len(cut)), counts)
        place = np.arange(len(owner)) - self._first[cut][owner]
        # the sum at the end of each quarter, if the total is even
        passed = np.minimum((first[owner] + place) * QUARTER_US, end_us[owner]) - start_us[owner]
        lasted = np.maximum(end_us - start_us, 1)[owner]
        whole = self._total[cut][owner]
        is_last = place == counts[owner] - 1
        # their product may be larger than numpy's numbers
        shares = (whole.astype(object) * passed // lasted).astype(np.int64)
        self._until = np.where(is_last, whole, shares)
        if has_text.any():
            numbers = ",".join(text for text in texts if text).split(",")
            told = np.cumsum(np.array(numbers, np.int64))
            mine = has_text[owner]
            begins = np.flatnonzero(place[mine] == 0)
            before = np.where(begins > 0, told[begins - 1], 0)
            self._until[mine] = told - np.repeat(before, counts[has_text])
            self._total[cut[has_text]] = self._until[(np.cumsum(counts) - 1)[has_text]]
        if not evenly:
            self._is_known[cut] = has_text

    def is_known(self, track: Ints) -> Bools:
        """Whether the amount of each of some tracks is known."""
        found: Bools = self._is_known[track]
        return found

    def between(self, track: Ints, low_us: Ints, high_us: Ints) -> Ints:
        """What of tracks lies between two moments each."""
        return self._reached(track, high_us) - self._reached(track, low_us)

    def _reached(self, track: Ints, moment_us: Ints) -> Ints:
        start_us, end_us = self._times.start_us[track], self._times.end_us[track]
        found = np.where(moment_us >= end_us, self._total[track], 0)
        found[moment_us <= start_us] = 0
        inner = np.flatnonzero((moment_us > start_us) & (moment_us < end_us))
        start_us, end_us, moment_us = start_us[inner], end_us[inner], moment_us[inner]
        quarter = moment_us // QUARTER_US
        place = quarter - start_us // QUARTER_US
        at = self._first[track[inner]] + place
        before = np.where(place > 0, self._until[at - 1], 0)
        begin_us = np.maximum(quarter * QUARTER_US, start_us)
        lasted = np.minimum((quarter + 1) * QUARTER_US, end_us) - begin_us
        found[inner] = before + (self._until[at] - before) * (moment_us - begin_us) // lasted
        result: Ints = found
        return result
