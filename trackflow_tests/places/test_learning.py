"""Places depend on the set of stays alone, and are those that a person would name."""

import datetime as dt
import random
from itertools import combinations
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.geo.time import to_us
from trackflow.places.clusters import NEAR_M, cell_at, group_cells
from trackflow.places.learning import learn
from trackflow.places.stays import Stay

ZONE = ZoneInfo("Europe/Helsinki")
MONDAY = dt.date(2026, 3, 2)
HOME, WORK, GYM, SUMMER_HOUSE = (24.94, 60.17), (24.96, 60.2), (24.95, 60.18), (22.0, 60.5)


def local_us(day: dt.date, hour: float) -> int:
    midnight = dt.datetime.combine(day, dt.time(), ZONE)
    return to_us((midnight + dt.timedelta(hours=hour)).astimezone(dt.UTC))


def weeks(count: int, noise_deg: float = 2e-4, seed: int = 0) -> list[Stay]:
    """Office hours from Monday to Friday, the gym on Tuesdays, some week-ends elsewhere."""
    rng = random.Random(seed)
    found = []

    def add(where: tuple[float, float], day: dt.date, first: float, last: float) -> None:
        lon, lat = (value + rng.uniform(-1, 1) * noise_deg for value in where)
        found.append(Stay(local_us(day, first), local_us(day, last), lon, lat))

    for k in range(7 * count):
        day = MONDAY + dt.timedelta(days=k)
        if day.weekday() < 5:
            add(WORK, day, 8.5, 16.5)
            if day.weekday() == 1:
                add(GYM, day, 17, 18.5)
            add(HOME, day, 19, 32)
        elif day.weekday() == 5 and k // 7 % 2:
            add(SUMMER_HOUSE, day, 12, 36)
        else:
            add(HOME, day, 10, 32 if day.weekday() == 5 else 31)
    return found


def test_home_work_and_what_is_visited_often() -> None:
    """Over the change to summer time, and however often a stay is repeated."""
    places = learn(weeks(8), ZONE, "van")
    kinds = {place.kind: place for place in places if place.kind != "other"}
    assert {place.kind for place in places} == {"home", "work", "other"}
    for kind, (lon, lat) in (("home", HOME), ("work", WORK)):
        place = kinds[kind]
        assert abs(place.longitude - lon) < 2e-4
        assert abs(place.latitude - lat) < 2e-4
        assert 0.5 < place.confidence <= 1
    # the gym and the summer house
    assert len(places) == 4
    assert all(0 < place.confidence < 1 for place in places)
    # a week's evidence is no certainty
    first_week = {place.kind: place for place in learn(weeks(1), ZONE, "van")}
    assert first_week["home"].confidence < kinds["home"].confidence
    assert first_week["home"].place_id == kinds["home"].place_id  # it has only become surer


def test_a_home_abroad_follows_the_newest_half_year() -> None:
    """Days are those of the device's zone, and a person who has moved lives where they moved to."""
    old = weeks(10)
    later = dt.timedelta(days=300)
    shift_us = later // dt.timedelta(microseconds=1)
    moved = [
        Stay(s.start_us + shift_us, (s.end_us or 0) + shift_us, s.longitude + 1, s.latitude)
        for s in weeks(10, seed=1)
    ]
    places = {place.kind: place for place in learn(old + moved, ZONE, "van")}
    assert abs(places["home"].longitude - HOME[0] - 1) < 2e-4
    former = learn(old, ZONE, "van")
    ids = {place.place_id for place in learn(old + moved, ZONE, "van")}
    assert {place.place_id for place in former} <= ids  # they have kept their ids
    auckland = {place.kind: place for place in learn(old, ZoneInfo("Pacific/Auckland"), "van")}
    assert "home" in auckland
    assert abs(auckland["home"].longitude - WORK[0]) < 2e-4  # it is night there


@settings(deadline=None, max_examples=25)
@given(st.randoms(use_true_random=False), st.integers(1, 4), st.sampled_from([0.0, 154.94, 155.06]))
def test_order_and_repetition_change_nothing(rng: random.Random, count: int, east: float) -> None:
    """Also across the antimeridian."""
    stays = [
        Stay(s.start_us, s.end_us, (s.longitude + east + 180) % 360 - 180, s.latitude)
        for s in weeks(count, seed=rng.randrange(100))
    ]
    shuffled = stays + rng.sample(stays, len(stays) // 2)
    rng.shuffle(shuffled)
    found = learn(shuffled, ZONE, "van")
    assert found == learn(stays, ZONE, "van")
    assert found
    assert {place.place_id for place in found}.isdisjoint(
        place.place_id for place in learn(stays, ZONE, "other")
    )


spots = st.tuples(st.integers(0, 30), st.integers(0, 12))


@given(
    st.dictionaries(spots, st.sets(st.integers(0, 4), min_size=1), max_size=25),
    st.sampled_from([(249_400, 601_700), (1_799_990, 0), (0, 899_950), (-5, -5)]),
)
def test_groups_are_those_of_the_definition(
    days: dict[tuple[int, int], set[int]], at: tuple[int, int]
) -> None:
    """As by comparing every cell with every other one."""
    from math import asin, cos, radians, sin, sqrt

    def apart_m(one: tuple[int, int], other: tuple[int, int]) -> float:
        (x1, y1), (x2, y2) = ([radians(v * 1e-4) for v in cell] for cell in (one, other))
        h = sin((y2 - y1) / 2) ** 2 + cos(y1) * cos(y2) * sin((x2 - x1) / 2) ** 2
        return 2 * 6_371_008.8 * asin(sqrt(h))

    cells = {(x + at[0], min(y + at[1], 900_000)): some for (x, y), some in days.items()}
    near = {cell: {cell} for cell in cells}
    for one, other in combinations(cells, 2):
        if apart_m(one, other) <= NEAR_M:
            near[one].add(other)
            near[other].add(one)
    dense = {c for c in cells if len(set().union(*(cells[o] for o in near[c]))) >= 3}
    groups = group_cells(cells, 3)
    grouped = [cell for group in groups for cell in group]
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {cell for cell in cells if near[cell] & dense}
    for group in groups:
        assert set(group) & dense
    of = {cell: k for k, group in enumerate(groups) for cell in group}
    for one in dense:
        assert all(of[one] == of[other] for other in near[one] & dense)
    for group in groups:  # and no more than what is connected
        reached = waiting = {min(set(group) & dense)}
        while waiting:
            waiting = set().union(*(near[c] for c in waiting if c in dense)) & dense - reached
            reached = reached | waiting
        assert reached == set(group) & dense


def test_a_cell_is_eleven_metres() -> None:
    assert cell_at(24.94004, 60.17006) == (249_400, 601_701)
