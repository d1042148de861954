"""Rules as values: what is written is read, conditions are an algebra, clocks are local."""

import dataclasses
import datetime as dt
import json
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.categories.rules.calendars import with_known_days
from trackflow.categories.rules.conditions import (
    All,
    AnyOf,
    AtPlace,
    ClockRange,
    Condition,
    Holiday,
    Named,
    Not,
    PlacePattern,
    TimeOfDay,
    Weekday,
    fits,
)
from trackflow.categories.rules.facts import PlaceFacts, TripFacts
from trackflow.categories.rules.from_track import rule_of_track
from trackflow.categories.rules.problems import RulesError
from trackflow.categories.rules.rules import (
    RESULTS,
    Decision,
    Outcome,
    RuleSet,
    RulesUse,
    decided,
    use_at,
)
from trackflow.categories.rules.toml import (
    json_table,
    parse_table,
    parse_toml,
    stored_rules,
    write_toml,
)
from trackflow_tests.helpers import rule_values as values

NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
TRIP = TripFacts("van-7", NOON, NOON + dt.timedelta(hours=1), 5_000.0, 5.0, 50.0)


@given(rules=values.rule_sets())
def test_what_is_written_is_read(rules: RuleSet) -> None:
    assert parse_toml(write_toml(rules)) == rules
    assert parse_toml("\ufeff" + write_toml(rules).replace("\n", "\r\n")) == rules, "of Windows"
    table = json.loads(json.dumps(json_table(rules)))
    assert parse_table(table) == rules
    assert stored_rules(table["rules"], rules.holidays) == rules


@given(some=st.lists(values.conditions, max_size=4), facts=values.facts())
def test_all_any_and_not_are_an_algebra(some: list[Condition], facts: TripFacts) -> None:
    holidays = {facts.start.date()}
    single = [condition.holds(facts, holidays) for condition in some]
    both = tuple(some)
    negated = tuple(Not(condition) for condition in some)
    assert All(both).holds(facts, holidays) == (False not in single)
    assert AnyOf(both).holds(facts, holidays) == (True in single)
    assert Not(All(both)).holds(facts, holidays) == AnyOf(negated).holds(facts, holidays)
    assert Not(AnyOf(both)).holds(facts, holidays) == All(negated).holds(facts, holidays)


@given(
    moment=values.moments | st.sampled_from(
        # the hours at which clocks go back and forward in Helsinki, and midnights
        [dt.datetime(2026, 10, 25, h, m, tzinfo=dt.UTC) for h in (0, 1, 2) for m in (0, 30, 59)]
        + [dt.datetime(2026, 3, 29, h, m, tzinfo=dt.UTC) for h in (0, 1) for m in (0, 30, 59)]
        + [dt.datetime(2026, 3, 1, 22, tzinfo=dt.UTC), dt.datetime(2026, 6, 1, 21, tzinfo=dt.UTC)]
    ),
    zone=st.sampled_from(values.ZONES),
    begin=st.integers(0, 1439),
    length=st.integers(1, 1440),
)  # fmt: skip
def test_times_of_day_are_what_the_clock_on_the_wall_shows(
    moment: dt.datetime, zone: str, begin: int, length: int
) -> None:
    """Minutes are counted round the clock here; the condition compares times of day."""
    local = moment.astimezone(ZoneInfo(zone))
    facts = dataclasses.replace(TRIP, start=local, end=local)
    ends = [dt.time(*divmod(minute % 1440, 60)) for minute in (begin, begin + length)]
    clock = local.hour * 60 + local.minute
    inside = (clock - begin) % 1440 < length
    assert TimeOfDay(True, (ClockRange(*ends),)).holds(facts, ()) == inside
    assert TimeOfDay(False, (ClockRange(*ends),)).holds(facts, ()) == inside
    assert Weekday(frozenset({local.weekday()})).holds(facts, ())
    assert Holiday(True).holds(facts, {local.date()})


@given(rules=values.rule_sets(), facts=values.facts())
def test_each_result_is_that_of_the_first_rule_that_gives_it(
    rules: RuleSet, facts: TripFacts
) -> None:
    holidays = set(rules.holidays.own)
    outcome = rules.decide(facts)
    held = []
    for rule in rules.rules:
        if rule.when.holds(facts, holidays):
            held.append(rule)
            if rule.stop:
                break
    for name, value in zip(RESULTS, outcome.values, strict=True):
        first = next((rule for rule in held if name in dict(rule.results)), None)
        assert value == (dict(first.results)[name] if first else None)
        assert outcome.origin(name) == (("rule", first.rule_id) if first else None)


minutes = st.integers(0, 300)


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    start, end = sorted((draw(minutes), draw(minutes)))
    result = draw(st.sampled_from(["category", "purpose", "partner"]))
    order = draw(st.integers(0, 5))
    ident = f"{draw(st.integers(0, 10**9))}"
    return Decision(
        ident,
        NOON + dt.timedelta(minutes=start),
        NOON + dt.timedelta(minutes=end),
        draw(st.sampled_from(["person", "import"])),
        (NOON + dt.timedelta(days=order), ident),
        **{result: draw(values.names)},
    )


@given(
    some=st.lists(decisions(), max_size=6, unique_by=lambda one: one.decision_id),
    order=st.randoms(use_true_random=False),
    length=minutes,
)
def test_the_newest_decision_about_the_middle_wins_in_any_order(
    some: list[Decision], order: "st.Random", length: int
) -> None:
    """And what nobody decided stays with the rules; their rate goes with their category."""
    origins = tuple((name, "rule", "r") for name in ("category", "purpose", "rate"))
    by_rules = Outcome("rule's", "reason", rate="own", origins=origins)
    end = NOON + dt.timedelta(minutes=length)
    found = decided(by_rules, NOON, end, some)
    shuffled = list(some)
    order.shuffle(shuffled)
    assert decided(by_rules, NOON, end, shuffled) == found
    middle = NOON + dt.timedelta(minutes=length / 2)
    for name in ("category", "purpose", "partner"):
        about = [d for d in some if getattr(d, name) and d.start <= middle <= d.end]
        newest = max(about, key=lambda d: d.order, default=None)
        assert getattr(found, name) == getattr(newest or by_rules, name)
        if newest is not None:
            assert found.origin(name) == (newest.origin, newest.decision_id)
    assert found.rate == ("own" if found.category == by_rules.category else None)
    assert decided(Outcome(rate="own", origins=origins[2:]), NOON, end, some).rate == "own"


def test_the_newest_use_whose_time_it_is_wins() -> None:
    hour = dt.timedelta(hours=1)
    uses = [
        RulesUse(1, 7, None, None, RuleSet()),
        RulesUse(3, 9, NOON, NOON + hour, RuleSet()),
        RulesUse(2, 8, NOON, None, RuleSet()),
    ]
    for offset, version in ((-hour, 7), (0 * hour, 9), (hour, 8), (2 * hour, 8)):
        use = use_at(uses, NOON + offset)
        assert use is not None
        assert use.version == version
    assert use_at(uses[1:], NOON - hour) is None


@given(facts=values.facts())
def test_a_rule_made_of_a_trip_holds_for_it(facts: TripFacts) -> None:
    rule = rule_of_track(facts, {"category": None})
    assert rule.when.holds(facts, ())
    assert dict(rule.results) == {"category": "business"}
    assert parse_toml(write_toml(RuleSet((rule,)))) == RuleSet((rule,))


def test_a_rule_made_of_a_trip_is_about_its_places_day_time_and_mode() -> None:
    facts = dataclasses.replace(
        TRIP,
        start_place=PlaceFacts("1", "Home", "home"),
        end_place=PlaceFacts("2", "Smith", "customer"),
        main_mode="driving",
    )
    rule = rule_of_track(facts, {"category": "business", "partner": "Smith"})
    other_days = [
        dataclasses.replace(facts, start=facts.start + dt.timedelta(days=n)) for n in range(7)
    ]
    held = [rule.when.holds(other, ()) for other in other_days]
    assert held == [True] * 5 + [False] * 2, "Monday to Friday"
    for change in (
        {"start_place": None},
        {"end_place": PlaceFacts("1", "Home", "home")},
        {"start": facts.start + dt.timedelta(hours=3)},
        {"main_mode": "cycling"},
    ):
        assert not rule.when.holds(dataclasses.replace(facts, **change), ()), change
    assert dict(rule.results) == {"category": "business", "partner": "Smith"}


def test_wildcards_are_stars_and_question_marks_only() -> None:
    place = PlaceFacts("1", "Depot [old]", "other")
    facts = dataclasses.replace(TRIP, start_place=place)
    for text, fit in (("depot [old]", True), ("depot*", True), ("Depot ?old?", True),
                      ("other", True), ("old", False), ("Depot [o]", False)):  # fmt: skip
        assert AtPlace("start", (PlacePattern(text),)).holds(facts, ()) == fit, text
    assert Named("device", ("VAN-*",)).holds(facts, ())
    assert not AtPlace("end", (PlacePattern("*"),)).holds(facts, ()), "no known place"


@given(st.text("aB?*", max_size=8), st.text("ab", max_size=8))
def test_a_star_stands_for_any_letters_and_a_question_mark_for_one(text: str, name: str) -> None:
    reached = {0}  # letters of the name that the text so far may stand for
    for letter in text.lower():
        if letter == "*":
            reached = set(range(min(reached, default=len(name) + 1), len(name) + 1))
        else:
            reached = {k + 1 for k in reached if name[k : k + 1] and letter in ("?", name[k])}
    assert fits(name, (text,)) == (len(name) in reached)


def test_many_stars_take_no_time() -> None:
    """Of backtracking, this would take longer than the universe is old."""
    assert not fits("a" * 200, ("*a" * 50 + "b",))


def test_holidays_of_a_country_are_written_down() -> None:
    rules = parse_toml('[holidays]\ncountry = "DE"\nsubdivision = "BY"\ndates = [2026-08-03]\n')
    complete = with_known_days(rules, dt.date(2026, 11, 28))
    epiphany = dt.date(2027, 1, 6)  # in Bavaria, not in Berlin
    assert epiphany in complete.holidays.known
    assert complete.holidays.own == (dt.date(2026, 8, 3),)
    assert write_toml(complete) == write_toml(rules), "only what a person wrote"
    rule = parse_toml('[[rules]]\nname="a"\ncategory="b"\n[rules.when]\nholiday=true').rules
    found = RuleSet(rule, complete.holidays)
    for day, category in ((epiphany, "b"), (dt.date(2026, 8, 3), "b"), (dt.date(2026, 8, 4), None)):
        start = dt.datetime.combine(day, dt.time(9), ZoneInfo("Europe/Berlin"))
        assert found.decide(dataclasses.replace(TRIP, start=start)).category == category


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("name = ", "no TOML"),
        ("[[rule]]", "did you mean rules?"),
        ('[[rules]]\nname = "a"\ncategory = "b"', "[rules.when]"),
        ('[[rules]]\ncategory = "b"\n[rules.when]', "needs a name"),
        ('[[rules]]\nname = "a"\n[rules.when]', "gives nothing"),
        ('[[rules]]\nname = "a"\nstop = 1\n[rules.when]', "true or false"),
        ("[holidays]\ncountry = 'Germany'", "ISO 3166"),
        ("[holidays]\ncountry = 'DE'\nsubdivision = 'XX'", "BY"),
        ("[holidays]\ndates = ['tomorrow']", "2026-01-31"),
        *(
            (f'[[rules]]\nname = "a"\ncategory = "b"\n[rules.when]\n{line}', named)
            for line, named in (
                ("start_tine = '08:00-09:00'", "did you mean start_time?"),
                ("start_time = '8-9'", "06:00-10:00"),
                ("start_time = '25:00-26:00'", "06:00-10:00"),
                ("weekday = 'someday'", "mon-fri"),
                ("weekday = []", "empty"),
                ("date = { form = 2026-01-01 }", "did you mean from?"),
                ("date = { from = 2026-02-01, to = 2026-01-01 }", "after"),
                ("holiday = 'yes'", "true or false"),
                ("mode = 'hovercraft'", "cycling"),
                ("start = { kind = 'hoem' }", "customer"),
                ("end = 5", "text in quotes"),
                ("distance_km = 5", '">= 5"'),
                ("distance_km = '>= five'", '">= 5"'),
                ("any = { start = 'a' }", "list of tables"),
                ("not = 'home'", "a table"),
                ("all = [{ any = [{ strat = 'home' }] }]", "when.all.1.any.1"),
                ("device = \"a\\u0000\"", "no database stores"),
            )
        ),
        (
            '[[rules]]\nname="A b"\nstop=true\nwhen={}\n[[rules]]\nname="a-B"\nstop=true\nwhen={}',
            "own name or `id`",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_with_what_is_allowed(text: str, named: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse_toml(text)
    assert named in str(caught.value)
    assert len(caught.value.problems) == 1, caught.value.problems


@pytest.mark.parametrize("text", ["x = " + "9" * 5000, "x = " + "[" * 2000, "x"])
def test_what_is_no_toml_is_told(text: str) -> None:
    with pytest.raises(RulesError, match="no TOML"):
        parse_toml(text)


def test_all_problems_are_named_at_once() -> None:
    text = '[[rules]]\nname = "One"\n[rules.when]\n[[rules]]\nname = "Two"\ncolour = "red"\n'
    with pytest.raises(RulesError) as caught:
        parse_toml(text)
    assert len(caught.value.problems) == 4
    assert any("'Two'" in problem and "colour" in problem for problem in caught.value.problems)


@pytest.mark.parametrize(
    ("short", "days"),
    [("mon-fri", range(5)), ("workdays", range(5)), ("Weekend", (5, 6)), ("fri-mon", (4, 5, 6, 0)),
     ("Tuesday", (1,)), ("thurs", (3,))],
)  # fmt: skip
def test_days_of_the_week_have_short_forms(short: str, days: "range | tuple[int, ...]") -> None:
    text = f'[[rules]]\nname = "a"\nstop = true\n[rules.when]\nweekday = "{short}"'
    assert parse_toml(text).rules[0].when == Weekday(frozenset(days))
