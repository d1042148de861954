"""A simulated fleet with known true routes: which vehicle drives when, where and how fast.

Vehicles make tours between places of the road network. A tour is a way that the engine gives, its
speed follows from the engine's driving time, with waits at junctions; between tours a vehicle is
parked. The module `receiver` simulates the reports of its device. Each vehicle has a random
generator of its own, so that a larger fleet or a longer time leaves the others' days as they were.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np

from trackflow.demo.receiver import Receiver, drop_gaps, observe
from trackflow.errors import BadInputError
from trackflow.geo.bbox import Bbox
from trackflow.geo.distance import step_m
from trackflow.geo.points import Floats, Ints, Points
from trackflow.geo.time import DAY_US
from trackflow.matching.engines.protocol import Engine, Route

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US

PLACES = 60
SHORTEST_TOUR_M = 1000.0
TUNNELS_PER_HOUR, TUNNEL_S = 0.15, (90.0, 150.0)
OUTAGES_PER_HOUR, OUTAGE_S = 0.02, (840.0, 960.0)


@dataclass(frozen=True, slots=True, eq=False)
class TrueDrive:
    """One drive as it really was.

    Attributes:
        start_us, end_us: UTC microseconds since 1970.
        lon, lat: the way on the network, in degrees; shape (n,).
    """

    start_us: int
    end_us: int
    lon: Floats
    lat: Floats


@dataclass(frozen=True, slots=True, eq=False)
class SimulatedDevice:
    """A device, its reports and its true drives.

    Attributes:
        device_id: such as van-03.
        name: for people.
        reported: its reports, in the order of its clock: with noise, gaps, spikes, duplicates.
        routes: its true drives, in order of time.
        late: whether it was offline on the second day and sends that day's points later.
    """

    device_id: str
    name: str
    reported: Points
    routes: list[TrueDrive]
    late: bool


@dataclass(frozen=True, slots=True)
class _Kind:
    """A kind of vehicle: its shift, its tours, its stays.

    Attributes:
        starts_h: when its shift starts, hours of the day in UTC.
        shift_h: how long it lasts.
        by_night: whether its first tour runs across midnight, on every day but the last, which has
            no night: there, and only there, `starts_h` counts.
        stops: how many places a tour visits, at least and at most.
        stay_min: how long it is parked between tours, at least and at most.
        pace: its speed as a share of the engine's.
    """

    key: str
    name: str
    starts_h: tuple[float, float]
    shift_h: float
    by_night: bool
    stops: tuple[int, int]
    stay_min: tuple[float, float]
    pace: float


_NIGHT_BUS = _Kind("bus", "Night bus", (20, 21), 4.0, True, (10, 14), (10, 20), 0.9)
_PLOUGH = _Kind("plough", "Snow plough", (20, 21), 5.0, True, (12, 16), (15, 40), 0.6)
_VAN = _Kind("van", "Delivery van", (5, 8), 8.0, False, (5, 10), (10, 45), 1.0)
_TAXI = _Kind("taxi", "Taxi", (7, 12), 9.0, False, (3, 8), (10, 120), 1.1)
_KINDS = (_NIGHT_BUS, _PLOUGH, _VAN, _TAXI, _VAN, _VAN, _TAXI, _VAN, _TAXI, _VAN)
_LATE_INDEX = 2
"""The first van: a fleet of three vehicles has every kind of surprise."""

_SAMPLING_S = (10, 30, 5, 10, 5, 30, 10, 5, 30, 10, 5)
"""Eleven, so that kinds (ten) and sampling do not go in step."""


def simulate_fleet(
    engine: Engine,
    bbox: Bbox,
    *,
    vehicles: int = 20,
    days: int = 3,
    first_day: date,
    seed: int = 1,
) -> list[SimulatedDevice]:
    """Devices with their points and their truth.

    Args:
        engine: gives the ways.
        bbox: west, south, east, north of its network, in degrees.
        vehicles: how many; from two on, two of them drive across each midnight.
        days: how many days of UTC; no point lies outside.
        first_day: the first of them.
        seed: the same seed gives the same fleet.

    Raises:
        BadInputError: the network has hardly any roads to drive on.
        EngineUnavailableError: the engine cannot be reached.
    """
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    start_us = int(start.timestamp()) * SECOND_US
    places = _find_places(engine, bbox, np.random.default_rng([seed, 0]))
    return [
        _simulate_vehicle(i, engine, places, start_us, days, np.random.default_rng([seed, 1, i]))
        for i in range(vehicles)
    ]


def _find_places(engine: Engine, bbox: Bbox, rng: np.random.Generator) -> Floats:
    """Places that can be reached from each other, (longitude, latitude) in rows.

    An extract's edge cuts roads into islands that have no way out: a place is taken if there is a
    way to it and back from the first one, or from another candidate if that was on an island.
    """
    west, south, east, north = bbox
    candidates = rng.uniform((west, south), (east, north), (PLACES * 3, 2))
    for home in candidates[:5]:
        found = [home]
        for place in candidates:
            there = engine.route(*np.array([home, place, home]).T)
            if there is not None and there.distance_m > SHORTEST_TOUR_M / 2:
                found.append(place)
            if len(found) == PLACES:
                break
        if len(found) > PLACES // 4:
            return np.array(found)
    raise BadInputError("the road network has too few roads that connect: take a larger extract")


def _simulate_vehicle(
    index: int,
    engine: Engine,
    places: Floats,
    start_us: int,
    days: int,
    rng: np.random.Generator,
) -> SimulatedDevice:
    kind = _KINDS[index % len(_KINDS)]
    number = 1 + sum(_KINDS[i % len(_KINDS)] is kind for i in range(index))
    sampling_s = _SAMPLING_S[index % len(_SAMPLING_S)]
    receiver = Receiver(
        sigma_m=float(rng.uniform(3, 6)),
        claims_accuracy=index % 5 != 4,
        whole_seconds=index % 3 != 1,
    )
    parked_every_s = (0, 300, max(sampling_s, 30))[index % 3]
    end_us = start_us + days * DAY_US
    drives: list[_Drive] = []
    parts: list[_Positions] = []
    for shift in range(days):
        for drive in _shift(kind, engine, places, start_us + shift * DAY_US, end_us, rng):
            if drives:
                parts.append(_parked(drives[-1].truth, drive.truth.start_us, parked_every_s))
            drives.append(drive)
            parts.append(_sampled(drive, sampling_s, rng))
    time_us = np.concatenate([p[0] for p in parts]) if parts else np.empty(0, dtype=np.int64)
    lon = np.concatenate([p[1] for p in parts]) if parts else np.empty(0)
    lat = np.concatenate([p[2] for p in parts]) if parts else np.empty(0)
    kept = drop_gaps(time_us, TUNNELS_PER_HOUR, TUNNEL_S, rng)
    kept &= drop_gaps(time_us, OUTAGES_PER_HOUR, OUTAGE_S, rng)
    return SimulatedDevice(
        device_id=f"{kind.key}-{number:02}",
        name=f"{kind.name} {number}",
        reported=observe(time_us[kept], lon[kept], lat[kept], receiver, rng),
        routes=[drive.truth for drive in drives],
        late=index == _LATE_INDEX,
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Drive:
    """A drive with its timetable: when each vertex is reached and left, since its start."""

    truth: TrueDrive
    reached_us: Floats
    left_us: Floats


def _shift(
    kind: _Kind,
    engine: Engine,
    places: Floats,
    day_us: int,
    end_us: int,
    rng: np.random.Generator,
) -> Iterator[_Drive]:
    """The drives of the shift that starts on a day, none of them reaching beyond `end_us`."""
    now_us = day_us + int(rng.uniform(*kind.starts_h) * HOUR_US)
    at = places[rng.integers(len(places))]
    shift_end_us = now_us + int(kind.shift_h * HOUR_US)
    crosses_midnight = kind.by_night and day_us + DAY_US < end_us
    while now_us < shift_end_us:
        tour = _tour(kind, engine, places, at, rng)
        drive = _timetable(tour, kind.pace, rng)
        length_us = int(drive.left_us[-1])
        if crosses_midnight:
            crosses_midnight = False
            # Midnight falls into the middle part of a tour of any length.
            now_us = day_us + DAY_US - int(length_us * rng.uniform(0.3, 0.7))
            shift_end_us = now_us + int(kind.shift_h * HOUR_US)
        if now_us + length_us > end_us:
            return
        yield _starting_at(drive, now_us)
        at = np.array([tour.lon[-1], tour.lat[-1]])
        now_us += length_us + int(rng.uniform(*kind.stay_min) * MINUTE_US)


def _tour(
    kind: _Kind, engine: Engine, places: Floats, at: Floats, rng: np.random.Generator
) -> Route:
    """A route from `at` through some places."""
    for _ in range(20):
        stops = int(rng.integers(kind.stops[0], kind.stops[1] + 1))
        chosen = places[rng.choice(len(places), min(stops, len(places)), replace=False)]
        tour = engine.route(*np.vstack([at, chosen]).T)
        if tour is not None and tour.distance_m >= SHORTEST_TOUR_M:
            return tour
        at = chosen[0]  # no route leads on from here: the simulation puts the vehicle elsewhere
    raise BadInputError("the road network has too few roads that connect: take a larger extract")


def _timetable(tour: Route, pace: float, rng: np.random.Generator) -> _Drive:
    """Times at which each vertex of a tour is reached and left, from 0, in microseconds.

    The engine's time holds its own delays at junctions, so a third of it becomes waits at random
    vertices; in between the speed varies from stretch to stretch.
    """
    length_m = step_m(tour.lon, tour.lat)
    moving_s = tour.duration_s / pace * 0.7
    stretch_m = np.arange(0.0, tour.distance_m + 400.0, 200.0)
    slowness = rng.uniform(0.7, 1.4, len(stretch_m))
    step_s = length_m * np.interp(np.cumsum(length_m), stretch_m, slowness)
    step_s *= moving_s / step_s.sum()
    waits = rng.choice(len(tour.lon), max(1, int(tour.distance_m / 350)))
    wait_s = np.zeros(len(tour.lon))
    np.add.at(wait_s, waits, np.minimum(rng.exponential(15.0, len(waits)), 75.0))
    wait_s[-1] = 0.0
    reached_s = np.r_[0.0, np.cumsum(step_s + wait_s[:-1])]
    truth = TrueDrive(0, round(float(reached_s[-1]) * 1e6), tour.lon, tour.lat)
    return _Drive(truth, reached_s * 1e6, (reached_s + wait_s) * 1e6)


def _starting_at(drive: _Drive, start_us: int) -> _Drive:
    truth = drive.truth
    return _Drive(
        TrueDrive(start_us, start_us + truth.end_us, truth.lon, truth.lat),
        drive.reached_us,
        drive.left_us,
    )


type _Positions = tuple[Ints, Floats, Floats]


def _sampled(drive: _Drive, sampling_s: int, rng: np.random.Generator) -> _Positions:
    """True positions of a drive at the times of its device: UTC microseconds, degrees."""
    start_us, end_us = drive.truth.start_us, drive.truth.end_us
    first_us = int(rng.uniform(0, SECOND_US))
    time_us = np.arange(start_us + first_us, end_us, sampling_s * SECOND_US)
    # Each vertex counts twice, when it is reached and when it is left: in between, it stands still.
    when_us = np.column_stack([drive.reached_us, drive.left_us]).ravel()
    elapsed_us = time_us - start_us
    lon = np.interp(elapsed_us, when_us, np.repeat(drive.truth.lon, 2))
    lat = np.interp(elapsed_us, when_us, np.repeat(drive.truth.lat, 2))
    return time_us, lon, lat


def _parked(last: TrueDrive, until_us: int, every_s: int) -> _Positions:
    """Positions of a vehicle that stands where its last drive ended; none if `every_s` is 0."""
    step_us = every_s * SECOND_US
    time_us = np.arange(last.end_us, until_us, step_us) if step_us else np.empty(0, dtype=np.int64)
    return time_us, np.full(len(time_us), last.lon[-1]), np.full(len(time_us), last.lat[-1])
