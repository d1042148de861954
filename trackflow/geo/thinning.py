"""Points of a line so far apart that their errors no longer make it go back and forth."""

from collections.abc import Sequence
from itertools import pairwise

TIP_SHARE = 0.5
"""A point so far (as a share of the spacing) off the straight line is where a device turned."""


def spaced(x_m: Sequence[float], y_m: Sequence[float], apart_m: float) -> list[int]:
    """Indices of the first point and of each next one that is far enough from the last.

    The last point is always among them.
    """
    kept, apart_m2 = [0], apart_m**2
    last_x, last_y = x_m[0], y_m[0]
    for k, (x, y) in enumerate(zip(x_m, y_m, strict=True)):
        if (x - last_x) ** 2 + (y - last_y) ** 2 >= apart_m2:
            kept.append(k)
            last_x, last_y = x, y
    if kept[-1] != len(x_m) - 1:
        kept.append(len(x_m) - 1)
    return kept


def with_tips(
    x_m: Sequence[float], y_m: Sequence[float], kept: Sequence[int], apart_m: float
) -> list[int]:
    """`kept`, and where the device turned between two of them: the end of a dead end.

    Args:
        x_m: metres to the east, shape (n,).
        y_m: metres to the north, shape (n,).
        kept: indices in order.
        apart_m: the spacing that they were chosen by.
    """
    tips = []
    for low, high in pairwise(kept):
        if high - low > 1:
            off_m2, tip = max(
                (_off_line_m2(x_m, y_m, low, high, k), k) for k in range(low + 1, high)
            )
            if off_m2 > (TIP_SHARE * apart_m) ** 2:
                tips.append(tip)
    return sorted([*kept, *tips])


def _off_line_m2(x_m: Sequence[float], y_m: Sequence[float], low: int, high: int, k: int) -> float:
    """The square of the distance of point `k` from the straight line between two others."""
    dx, dy = x_m[high] - x_m[low], y_m[high] - y_m[low]
    px, py = x_m[k] - x_m[low], y_m[k] - y_m[low]
    length2 = dx * dx + dy * dy
    along = min(max((px * dx + py * dy) / length2, 0.0), 1.0) if length2 else 0.0
    return (px - along * dx) ** 2 + (py - along * dy) ** 2
