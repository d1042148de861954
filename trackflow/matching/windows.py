"""Clock-aligned windows of a segment: the unit of matching and of its cache.

A window owns the steps that begin in its slice of the clock, so the point that follows its last
step, the seam, belongs to it and to the next window. It sees some points more on either side, its
context, so that both windows at a seam know where the device came from and where it went. Slices
and context depend on nothing but the points around them: a journey gives the same windows whole or
cut at midnight.
"""

import hashlib
from dataclasses import astuple, dataclass

import numpy as np

from trackflow.errors import SettingsError
from trackflow.geo.points import Points, e7

DAY_S = 86_400
FOREVER_US = 1 << 62
_ALGORITHM = b"trackflow-match-4"
"""Part of every input hash: raise it when matching changes, and nothing old is used again."""


@dataclass(frozen=True, slots=True)
class MatchSettings:
    """How segments are matched. Lengths are metres, times seconds.

    Attributes:
        window_s: length of a window; a divisor of a day, so that no window crosses midnight.
        context_s: time before and after a window whose points it sees.
        context_points: so many points it sees in any case, up to `context_limit_s` away...
        context_limit_s: ...because at a point in ten minutes `context_s` holds next to nothing.
        context_used: so many points of the context, after thinning, are given to the engine on
            either side...
        context_far: ...and so many more, each twice as far from the last as the one before: which
            of two parallel roads a device is on may show a kilometre away.
        thin_m: points nearer than this to the last one kept are left out. It must be well above
            the noise: points nearer together than they are wrong go back and forth, and the line
            follows them into every side street (Newson & Krumm 2009 leave out points within two
            standard deviations of the last).
        thin_noise: so many standard deviations are well above the noise where it can be measured.
        radius_m: the standard deviation of a point that claims no accuracy. OSRM looks for roads
            within three times as much.
        radius_min_m, radius_max_m: bounds for what devices claim.
        other_radii_m: tried one after another where the answer is doubtful, the cheapest first.
        detour_kmh: how fast a device may be at least in a detour that no point shows; faster if
            the points around are.
    """

    window_s: int = 300
    context_s: float = 600.0
    context_points: int = 3
    context_limit_s: float = 3600.0
    context_used: int = 2
    context_far: int = 4
    thin_m: float = 25.0
    thin_noise: float = 4.0
    radius_m: float = 10.0
    radius_min_m: float = 5.0
    radius_max_m: float = 30.0
    other_radii_m: tuple[float, ...] = (5.0, 15.0, 40.0)
    detour_kmh: float = 20.0

    def __post_init__(self) -> None:
        if self.window_s <= 0 or DAY_S % self.window_s:
            raise SettingsError(f"window_s={self.window_s} must divide a day of {DAY_S} s")

    @property
    def slowest_ms(self) -> float:
        """`detour_kmh` in m/s."""
        return self.detour_kmh / 3.6

    def fingerprint(self) -> str:
        """The same for equal settings, on every machine."""
        return repr(astuple(self))


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Points to match: own ones with context on both sides.

    Attributes:
        start_us: time of its first own point.
        end_us: time of its last own point, which is the first one of the next window if the
            journey goes on.
        points: context and own points, in order of time.
        first, last: indices of the first and the last own point.
    """

    start_us: int
    end_us: int
    points: Points
    first: int
    last: int

    @property
    def own_count(self) -> int:
        """Points of its own; the seam with the next window is the next window's."""
        return self.last - self.first

    def input_hash(self, profile: str, network_version: str, settings: MatchSettings) -> str:
        """The key of the cache: all that the match depends on, and nothing else."""
        digest = hashlib.blake2b(_ALGORITHM, digest_size=16)
        # each text ends with a zero, so that "a" + "bc" differs from "ab" + "c"
        for text in (profile, network_version, settings.fingerprint(), f"{self.first} {self.last}"):
            digest.update(text.encode() + b"\0")
        accuracy = np.nan_to_num(self.points.accuracy_m, nan=-1.0, posinf=-1.0)
        for array in (self.points.time_us, e7(self.points.lon), e7(self.points.lat), accuracy):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


def cut_windows(
    before: Points, own: Points, after: Points, settings: MatchSettings
) -> list[Window]:
    """The windows that begin in a segment, in order of time; they cover it without a hole.

    Args:
        before: the journey's points of the days before, empty if it begins in `own`. Only the last
            `context_limit_s` of them matter.
        own: the segment's points.
        after: the journey's points of the days after, empty if it ends in `own`.
        settings: how to cut.

    Returns:
        None for a segment of one point with nothing after it: it has no step.
    """
    points = Points.concat([before, own, after])
    begin, end = len(before), len(before) + len(own)
    steps = np.arange(begin, end if len(after) else end - 1)
    if not len(steps):
        return []
    slices = points.time_us[steps] // (settings.window_s * 1_000_000)
    first_steps = steps[np.flatnonzero(np.diff(slices, prepend=slices[0] - 1))]
    last_points = [*first_steps[1:].tolist(), int(steps[-1]) + 1]
    return [
        _window(points, first, last, settings)
        for first, last in zip(first_steps.tolist(), last_points, strict=True)
    ]


def end_seen(points: Points, settings: MatchSettings) -> Points:
    """The end of a day's points: what its last window, and so the day after, can see.

    However long the steps are: a window may end hours after it begins.
    """
    window_us = settings.window_s * 1_000_000
    slice_us = int(points.time_us[-1]) // window_us * window_us
    return points.between(slice_us - int(settings.context_limit_s * 1e6), FOREVER_US)


def start_seen(points: Points, settings: MatchSettings) -> Points:
    """The start of a day's points: what its first window, and so the day before, can see."""
    window_us = settings.window_s * 1_000_000
    next_us = (int(points.time_us[0]) // window_us + 1) * window_us
    seam = min(int(np.searchsorted(points.time_us, next_us)), len(points) - 1)
    end_us = int(points.time_us[seam]) + int(settings.context_limit_s * 1e6)
    return points.between(0, end_us + 1)


def _window(points: Points, first: int, last: int, settings: MatchSettings) -> Window:
    time_us = points.time_us
    start_us, end_us = int(time_us[first]), int(time_us[last])
    context_us = int(settings.context_s * 1e6)
    limit_us = int(settings.context_limit_s * 1e6)
    near, far = np.searchsorted(time_us, [start_us - context_us, start_us - limit_us])
    low = max(min(int(near), first - settings.context_points), int(far), 0)
    near, far = np.searchsorted(time_us, [end_us + context_us, end_us + limit_us], side="right")
    high = min(max(int(near), last + 1 + settings.context_points), int(far), len(points))
    return Window(start_us, end_us, points[low:high], first - low, last - low)
