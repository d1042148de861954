"""Tracks of the real pipeline, decided by rules and people, on both databases."""

import datetime as dt
import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.categories.rules.rules import RuleSet, RulesUse
from trackflow.categories.rules.toml import parse_toml
from trackflow.context import Context
from trackflow.errors import NotFoundError, SettingsError
from trackflow.store.catalogue.tables import catalogue_visits
from trackflow.store.categories import rule_sets
from trackflow.store.categories.categories import mark_due
from trackflow.store.categories.tables import category_rule_sets, category_rule_uses, legs
from trackflow.store.mileage.tables import vehicle_devices, vehicle_drivers, vehicles
from trackflow.store.places.tables import stays
from trackflow.store.tables import metadata
from trackflow.usecases.categories.categorising import (
    days_due,
    update_between,
    update_categories,
)
from trackflow.usecases.categories.decided_files import FileOptions
from trackflow.usecases.categories.deciding import (
    DecisionRequest,
    decide,
    decide_track,
    list_decisions,
    undo_decision,
)
from trackflow.usecases.categories.decision_files import export_categories, import_decisions
from trackflow.usecases.categories.previewing import PreviewRange, preview_rules
from trackflow.usecases.categories.reading import read_categories, read_category_page
from trackflow.usecases.categories.rule_versions import (
    apply_rules,
    read_history,
    read_version,
    save_rules,
    undo_use,
)
from trackflow.usecases.categories.track_rules import draft_of_track, read_trip
from trackflow.usecases.days.run import run
from trackflow.usecases.devices.settings import change_settings
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.helpers.surroundings import add_place, add_stay

HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
MORNING = NOON - 5 * HOUR  # Monday, 9 o'clock in Helsinki
DAYS = 4
HOME, OFFICE = uuid.UUID(int=1), uuid.UUID(int=2)
ALWAYS = dt.datetime(1, 1, 1, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def filled(shared_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    """Two devices drive to work and back on four days; both leave something else to the rules."""
    home = tmp_path_factory.mktemp("home")
    clock = Clock(NOON + 30 * DAY)
    with open_context(shared_database_url, home, clock, time_zone="Europe/Helsinki") as context:
        for device in ("van", "car"):
            for day in range(DAYS):
                for start in (MORNING + day * DAY, MORNING + day * DAY + 9 * HOUR):
                    deliver(context.store, batch_of_device(device, drive(start, 60)))
            # over midnight UTC, which is 2 o'clock in Helsinki
            late = NOON + 11.6 * HOUR + 2 * DAY
            deliver(context.store, batch_of_device(device, drive(late, 200)))
        run(context)
        yield context


@pytest.fixture
def context(filled: Context) -> Context:
    """The same with its surroundings; without rules, decisions and categories, which tests write.

    What follows decisions finds legs and stays anew, so these are there anew for each test.
    """
    with filled.store.write() as connection:
        for name in (
            "categories", "category_days", "category_decisions", "category_rule_sets",
            "category_rules", "category_rule_uses", "legs", "leg_days", "stays", "stay_days",
            "places", "catalogue_visits", "catalogue_visit_days", "logbook_days",
            "logbook_entries", "vehicle_devices", "vehicle_drivers", "vehicles",
        ):  # fmt: skip
            connection.execute(sa.delete(metadata.tables[name]))
        _add_surroundings(connection)
    return filled


def _add_surroundings(connection: sa.Connection) -> None:
    """Legs, places, stays, a visit, a vehicle with two drivers: only for the van."""
    add_place(connection, HOME, "Home", "home")
    add_place(connection, OFFICE, "Office", "work")
    long_drive = dt.timedelta(seconds=590)
    edges = [MORNING - 9 * HOUR]
    for day in range(DAYS):
        start = MORNING + day * DAY
        add_stay(connection, "van", edges[-1], start, HOME)
        add_stay(connection, "van", start + long_drive, start + 9 * HOUR, OFFICE)
        edges.append(start + 9 * HOUR + long_drive)
        leg = {"device_id": "van", "probability": 0.9, "decided_by": "model", "evidence": {}}
        for mode, first_s, last_s, metres in (("walking", 0, 100, 90.0), ("bus", 100, 590, 4e3)):
            at = {
                "start_time": start + dt.timedelta(seconds=first_s),
                "end_time": start + dt.timedelta(seconds=last_s),
            }
            row = {**leg, **at, "mode": mode, "distance_m": metres}
            connection.execute(sa.insert(legs), row)
    add_stay(connection, "van", edges[-1], None, HOME)
    # it went on, unseen, long before its next drive
    add_stay(connection, "car", MORNING + HOUR, MORNING + 2 * HOUR, HOME)
    visit = {
        "device_id": "van", "source": "file", "slug": "north", "start_time": MORNING + 2 * HOUR,
        "end_time": MORNING + 9 * HOUR - dt.timedelta(minutes=5),
    }  # fmt: skip
    connection.execute(sa.insert(catalogue_visits), visit)
    connection.execute(
        sa.insert(vehicles),
        {"vehicle_id": "v1", "plate": "ABC-123", "kind": "van", "created_at": NOON},
    )
    assigned = {"device_id": "van", "from_time": ALWAYS, "vehicle_id": "v1"}
    connection.execute(sa.insert(vehicle_devices), assigned)
    for driver, start, end in (("Anna", ALWAYS, NOON + DAY), ("Bert", NOON + DAY, None)):
        row = {"vehicle_id": "v1", "driver": driver, "from_time": start, "until_time": end}
        connection.execute(sa.insert(vehicle_drivers), row)


def update_due(context: Context, device: str | None = None) -> None:
    """What the flow after tracks does."""
    for device_id, days in days_due(context, device).items():
        update_categories(context, device_id, days)
    assert not days_due(context, device)


def rules_of(*lines: str) -> RuleSet:
    """Rules by lines such as `category: condition`, in their order."""
    text = ""
    for number, line in enumerate(lines):
        category, _, condition = line.partition(": ")
        text += f'[[rules]]\nname = "Rule {number}"\ncategory = "{category}"\n[rules.when]\n'
        text += condition.replace("; ", "\n") + "\n"
    return parse_toml(text)


def apply_all(context: Context, rules: RuleSet) -> int:
    """Save rules and use them for all time; returns the use."""
    version = save_rules(context, rules, "anna").version
    use = apply_rules(context, version, None, NOON + 20 * DAY, "anna")
    update_due(context)
    return use.use_no


def categories_of(context: Context, device: str = "van") -> dict[str, str | None]:
    """Category by start, in Helsinki's day and hour."""
    hour = "%d %H"
    zone = dt.timezone(2 * HOUR)
    return {
        f"{row['start_time'].astimezone(zone):{hour}}": row["category"]
        for row in read_categories(context, (device,), None, None)
    }


def contents(context: Context) -> list[dict[str, Any]]:
    return [
        {key: value for key, value in row.items() if key != "updated_at"}
        for row in read_categories(context, None, None, None)
    ]


def test_facts_come_from_all_tables(context: Context) -> None:
    rules = (
        "race: catalogue_track = 'file/*'",
        "way: start = 'Home'; end = { kind = 'work' }",
        f"back: start = {{ id = '{OFFICE}' }}; driver = 'bert'; vehicle = 'abc*'",
        "late: start_time = '01:00-02:00'; weekday = 'thu'",
        "bus: main_mode = 'bus'",
        "home: start = 'home'; device = 'car'",
        "other: ",
    )
    apply_all(context, rules_of(*rules))
    assert categories_of(context) == {
        "02 09": "way", "03 09": "way", "04 09": "way", "05 09": "way",
        "02 18": "race", "03 18": "back", "04 18": "back", "05 18": "back",
        "05 01": "late",
    }  # fmt: skip
    assert set(categories_of(context, "car").values()) == {"other", "late"}
    assert categories_of(context, "car")["02 18"] == "other", "its stay at home was over"
    apply_all(context, rules_of("bus: mode = 'walking'; main_mode = 'bus'", "other: "))
    assert categories_of(context)["02 09"] == "bus"


def test_local_time_is_that_of_the_device(context: Context) -> None:
    rules = rules_of("morning: start_time = '09:00-10:00'", "other: ")
    apply_all(context, rules)
    assert categories_of(context, "car")["02 09"] == "morning"
    change_settings(context, "car", time_zone="Europe/London")
    assert days_due(context, "car"), "the zone is a part of what they are made of"
    update_due(context, "car")
    assert categories_of(context, "car")["02 09"] == "other"
    change_settings(context, "car", time_zone="")


def test_a_day_decides_the_tracks_that_reach_into_it(context: Context) -> None:
    """The late drive begins before midnight UTC; where it ends is known on the next day."""
    apply_all(context, rules_of("late: start_time = '01:00-02:00'; end = 'home'"))
    assert categories_of(context, "car")["05 01"] is None
    midnight = (NOON + 2.5 * DAY).date()
    with context.store.write() as connection:
        add_stay(connection, "car", NOON + 2.505 * DAY, NOON + 2.6 * DAY, HOME)
    try:
        update_categories(context, "car", [midnight])
        assert categories_of(context, "car")["05 01"] == "late"
    finally:
        with context.store.write() as connection:
            car = sa.delete(stays).where(stays.c.device_id == "car")
            connection.execute(car.where(stays.c.start_time > NOON))
    update_categories(context, "car", [midnight])
    assert categories_of(context, "car")["05 01"] is None


def test_what_the_logbook_waits_for_changes_once_all_is_up_to_date(context: Context) -> None:
    """Not before: a day whose row is gone would be taken for a deleted one."""

    def hashes() -> dict[Any, str]:
        days = metadata.tables["category_days"].c
        with context.store.read() as connection:
            rows = connection.execute(sa.select(days.device_id, days.day, days.inputs_hash))
            return {(row.device_id, row.day): row.inputs_hash for row in rows}

    update_due(context)
    before = hashes()
    save_rules(context, rules_of("other: "), "anna")
    decide(context, DecisionRequest("van", NOON, NOON + 8 * HOUR, "mine"), "anna")
    update_between(context, "van", NOON, NOON + 8 * HOUR)
    assert hashes() == before
    assert days_due(context).keys() == {"van"}
    update_due(context)
    after = hashes()
    assert {key for key in after if after[key] != before[key]} == {("van", NOON.date())}


def test_a_day_is_noted_with_what_it_was_decided_by(
    context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What changes while it is decided makes it due again."""
    apply_all(context, rules_of("sales: driver = 'Anna'"))
    with context.store.write() as connection:
        mark_due(connection, ("van",), None, None)
    day = MORNING.date()
    real = rule_sets.read_uses

    def changed_meanwhile(connection: sa.Connection, *between: Any) -> list[RulesUse]:
        connection.execute(sa.update(vehicles).values(plate="NEW-1"))
        return real(connection, *between)

    monkeypatch.setattr(rule_sets, "read_uses", changed_meanwhile)
    update_categories(context, "van", [day])
    assert day in days_due(context, "van")["van"]


def test_saving_again_is_new_while_another_version_is_still_used(context: Context) -> None:
    first, second = rules_of("one: mode = 'bus'"), rules_of("two: mode = 'bus'")
    assert [save_rules(context, one, "anna").version for one in (first, second)] == [1, 2]
    again = save_rules(context, second, "anna")
    apply_rules(context, 1, MORNING, context.clock() + HOUR, "anna")
    assert read_version(context).version == 1
    later = save_rules(context, second, "anna")
    assert later.use_no > again.use_no
    assert read_version(context).version == 2
    assert save_rules(context, second, "anna").use_no == later.use_no


def test_only_uses_that_can_decide_are_read(context: Context) -> None:
    for number in range(5):
        save_rules(context, rules_of(f"c{number}: mode = 'bus'"), "anna")
    use = apply_rules(context, 2, MORNING, MORNING + DAY, "anna")
    now, noon = context.clock(), MORNING + 3 * HOUR
    with context.store.read() as connection:
        found = {
            times: [one.use_no for one in rule_sets.read_uses(connection, *times)]
            for times in ((noon, noon), (noon, now + HOUR), (now + HOUR, None), (None, None))
        }
    assert found[noon, noon] == [use.use_no]
    assert found[noon, now + HOUR] == [6, 5, 4, 3, 2, 1]
    assert found[now + HOUR, None] == [5]
    assert found[None, None] == [6, 5, 4, 3, 2, 1]


def test_saving_rules_leaves_the_past_and_applying_is_undone(context: Context) -> None:
    rules = rules_of("business: ")
    saved = save_rules(context, rules, "anna", "first")
    update_due(context)
    assert set(categories_of(context).values()) == {None}, "the past waits for a choice"
    again = save_rules(context, rules, "bert")
    assert (again.version, again.is_new) == (saved.version, False)
    before = contents(context)

    with pytest.raises(NotFoundError):
        apply_rules(context, saved.version + 1, None, None, "anna")
    with pytest.raises(SettingsError):
        apply_rules(context, saved.version, NOON, NOON, "anna")
    use = apply_rules(context, saved.version, NOON, NOON + DAY, "anna")
    assert apply_rules(context, saved.version, NOON, NOON + DAY, "anna") == use, "idempotent"
    update_due(context)
    given = {key for key, category in categories_of(context).items() if category}
    assert given == {"02 18", "03 09"}
    assert undo_use(context).use_no == use.use_no
    update_due(context)
    assert contents(context) == before
    assert undo_use(context, use.use_no).undone_at, "again changes nothing"

    history = read_history(context)
    assert [version.comment for version in history.versions] == ["first"]
    assert [bool(one.undone_at) for one in history.uses] == [True, False]
    assert read_version(context).rules.rules == rules.rules
    undo_use(context)
    assert read_version(context).version == 0
    with pytest.raises(NotFoundError):
        undo_use(context)
    used = save_rules(context, rules, "bert")
    assert (used.version, used.is_new) == (saved.version, False)
    assert read_version(context).version == saved.version, "used again, without a second copy"


def test_the_result_is_that_of_the_stored_rows_in_any_order(context: Context) -> None:
    """Uses and decisions come one by one, with updates between them or only at the end."""
    chance = random.Random(7)
    for _ in range(6):
        version = save_rules(
            context, rules_of(f"c{chance.randrange(9)}: {chance.choice(CONDITIONS)}"), "anna"
        ).version
        first, last = sorted(chance.sample(range(-12, 90), 2))
        apply_rules(context, version, NOON + first * HOUR, NOON + last * HOUR, "anna")
        start = NOON + chance.randrange(90) * HOUR
        wanted = DecisionRequest("van", start, start + 20 * HOUR, None, f"p{chance.random()}")
        decide(context, wanted, "anna")
        if chance.random() < 0.5:
            update_due(context)
        if chance.random() < 0.3:
            undo_use(context)
    update_due(context)
    found = contents(context)
    assert len({row["category"] for row in found}) > 2
    with context.store.write() as connection:
        for name in ("categories", "category_days"):
            connection.execute(sa.delete(metadata.tables[name]))
    due = [(device, day) for device, days in days_due(context).items() for day in days]
    chance.shuffle(due)
    for device, day in due:
        update_categories(context, device, [day])
    assert contents(context) == found
    assert not days_due(context)
    assert sum(update_categories(context, *one).changed for one in days_due(context).items()) == 0


CONDITIONS = ("", "start = 'home'", "mode = 'bus'", "device = 'car'", "start_time = '17:00-05:00'")


@pytest.mark.parametrize("condition", CONDITIONS)
def test_a_preview_is_what_applying_does(context: Context, condition: str) -> None:
    apply_all(context, rules_of("a: start_time = '09:00-10:00'", "b: device = 'van'"))
    decide(context, DecisionRequest("car", NOON - DAY, NOON, "mine"), "anna")
    update_due(context)
    before = {row["track_id"]: row for row in contents(context)}
    draft = rules_of(f"b: {condition}")
    start, end = NOON, NOON + 2 * DAY
    found = preview_rules(context, draft, PreviewRange(None, start, end, limit=1000))
    paged = [
        change
        for offset in range(0, found.changed + 2, 2)
        for change in preview_rules(
            context, draft, PreviewRange(None, start, end, offset, limit=2)
        ).changes
    ]
    assert paged == found.changes
    assert list(contents(context)) == list(before.values()), "nothing is written"

    version = save_rules(context, draft, "anna").version
    apply_rules(context, version, start, end, "anna")
    update_due(context)
    after = {row["track_id"]: row for row in contents(context)}
    changed = {key for key, row in after.items() if row["category"] != before[key]["category"]}
    assert {uuid.UUID(change.track_id) for change in found.changes} == changed
    for change in found.changes:
        row = after[uuid.UUID(change.track_id)]
        assert change.after.values[:3] == (row["category"], row["purpose"], row["partner"])
    inside = [row for row in after.values() if start <= row["start_time"] < end]
    assert found.tracks == len(inside)
    for sums, rows in ((found.before, before), (found.after, after)):
        for category in {row["category"] for row in rows.values()}:
            mine = [r for r in inside if rows[r["track_id"]]["category"] == category]
            assert (sums[category or ""].tracks if mine else 0) == len(mine)
    assert sum(one.distance_mm for one in found.before.values()) == sum(
        one.distance_mm for one in found.after.values()
    )


def test_what_a_person_decided_beats_rules_and_survives(context: Context) -> None:
    apply_all(context, rules_of("private: "))
    track = contents(context)[0]
    row = decide_track(context, track["track_id"], "anna", category="business", purpose="Bank")
    assert (
        decide_track(context, track["track_id"], "anna", category="business", purpose="Bank") == row
    ), "idempotent"
    newer = decide_track(context, track["track_id"], "bert", partner="Smith")
    update_due(context)
    found = next(r for r in contents(context) if r["track_id"] == track["track_id"])
    expected = ("business", "Bank", "Smith", "person", None, row.decision_id)
    names = ("category", "purpose", "partner", "decided_by", "rule_id", "decision_id")
    assert tuple(found[name] for name in names) == expected
    assert found["origins"]["partner"] == ["person", str(newer.decision_id)]

    apply_all(context, rules_of("race: "))
    device = track["device_id"]
    change_settings(context, device, overrides={"gap_s": 500})  # all its tracks are made anew
    run(context)
    update_due(context)
    kept = next(r for r in contents(context) if r["start_time"] == track["start_time"]
                and r["device_id"] == device)  # fmt: skip
    assert tuple(kept[name] for name in names) == expected
    change_settings(context, device, overrides={"gap_s": None})
    run(context)

    undo_decision(context, newer.decision_id)
    assert undo_decision(context, row.decision_id).undone_at
    update_due(context)
    undone = next(r for r in contents(context) if r["start_time"] == track["start_time"]
                  and r["device_id"] == device)  # fmt: skip
    assert (undone["category"], undone["partner"]) == ("race", None)
    assert len(list_decisions(context, with_undone=True)) == 2
    assert not list_decisions(context)
    with pytest.raises(NotFoundError):
        undo_decision(context, uuid.uuid4())
    with pytest.raises(SettingsError):
        decide(context, DecisionRequest("nobody", NOON, NOON, "a"), "anna")
    with pytest.raises(SettingsError):
        DecisionRequest("van", NOON, NOON - HOUR, "a")


def test_what_is_exported_is_imported_once(context: Context) -> None:
    apply_all(context, rules_of("commute: start = 'home'", "private: device = 'car'"))
    decide(context, DecisionRequest("van", NOON, NOON + 8 * HOUR, None, 'Say "yes",\nÄ'), "anna")
    update_due(context)
    before = [(r["track_id"], r["category"], r["purpose"]) for r in contents(context)]
    text = "".join(export_categories(context)).encode()
    people = "".join(export_categories(context, only_decisions=True)).encode()
    assert people.count(b"\r\n") == 2
    for _ in read_history(context).uses[1:]:
        undo_use(context)
    for row in list_decisions(context):
        undo_decision(context, row.decision_id)
    update_due(context)
    assert {row["category"] for row in contents(context)} == {None}
    first = import_decisions(context, text, "a.csv", "bert", FileOptions())
    again = import_decisions(context, text, "a.csv", "bert", FileOptions())
    assert (first.refused, again.added, again.unchanged) == (0, 0, first.added)
    assert first.overruled == again.overruled == 0
    context.clock.advance(1)  # type: ignore[attr-defined]
    edited = import_decisions(
        context, text.replace(b",commute,", b",race,"), "a.csv", "bert", FileOptions()
    )
    back = import_decisions(context, text, "a.csv", "bert", FileOptions())
    assert (edited.overruled, back.added, back.overruled) == (0, 0, edited.added)
    for row in list_decisions(context):
        if row.category == "race":
            undo_decision(context, row.decision_id)
    assert import_decisions(context, text, "a.csv", "bert", FileOptions()).overruled == 0
    update_due(context)
    assert [(r["track_id"], r["category"], r["purpose"]) for r in contents(context)] == before
    assert {r["decided_by"] for r in contents(context) if r["category"]} == {"import"}


def test_files_of_others_are_read_forgivingly(context: Context) -> None:
    """German headers, semicolons, local times, Latin-1; what makes no sense is listed."""
    text = (
        "Gerät;Beginn;Ende;Kategorie;Zweck;Zeitzone\r\n"
        "van;02.03.2026 08:50;02.03.2026 09:30;Business;Büro;\r\n"
        "van;03.03.2026 07:50;03.03.2026 08:30;private;;Europe/Berlin\r\n"
        "van;2026-03-04T06:50:00Z;2026-03-04T07:30:00Z;race;;\r\n"
        "\r\n"
        "van;04.03.2026 10:00;04.03.2026 09:00;race;;\r\n"
        "van;soon;later;race;;\r\n"
        "bus;04.03.2026 10:00;04.03.2026 11:00;race;;\r\n"
        "van;04.03.2026 10:00;04.03.2026 11:00;;;\r\n"
        "van;04.03.2026 10:00;04.03.2026 11:00;race;;Mars/Olympus\r\n"
        ";04.03.2026 10:00;04.03.2026 11:00;race;;\r\n"
    ).encode("latin-1")
    update_due(context)
    report = import_decisions(context, text, "fahrten.csv", "anna", FileOptions())
    update_due(context)
    found = categories_of(context)
    assert (found["02 09"], found["03 09"], found["04 09"]) == ("business", "private", "race")
    assert contents(context)[1]["purpose"] == "Büro" or contents(context)[0]["purpose"] == "Büro"
    assert (report.rows, report.added, report.refused) == (9, 3, 6)
    assert [one.line for one in report.refusals] == [6, 7, 8, 9, 10, 11]
    assert all(one.reason for one in report.refusals)


def test_pages_follow_each_other(context: Context) -> None:
    apply_all(context, rules_of("a: "))
    every = read_categories(context, None, None, None)
    found, after = [], None
    while True:
        page = read_category_page(context, None, NOON - DAY, NOON + 9 * DAY, after, 3)
        found += page.rows
        after = page.following
        if after is None:
            break
    assert found == every
    assert len(found) == 2 * (2 * DAYS + 1)


def test_a_rule_made_of_a_track_holds_for_its_like(context: Context) -> None:
    update_due(context)
    track = next(r for r in contents(context) if r["device_id"] == "van")
    facts = read_trip(context, track["track_id"]).facts
    assert facts.start_place is not None
    draft = draft_of_track(context, track["track_id"])
    apply_all(context, draft)
    hits = {key for key, category in categories_of(context).items() if category == "business"}
    assert hits == {"02 09", "03 09", "04 09", "05 09"}
    assert not any(categories_of(context, "car").values())
    with pytest.raises(NotFoundError):
        draft_of_track(context, uuid.uuid4())


def test_rules_are_saved_whole(context: Context) -> None:
    text = (
        '[holidays]\ncountry = "FI"\ndates = [2026-03-02]\n'
        '[[rules]]\nname = "Work"\ncategory = "business"\npurpose = "Ä"\nrate = "eu"\nstop = true\n'
        "[rules.when]\nholiday = true\nany = [{ start_time = '08:00-10:00' }, { mode = 'bus' }]\n"
    )
    rules = parse_toml(text)
    saved = save_rules(context, rules, "anna")
    found = read_version(context, saved.version).rules
    assert found.rules == rules.rules
    assert dt.date(2026, 12, 6) in found.holidays.known
    with context.store.read() as connection:
        row = connection.execute(sa.select(category_rule_sets)).one()
        use = connection.execute(sa.select(category_rule_uses)).one()
    assert (row.saved_by, use.used_by, use.from_time) == ("anna", "anna", context.clock())
    apply_all(context, rules)
    given = {row["start_time"].day: row["rate"] for row in contents(context) if row["category"]}
    assert given == {2: "eu"}
