"""The one value that all of trackflow computes on: the points of one device as parallel arrays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

type Floats = NDArray[np.float64]
type Ints = NDArray[np.int64]
type Bools = NDArray[np.bool_]

DEGREE_DECIMALS = 7
"""Positions are kept to 1e-7 degrees (about 1 cm): the E7 grid on which comparisons are exact."""


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points of one device, in order of time unless stated otherwise. All arrays have shape (n,).

    Attributes:
        time_us: UTC microseconds since 1970, int64.
        lon: longitude in degrees, on the E7 grid.
        lat: latitude in degrees, on the E7 grid.
        accuracy_m: radius in metres that the device claims, NaN where it claims none.
    """

    time_us: Ints
    lon: Floats
    lat: Floats
    accuracy_m: Floats

    @classmethod
    def of(cls, time_us: Any, lon: Any, lat: Any, accuracy_m: Any = None) -> Self:
        """Points from anything array-like of shape (n,); positions are rounded to the E7 grid.

        Args:
            time_us: UTC microseconds since 1970.
            lon: degrees.
            lat: degrees.
            accuracy_m: metres; NaN where it is unknown, None if it is unknown for all.
        """
        time = np.ascontiguousarray(time_us, dtype=np.int64)
        accuracy = np.full(len(time), np.nan) if accuracy_m is None else accuracy_m
        return cls(
            time,
            on_grid(lon),
            on_grid(lat),
            np.ascontiguousarray(accuracy, dtype=np.float64),
        )

    @classmethod
    def empty(cls) -> Self:
        """No points."""
        return cls.of([], [], [])

    @classmethod
    def concat(cls, parts: Sequence["Points"]) -> Self:
        """The points of `parts`, one after another."""
        if not parts:
            return cls.empty()
        return cls(
            np.concatenate([p.time_us for p in parts]),
            np.concatenate([p.lon for p in parts]),
            np.concatenate([p.lat for p in parts]),
            np.concatenate([p.accuracy_m for p in parts]),
        )

    def __len__(self) -> int:
        return len(self.time_us)

    def __getitem__(self, index: slice | Bools | Ints) -> Self:
        return type(self)(
            self.time_us[index], self.lon[index], self.lat[index], self.accuracy_m[index]
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Points):
            return NotImplemented
        return (
            np.array_equal(self.time_us, other.time_us)
            and np.array_equal(self.lon, other.lon)
            and np.array_equal(self.lat, other.lat)
            and np.array_equal(self.accuracy_m, other.accuracy_m, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]

    def between(self, start_us: int, end_us: int) -> Self:
        """The points of `[start_us, end_us)`; times must be in order."""
        first, last = np.searchsorted(self.time_us, [start_us, end_us])
        return self[slice(int(first), int(last))]


def on_grid(degrees: Any) -> Floats:
    """Degrees rounded to the E7 grid, so that equal positions compare as equal."""
    given = np.ascontiguousarray(degrees, dtype=np.float64)
    with np.errstate(over="ignore"):  # numpy rounds by multiplying, which the largest do not bear
        rounded = np.round(given, DEGREE_DECIMALS)
    return np.where(np.isfinite(rounded), rounded, given)


def e7(degrees: Floats) -> Ints:
    """Degrees as whole numbers of 1e-7 degrees."""
    scaled = degrees * 1e7
    return np.rint(scaled, out=scaled).astype(np.int64)
