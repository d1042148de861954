"""What a person or a rule decides reaches the logbook with the flow after tracks, and only then."""

from pathlib import Path
from typing import Any

import sqlalchemy as sa

from trackflow.categories.rules.toml import parse_toml
from trackflow.cli.logbook_lines import entry_line
from trackflow.context import Context
from trackflow.store.tables import metadata
from trackflow.usecases.categories.categorising import update_between
from trackflow.usecases.categories.deciding import DecisionRequest, decide, undo_decision
from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.categories.rule_versions import apply_rules, save_rules, undo_use
from trackflow.usecases.days.run import run
from trackflow.usecases.mileage.books import amend_entry, list_entries, verify_books
from trackflow.usecases.mileage.closing import close_due
from trackflow.usecases.mileage.fleet import put_device, save_vehicle
from trackflow.usecases.mileage.rate_table import save_rates
from trackflow.usecases.mileage.reports import month_reports
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)
from trackflow_tests.usecases.categories.test_categorising import DAY, HOUR, rules_of


def test_rules_and_decisions_reach_open_entries(tmp_path: Path) -> None:
    with open_context("", tmp_path, Clock(NOON + 2 * DAY)) as context:
        for day in range(2):
            deliver(context.store, batch_of_device("van", drive(NOON + day * DAY, 60)))
        run(context)
        save_vehicle(context, "v1")
        put_device(context, "v1", "van")
        assert followed(context) == [None, None]

        version = save_rules(context, rules_of("business: "), "anna").version
        use = apply_rules(context, version, NOON, NOON + 2 * DAY, "anna")
        update_between(context, None, use.from_time, use.until_time)
        assert entries(context) == [None, None], "the book waits for the flow"
        assert followed(context) == ["business", "business"]
        row = decide(context, DecisionRequest("van", NOON, NOON + HOUR, "private"), "anna")
        assert followed(context) == ["private", "business"]
        undo_decision(context, row.decision_id)
        undo_use(context)
        assert followed(context) == [None, None]


def test_a_rate_that_does_not_pay_a_trip_is_named_until_it_closes_and_ever_after(
    tmp_path: Path,
) -> None:
    """An open trip is paid when the table gets what it lacks; a closed one keeps what was said."""
    with open_context("", tmp_path, Clock(NOON + HOUR)) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 60)))
        run(context)
        rule = "[[rules]]\nname = 'all'\ncategory = 'business'\nrate = 'own'\n[rules.when]\n"
        apply_rules(context, save_rules(context, parse_toml(rule), "a").version, None, None, "a")
        save_vehicle(context, "v1", kind="van")
        put_device(context, "v1", "van")
        follow_tracks(context)

        def told() -> list[str | None]:
            (one,) = list_entries(context)
            line, sums = entry_line(one), month_reports(context, "2026-03")[0].amended_sums
            lacks = one.content.get("unpaid")
            assert (lacks is not None) == ("not paid" in line) == (sums[0].unpaid == 1)
            return [lacks, one.content["rate"], one.content["amount"]]

        for more, lacks in (
            ("", "day"),
            ('vehicle_kind = "car"', "vehicle"),
            ('category = "commute"', "category"),
            ('id = "other"', "rate"),
        ):
            save_rates(
                context, rate_of_years("2027-01-01" if lacks == "day" else "2026-01-01", more)
            )
            assert told() == [lacks, "own", None]
        report = close_due(context, until=NOON + 30 * DAY)
        assert (report.closed, report.unpaid) == (1, 1)
        save_rates(context, rate_of_years("2026-01-01", ""))
        assert told() == ["rate", "own", None], "closed entries keep what they were closed with"
        (one,) = list_entries(context)
        amend_entry(context, one.trip_id, {"category": "race"}, reason="x", amended_by="a")
        assert told() == [None, "own", "0.07"], "the rate is for any category"
        save_rates(context, rate_of_years("2026-01-01", 'category = "race"'))
        amend_entry(context, one.trip_id, {"category": "business"}, reason="x", amended_by="a")
        assert told() == [None, None, None], "nothing names a rate, and business has none"
        assert all(book.is_intact for book in verify_books(context))


def rate_of_years(first: str, more: str) -> str:
    name = "" if "id = " in more else 'id = "own"\n'
    return f'[[rate]]\n{name}from = {first}\ncurrency = "EUR"\nunit = "km"\namount = 0.1\n{more}'


def test_a_known_category_is_known_at_every_door(tmp_path: Path) -> None:
    """A trip that somebody calls "Privat" or PRIVATE is hidden, and "Business" is paid."""
    with open_context("", tmp_path, Clock(NOON + HOUR)) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 60)))
        run(context)
        save_vehicle(context, "v1")
        put_device(context, "v1", "van")
        save_rates(context, rate_of_years("2026-01-01", 'category = "Business"'))
        apply_rules(
            context, save_rules(context, rules_of("Business: "), "a").version, None, None, "a"
        )
        assert followed(context) == ["business"]
        assert list_entries(context)[0].content["amount"]
        decide(context, DecisionRequest("van", NOON, NOON + HOUR, "Arbeitsweg"), "a")
        assert followed(context) == ["commute"]
        close_due(context, until=NOON + 30 * DAY)
        (one,) = list_entries(context)
        amend_entry(context, one.trip_id, {"category": "Privat"}, reason="x", amended_by="a")
        assert entries(context) == ["private"]


def test_everything_is_made_again(tmp_path: Path) -> None:
    """As after a repair: also where nothing that it is made of has changed."""
    with open_context("", tmp_path, Clock(NOON + 2 * DAY)) as context:
        deliver(context.store, batch_of_device("van", drive(NOON, 60)))
        run(context)
        save_vehicle(context, "v1")
        put_device(context, "v1", "van")
        follow_tracks(context)
        made = ("legs", "stays", "places", "categories", "logbook_entries")
        before = without_times(contents(context.store, *made))
        with context.store.write() as connection:
            for name in made:
                connection.execute(sa.delete(metadata.tables[name]))
        assert not any(follow_tracks(context).changed.values())
        follow_tracks(context, everything=True)
        assert without_times(contents(context.store, *made)) == before


def without_times(found: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    written = {"created_at", "updated_at"}
    return {
        name: [{k: v for k, v in row.items() if k not in written} for row in rows]
        for name, rows in found.items()
    }


def followed(context: Context) -> list[str | None]:
    assert not follow_tracks(context).errors
    assert all(count == 0 for count in follow_tracks(context).changed.values()), "idempotent"
    return entries(context)


def entries(context: Context) -> list[str | None]:
    return [one.content["category"] for one in list_entries(context)]
