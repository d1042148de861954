"""Any rules and any facts, for property tests."""

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from trackflow.categories.rules.conditions import (
    MODES,
    All,
    AnyOf,
    AtPlace,
    ClockRange,
    Comparison,
    Condition,
    Dates,
    Holiday,
    Measured,
    Named,
    Not,
    PlacePattern,
    TimeOfDay,
    Weekday,
)
from trackflow.categories.rules.facts import PlaceFacts, TripFacts
from trackflow.categories.rules.rules import RESULTS, Holidays, Rule, RuleSet
from trackflow.words import PLACE_KINDS

ZONES = ("UTC", "Europe/Helsinki", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe")

names = st.sampled_from(["home", "Home", "Work", "Depot [old]", "a*", "?", "Café \U0001f697", "x"])
texts = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12
).filter(str.strip)
some_texts = st.lists(names | texts, min_size=1, max_size=3).map(tuple)
some_modes = st.lists(st.sampled_from(MODES), min_size=1, max_size=3).map(tuple)
clocks = st.builds(dt.time, st.integers(0, 23), st.integers(0, 59), st.sampled_from([0, 0, 0, 30]))
days = st.dates(dt.date(2019, 1, 1), dt.date(2027, 12, 31))
some_days = st.lists(days, max_size=3, unique=True).map(sorted)
clock_ranges = st.lists(st.builds(ClockRange, clocks, clocks), min_size=1, max_size=2).map(tuple)
limits = st.floats(0, 1e6, allow_nan=False).map(abs) | st.integers(0, 300).map(float)
comparisons = st.lists(
    st.builds(Comparison, st.sampled_from(["<", "<=", ">", ">=", "="]), limits),
    min_size=1,
    max_size=2,
).map(tuple)
kinds = st.sampled_from(PLACE_KINDS)
patterns = st.builds(PlacePattern, text=names | texts) | st.builds(
    PlacePattern, name=st.just("") | names, kind=st.just("") | kinds, place_id=texts
)


@st.composite
def date_ranges(draw: st.DrawFn) -> Dates:
    first, last = sorted((draw(days), draw(days)))
    return draw(st.sampled_from([Dates(first, last), Dates(first, None), Dates(None, last)]))


leaves: st.SearchStrategy[Condition] = st.one_of(
    st.builds(Named, st.sampled_from(["device", "driver", "vehicle", "race_track"]), some_texts),
    st.builds(Named, st.sampled_from(["mode", "main_mode"]), some_modes),
    st.builds(Weekday, st.frozensets(st.integers(0, 6), min_size=1)),
    st.builds(TimeOfDay, st.booleans(), clock_ranges),
    date_ranges(),
    st.builds(Holiday, st.booleans()),
    st.builds(
        AtPlace,
        st.sampled_from(["start", "end", "either", "via", "at"]),
        st.lists(patterns, min_size=1, max_size=2).map(tuple),
    ),
    st.builds(
        Measured,
        st.sampled_from(["distance_km", "duration_min", "average_speed_kmh", "max_speed_kmh"]),
        comparisons,
    ),
)
conditions: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: (
        st.builds(All, st.lists(inner, max_size=3).map(tuple))
        | st.builds(AnyOf, st.lists(inner, max_size=3).map(tuple))
        | st.builds(Not, inner)
    ),
    max_leaves=8,
)


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    rules = []
    for number in range(draw(st.integers(0, 4))):
        given = draw(st.dictionaries(st.sampled_from(RESULTS), names | texts, max_size=4))
        results = tuple((name, given[name]) for name in RESULTS if name in given)
        stop = draw(st.booleans()) or not results
        when = draw(conditions)
        rules.append(Rule(f"{number}-{draw(texts)}", draw(names | texts), when, results, stop))
    calendar = Holidays(
        *draw(st.sampled_from([("", ""), ("DE", ""), ("DE", "BY"), ("FI", "")])),
        own=tuple(draw(some_days)),
    )
    return RuleSet(tuple(rules), calendar)


places = st.builds(PlaceFacts, st.sampled_from(["1", "2"]), names, st.sampled_from(PLACE_KINDS))
moments = st.datetimes(
    dt.datetime(2019, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    dt.datetime(2027, 12, 31),  # noqa: DTZ001
    timezones=st.just(dt.UTC),
)


@st.composite
def facts(draw: st.DrawFn) -> TripFacts:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    start = draw(moments)
    end = start + dt.timedelta(seconds=draw(st.integers(0, 100_000)))
    modes = draw(st.frozensets(st.sampled_from(MODES), max_size=3))
    return TripFacts(
        device_id=draw(names),
        start=start.astimezone(zone),
        end=end.astimezone(zone),
        distance_m=draw(st.floats(0, 500_000)),
        average_speed_kmh=draw(st.floats(0, 200)),
        max_speed_kmh=draw(st.floats(0, 200)),
        driver=draw(st.none() | names),
        vehicle=draw(st.none() | names),
        modes=modes,
        main_mode=min(modes, default=None),
        start_place=draw(st.none() | places),
        end_place=draw(st.none() | places),
        via_places=tuple(draw(st.lists(places, max_size=2))),
        race_tracks=draw(st.frozensets(names, max_size=2)),
    )
