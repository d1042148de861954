"""The rules of the logbook over any values: odometers, rates, chains, days and months."""

import datetime as dt
import itertools
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.geo.time import ONE_DAY
from trackflow.mileage.chain import START, Link, faults, link_hash
from trackflow.mileage.entries import (
    BUSINESS,
    PRIVATE,
    TripPart,
    amended,
    content_of,
    differences,
    shown_to,
)
from trackflow.mileage.grouping import JoinedTime, grouped, without_doubles
from trackflow.mileage.odometer import (
    MOST_DRIFT,
    DrivenTrip,
    Reading,
    check_reading,
    odometers,
    stretches,
)
from trackflow.mileage.rates import (
    DRIVER,
    PERS,
    PaidTrip,
    PaidYears,
    Rate,
    Tier,
    lacking,
    payments,
)
from trackflow.mileage.report import sums_of

START_OF_ALL = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
MINUTE = dt.timedelta(minutes=1)
METRES = st.integers(0, 400_000)
ZONES = ("Europe/Helsinki", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu", "UTC")


def trip_at(hour: int, metres: int) -> DrivenTrip:
    start = START_OF_ALL + hour * HOUR
    return DrivenTrip(start, start + HOUR / 2, metres)


@given(
    st.lists(METRES, max_size=12),
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 900_000)), max_size=4),
)
def test_odometers_run_from_reading_to_reading(
    metres: list[int], steps: list[tuple[int, int]]
) -> None:
    trips = [trip_at(hour, one) for hour, one in enumerate(metres)]
    hours = sorted({hour for hour, _ in steps})
    shown = itertools.accumulate(m for _, m in steps[: len(hours)])
    readings = [Reading(START_OF_ALL + h * HOUR, m) for h, m in zip(hours, shown, strict=True)]
    found = odometers(trips, readings)
    assert [one is None for one in found] == [
        not readings or trip.start < readings[0].read_at for trip in trips
    ]
    for stretch in stretches(trips, readings):
        inside = [
            one
            for one, trip in zip(found, trips, strict=True)
            if one and stretch.start.read_at <= trip.start < stretch.end.read_at
        ]
        assert all(start <= end for start, end in inside)
        assert all(a[1] == b[0] for a, b in itertools.pairwise(inside))
        difference_m = stretch.driven_m - stretch.trips_m
        if inside:
            assert inside[0][0] == stretch.start.odometer_m
            # what is not spread over trips is shown as what no trip explains: nothing is hidden
            assert inside[-1][1] + stretch.unexplained_m == stretch.end.odometer_m
        assert stretch.unexplained_m in (0, difference_m)
        if abs(difference_m) > MOST_DRIFT * stretch.trips_m:
            assert stretch.unexplained_m == difference_m


@given(
    st.lists(METRES, max_size=12),
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 900_000), st.booleans()), max_size=8),
)
def test_an_odometer_runs_on_until_another_one_is_put_in(
    metres: list[int], said: list[tuple[int, int, bool]]
) -> None:
    """In whatever order a person writes readings down."""
    readings: list[Reading] = []
    for half_hours, shown, is_replaced in said:
        new = Reading(START_OF_ALL + half_hours * HOUR / 2, shown)
        before = max((one for one in readings if one.read_at <= new.read_at), default=None,
                     key=lambda one: (one.read_at, readings.index(one)))  # fmt: skip
        shows_less = before is not None and shown < before.odometer_m
        is_exchanged = is_replaced and before is not None and before.read_at == new.read_at
        if shows_less is not is_replaced and not is_exchanged:
            with pytest.raises(BadInputError, match="replaced"):
                check_reading(new, readings, is_replaced=is_replaced)
            continue
        try:
            check_reading(new, readings, is_replaced=is_replaced)
        except BadInputError:
            later = [r for r in readings if r.read_at >= new.read_at]
            assert any(r.odometer_m < shown for r in later)
            continue
        readings.append(new)
        readings.sort(key=lambda one: one.read_at)
    trips = [trip_at(hour, one) for hour, one in enumerate(metres)]
    found = odometers(trips, readings)
    for trip, pair in zip(trips, found, strict=True):
        begun = [one for one in readings if one.read_at <= trip.start]
        assert (pair is None) == (not begun)
        if pair is not None:
            assert begun[-1].odometer_m <= pair[0] <= pair[1]
    assert all(one.driven_m >= 0 for one in stretches(trips, readings))
    drops = sum(
        b.odometer_m < a.odometer_m or a.read_at == b.read_at
        for a, b in itertools.pairwise(readings)
    )
    assert len(stretches(trips, readings)) == max(len(readings) - 1, 0) - drops


@given(METRES, st.integers(0, 900_000), st.integers(0, 900_000))
def test_an_odometer_of_any_age_is_put_in_at_one_moment(
    metres: int, old_m: int, new_m: int
) -> None:
    """What it showed when it was bought is no way that the vehicle drove."""
    moments = START_OF_ALL, START_OF_ALL + HOUR, START_OF_ALL + 2 * HOUR
    readings = [Reading(moments[0], old_m), Reading(moments[1], old_m + metres)]
    check_reading(Reading(moments[1], new_m), readings, is_replaced=True)
    readings += [Reading(moments[1], new_m), Reading(moments[2], new_m + metres)]
    check_reading(readings[-1], readings[:-1], is_replaced=False)
    trips = [trip_at(0, metres), trip_at(1, metres)]
    assert odometers(trips, readings) == [(old_m, old_m + metres), (new_m, new_m + metres)]
    assert [one.unexplained_m for one in stretches(trips, readings)] == [0, 0]
    with pytest.raises(BadInputError, match="same moment"):
        check_reading(Reading(moments[2] + HOUR, new_m + metres), readings, is_replaced=True)


@given(st.lists(METRES, min_size=1, max_size=8), st.integers(0, 8), st.integers(0, 10**6))
def test_closed_entries_keep_their_odometers(metres: list[int], count: int, read_m: int) -> None:
    trips = [trip_at(hour, one) for hour, one in enumerate(metres)]
    first = Reading(START_OF_ALL, 1000)
    before = odometers(trips, [first])
    closed = [
        DrivenTrip(trip.start, trip.end, trip.distance_m, k < count, odometer)
        for k, (trip, odometer) in enumerate(zip(trips, before, strict=True))
    ]
    later = Reading(START_OF_ALL + len(trips) * HOUR, 1000 + read_m)
    found = odometers(closed, [first, later])
    assert found[:count] == before[:count]
    known = [one for one in found if one]
    assert all(a[1] == b[0] for a, b in itertools.pairwise(known))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 800), METRES, st.sampled_from("VW"), st.sampled_from(["ada", "bert"])
        ),
        max_size=30,
    ),
    st.lists(st.integers(1, 20_000), max_size=3, unique=True),
    st.lists(st.decimals(0, 2, places=4), min_size=4, max_size=4),
    st.sampled_from(["km", "mi"]),
    st.sampled_from(PERS),
)
def test_trips_add_up_to_the_tiers_of_their_year_to_the_cent(
    driven: list[tuple[int, int, str, str]],
    limits: list[int],
    cents: list[Decimal],
    unit: str,
    per: str,
) -> None:
    """Of each vehicle, or of each driver in all vehicles."""
    tiers = [Tier(Decimal(one), cents[k]) for k, one in enumerate(sorted(limits))]
    tiers.append(Tier(None, cents[-1]))
    rate = Rate(
        "r", dt.date(2020, 1, 1), None, None, None, "GBP", unit, tuple(tiers), (4, 6), per=per
    )  # fmt: skip
    begin = dt.date(2026, 1, 1)
    trips = [
        PaidTrip(
            str(k), begin + dt.timedelta(days=day), None, vehicle, "car", metres, driver=driver
        )
        for k, (day, metres, vehicle, driver) in enumerate(sorted(driven))
    ]
    paid = payments(trips, [rate])
    for year, whose in itertools.product((2025, 2026, 2027, 2028), ("V", "W", "ada", "bert")):
        first, last = dt.date(year, 4, 6), dt.date(year + 1, 4, 5)
        mine = [
            trip
            for trip in trips
            if first <= trip.day <= last
            and whose == (trip.driver if per == DRIVER else trip.vehicle_id)
        ]
        metres = sum(trip.distance_m for trip in mine)
        units = Fraction(metres) / (1000 if unit == "km" else Fraction(1_609_344, 1000))
        exact, low = Fraction(0), Fraction(0)
        for tier in tiers:
            high = units if tier.up_to is None else min(units, Fraction(tier.up_to))
            exact += max(high - low, Fraction(0)) * Fraction(tier.amount)
            low = max(low, high)
        total = sum((paid[trip.key].amount for trip in mine), Decimal(0))
        assert abs(Fraction(total) - exact) <= Fraction(1, 200)
        assert total == total.quantize(Decimal("0.01"), ROUND_HALF_UP)


MONDAY = dt.date(2026, 3, 2)
FOR_ALL = Rate("x", MONDAY, None, None, None, "EUR", "km", (Tier(None, Decimal("0.3")),))
some_rates = st.builds(
    lambda name, first, days, category, kind: replace(
        FOR_ALL, rate_id=name, valid_from=MONDAY + first * ONE_DAY, category=category,
        valid_until=None if days is None else MONDAY + (first + days) * ONE_DAY, vehicle_kind=kind,
    ),
    st.sampled_from("ab"), st.integers(0, 5), st.none() | st.integers(0, 5),
    st.sampled_from([None, "business", "commute"]), st.sampled_from([None, "car", "van"]),
)  # fmt: skip


@given(
    st.lists(some_rates, max_size=4),
    st.integers(0, 8),
    st.sampled_from([None, "business", "commute", "private"]),
    st.sampled_from(["car", "van"]),
    st.sampled_from([None, "a", "b", "c"]),
)
def test_a_trip_that_rates_do_not_pay_says_what_they_lack(
    rates: list[Rate], day: int, category: str | None, kind: str, rate_id: str | None
) -> None:
    """And with that they pay it. Who has no rate for a category, and names none, lacks nothing."""
    trip = PaidTrip("1", MONDAY + day * ONE_DAY, category, "V", kind, 1000, rate_id)
    lacks = lacking(trip, rates)
    if trip.key in payments([trip], rates):
        assert lacks is None
    elif lacks is None:
        assert rate_id is None
        assert not any(one.category in (None, category) for one in rates)
    else:
        more = {
            "rate": [replace(FOR_ALL, rate_id=rate_id or "")],
            "category": [replace(one, category=category) for one in rates],
            "vehicle": [replace(one, vehicle_kind=kind) for one in rates],
            "day": [replace(one, valid_from=MONDAY, valid_until=None) for one in rates],
        }[lacks]
        assert lacking(trip, more) != lacks, "it lacks that no more"


@given(
    st.lists(METRES, max_size=6),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 4000), METRES), max_size=12),
    st.integers(1, 800),
)
def test_amended_trips_add_up_to_their_year_to_the_cent(
    closed: list[int], amended: list[tuple[int, int, int]], limit: int
) -> None:
    """Whatever was closed before, and in whatever order trips come late or change their length."""
    tiers = (Tier(Decimal(limit), Decimal("0.45")), Tier(None, Decimal("0.257")))
    rate = Rate("r", dt.date(2020, 1, 1), None, None, None, "GBP", "km", tiers)

    def trip(key: int, metres: int, day: int = 1) -> PaidTrip:
        when = dt.date(2026, 1, 1) + dt.timedelta(days=day % 365)
        return PaidTrip(str(key), when, None, "V", "car", metres)

    book = {key: trip(key, metres) for key, metres in enumerate(closed)}
    paid = {key: one.amount for key, one in payments(book.values(), [rate]).items()}
    years = PaidYears([rate])
    for one in book.values():
        years.count(one)
    for key, day, metres in amended:
        before, after = book.get(key), trip(key, metres, day)
        payment = years.amend(before, after, paid.get(str(key)))
        assert payment is not None
        book[key], paid[str(key)] = after, payment.amount
        whole = payments(book.values(), [rate])
        assert sum(paid.values()) == sum(one.amount for one in whole.values())
    for key, one in book.items():
        assert years.amend(one, None, paid[str(key)]) is None
    assert years.amend(None, trip(1, 1000), None) == payments([trip(1, 1000)], [rate])["1"]


@given(st.lists(st.dictionaries(st.text(max_size=3), st.integers()), min_size=1, max_size=6),
       st.data())  # fmt: skip
def test_a_broken_link_is_named(contents: list[dict[str, int]], data: st.DataObject) -> None:
    links, previous = [], START
    for number, content in enumerate(contents, 1):
        hashed = link_hash(previous, content)
        links.append(Link(number, "entry", str(number), content, previous, hashed))
        previous = hashed
    assert faults(links) == []
    k = data.draw(st.integers(0, len(links) - 1))
    one = links[k]
    changed = Link(one.chain_no, "entry", one.link_id, {**one.content, "new": 1},
                   one.previous_hash, one.link_hash)  # fmt: skip
    assert [fault.chain_no for fault in faults([*links[:k], changed, *links[k + 1 :]])] == [k + 1]
    if k < len(links) - 1:
        assert faults(links[:k] + links[k + 1 :])[0].chain_no == k + 2


@given(
    st.lists(st.tuples(st.integers(0, 24 * 500), METRES), max_size=20, unique_by=lambda t: t[0]),
    st.sampled_from(ZONES),
    st.lists(st.tuples(st.integers(0, 24 * 500), st.integers(1, 30)), max_size=3),
    st.sampled_from([0.0, 600.0, 7200.0]),
)
def test_no_kilometre_is_lost_or_doubled_at_midnights_months_and_changes_of_clocks(
    driven: list[tuple[int, int]], zone: str, joined: list[tuple[int, int]], join_s: float
) -> None:
    local = ZoneInfo(zone)
    parts = [
        TripPart(
            "van",
            str(hour),
            (START_OF_ALL + hour * HOUR).astimezone(local),
            (START_OF_ALL + (hour + 0.9) * HOUR).astimezone(local),
            float(metres),
            1.0,
            category="business" if metres % 2 else None,
        )
        for hour, metres in sorted(driven)
    ]
    joins = [
        JoinedTime(START_OF_ALL + hour * HOUR, START_OF_ALL + (hour + length) * HOUR)
        for hour, length in joined
    ]
    groups = grouped(parts, joins, join_s)
    trips = [content_of(group, "V", None, zone) for group in groups]
    if not joins:
        for group in groups:
            for before, part in itertools.pairwise(group):
                assert before.start.date() == part.start.date()
                assert (part.start - before.end).total_seconds() <= join_s
                assert before.category == part.category == "business"
        for one, following in itertools.pairwise(groups):
            before, part = one[-1], following[0]
            near = before.start.date() == part.start.date() and (
                (part.start - before.end).total_seconds() <= join_s
            )
            assert not (near and before.category == part.category == "business")
    by_month: dict[str, int] = {}
    for trip in trips:
        month = trip["local_day"][:7]
        by_month[month] = by_month.get(month, 0) + trip["distance_m"]
    assert sum(by_month.values()) == sum(metres for _, metres in driven)
    sums = sums_of(trips)
    assert sum(one.distance_m for one in sums) == sum(metres for _, metres in driven)
    assert sum(one.trips for one in sums) == len(trips)
    for trip in trips:
        start = dt.datetime.fromisoformat(trip["start_time"])
        assert start.astimezone(local).date().isoformat() == trip["local_day"]
        # the same moments in another zone are no difference
        elsewhere = trip | {
            name: dt.datetime.fromisoformat(trip[name]).astimezone(dt.UTC).isoformat()
            for name in ("start_time", "end_time")
        }
        assert differences(trip, elsewhere | {"zone": "UTC"}) == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from([None, BUSINESS, PRIVATE, "commute"]), st.sampled_from([None, "A", "B"])
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_join_mixes_neither_categories_nor_drivers(
    said: list[tuple[str | None, str | None]],
) -> None:
    parts = [
        TripPart("van", f"{k}", START_OF_ALL + k * HOUR, START_OF_ALL + (k + 0.5) * HOUR, 1e3, 1.0,
                 category=category, driver=driver, purpose=f"{category} of {driver}",
                 end_place=f"at {category}")
        for k, (category, driver) in enumerate(said)
    ]  # fmt: skip
    groups = grouped(parts, [JoinedTime(START_OF_ALL, START_OF_ALL + 9 * HOUR)])
    assert [part for group in groups for part in group] == parts
    for group in groups:
        for name in ("category", "driver"):
            assert len({getattr(part, name) for part in group} - {None}) <= 1
    for one, following in itertools.pairwise(groups):
        values = [
            ({getattr(part, name) for part in one}, getattr(following[0], name))
            for name in ("category", "driver")
        ]
        assert any(own and known - {None, own} for known, own in values)
    told = [shown_to(content_of(group, "V", None, "UTC"), None) for group in groups]
    assert sum(one["distance_m"] for one in told if one["category"] == PRIVATE) >= 1000 * sum(
        category == PRIVATE for category, _ in said
    )
    assert PRIVATE not in str([{**one, "category": None} for one in told])


SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 8), st.sampled_from("abc"), st.booleans()),
    max_size=12,
)


@given(SPANS)
def test_some_devices_in_a_vehicle_count_once(spans: list[tuple[int, int, str, bool]]) -> None:
    """What half of the hours covers, however many devices do; and words of people count for all."""
    free = dict.fromkeys("abc", 0)
    parts: list[TripPart] = []
    for start, length, device, is_said in sorted(spans):
        if start < free[device]:
            continue
        free[device] = start + length
        times = START_OF_ALL + start * HOUR, START_OF_ALL + (start + length) * HOUR
        word: dict[str, Any] = {"purpose": f"{device}{start}", "said": frozenset({"purpose"})}
        name = f"{device}{start}"
        parts.append(TripPart(device, name, *times, 1000.0, 1.0, **(word if is_said else {})))
    parts.sort(key=lambda part: (part.device_id, part.start))
    kept = without_doubles(parts)
    names = {part.track_id for part in kept}

    def hours(part: TripPart) -> set[int]:
        start, end = ((time - START_OF_ALL) // HOUR for time in (part.start, part.end))
        return set(range(start, end))

    for part in parts:
        before = [one for one in parts if one.device_id < part.device_id]
        covered = set().union(*(hours(one) for one in before if one.track_id in names))
        is_double = 2 * len(hours(part) & covered) > len(hours(part))
        assert (part.track_id in names) != is_double
    doubles = [part for part in parts if part.track_id not in names and part.said]
    for part, one in itertools.product(kept, doubles):
        if hours(part) & hours(one) and not part.purpose:
            shared = len(hours(part) & hours(one))
            assert 2 * shared <= min(len(hours(part)), len(hours(one)))
    for part in kept:
        heard = {one.track_id for one in doubles if hours(one) & hours(part)}
        assert part.purpose in {part.track_id, *heard, None}
        assert {one.purpose for one in parts if one.track_id == part.track_id and one.said} <= {
            part.purpose
        }, "its own word stands"


@pytest.mark.parametrize("change", ["2026-03-29T01:00Z", "2026-10-25T01:00Z"])
@given(before_min=st.integers(1, 300), length_min=st.integers(1, 300), stay_min=st.integers(0, 60))
def test_a_change_of_clocks_neither_loses_nor_parts_a_drive(
    change: str, before_min: int, length_min: int, stay_min: int
) -> None:
    zone = ZoneInfo("Europe/Vienna")
    start = dt.datetime.fromisoformat(change) - before_min * MINUTE
    spans = [
        (start, start + length_min * MINUTE),
        (start + (length_min + stay_min) * MINUTE, start + (2 * length_min + stay_min) * MINUTE),
    ]
    parts = [
        TripPart("van", f"{k}", a.astimezone(zone), b.astimezone(zone), 1e3, 1.0, category=BUSINESS)
        for k, (a, b) in enumerate(spans)
    ]
    assert without_doubles(parts) == parts
    again = [replace(part, device_id="other") for part in parts]
    assert without_doubles([*parts, *again]) == parts
    is_one_day = parts[0].start.date() == parts[1].start.date()
    for join_min in (stay_min, stay_min - 1):
        is_joined = is_one_day and 0 < join_min >= stay_min
        assert len(grouped(parts, [], 60.0 * join_min)) == (1 if is_joined else 2)


END = st.tuples(st.sampled_from([None, "Depot", "High Street 1"]), st.booleans())
"""A place or an address, and whether it is an address."""

type Ends = list[tuple[tuple[str | None, bool], tuple[str | None, bool]]]
"""Where each track of a trip began and ended."""


@given(*[st.lists(st.tuples(END, END), min_size=2, max_size=2)] * 2)
def test_an_address_alone_is_no_difference(before: Ends, after: Ends) -> None:
    def content(ends: Ends) -> dict[str, Any]:
        parts = []
        for k, ((start, of_start), (end, of_end)) in enumerate(ends):
            at = START_OF_ALL + k * HOUR
            marks = {"start_place": start and of_start, "end_place": end and of_end}
            named = frozenset(name for name, is_address in marks.items() if is_address)
            parts.append(
                TripPart("van", f"{k}", at, at + MINUTE, 1000.0, 1.0,
                         start_place=start, end_place=end, addresses=named)
            )  # fmt: skip
        return content_of(parts, "V", None, "UTC")

    def named(ends: Ends) -> list[str | None]:
        shown = [ends[0][0], ends[0][1], ends[1][1]]  # start, stop, end
        return [None if is_address else name for name, is_address in shown]

    book, now = content(before), content(after)
    found = differences(book, now)
    assert bool(found) == (named(before) != named(after))
    assert differences(amended(book, [found]), now) == {}, "each difference once"
