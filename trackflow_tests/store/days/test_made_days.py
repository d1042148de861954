"""Which days were worked on since a moment."""

import datetime as dt
from pathlib import Path

import sqlalchemy as sa

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.store.days.made_days import MadeDay, Position, made_after
from trackflow.store.tables import processing_batches

DEVICES, DAYS = 20, 300
NOON = dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
FIRST = dt.date(2025, 1, 1)
BEGINNING = Position(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.date.min)


def test_days_come_once_each_in_the_order_of_the_last_work_on_them(tmp_path: Path) -> None:
    """And a look at few days among many takes a small part of a look at all."""
    with Context.open(Settings(home=tmp_path)) as context:
        _fill(context)
        found, steps = _after(context, BEGINNING)
        assert [made.day for made in found] == [FIRST + dt.timedelta(days=k) for k in range(DAYS)]
        assert all(made.done for made in found)

        again, few_steps = _after(context, found[-3].position)
        assert again == found[-2:]
        assert few_steps < steps / 3

        _work_on(context, FIRST)
        (first,), _ = _after(context, found[-1].position)
        assert (first.day, first.position.moment) == (FIRST, NOON + dt.timedelta(days=1))


def test_days_of_one_moment_are_told_apart(tmp_path: Path) -> None:
    with Context.open(Settings(home=tmp_path)) as context:
        _fill(context, apart=dt.timedelta(0))
        seen, position = [], BEGINNING
        while found := _after(context, position, most=7)[0]:
            seen += [made.day for made in found]
            position = found[-1].position
        assert seen == [FIRST + dt.timedelta(days=k) for k in range(DAYS)]


def _fill(context: Context, apart: dt.timedelta = dt.timedelta(seconds=1)) -> None:
    """Batches that are done; those of a later day a moment later."""
    with context.store.write() as connection:
        connection.execute(
            sa.insert(processing_batches),
            [
                {
                    "device_id": f"van-{device}",
                    "day": FIRST + dt.timedelta(days=day),
                    "status": "completed",
                    "segmented_generation": 1,
                    "matched_generation": 1,
                    "tracked_generation": 1,
                    "created_at": NOON,
                    "updated_at": NOON + day * apart,
                }
                for device in range(DEVICES)
                for day in range(DAYS)
            ],
        )


def _work_on(context: Context, day: dt.date) -> None:
    """Work on one device's batch of a day, a day later."""
    b = processing_batches.c
    with context.store.write() as connection:
        connection.execute(
            sa.update(processing_batches)
            .where(b.day == day, b.device_id == "van-1")
            .values(updated_at=NOON + dt.timedelta(days=1))
        )


def _after(context: Context, position: Position, most: int = DAYS) -> tuple[list[MadeDay], int]:
    """What there is, and the steps that SQLite takes for it, in hundreds."""
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with context.store.read() as connection:
        raw = connection.connection.driver_connection
        assert raw is not None
        raw.set_progress_handler(count, 100)
        found = made_after(connection, position, most, dt.date.max)
        raw.set_progress_handler(None, 0)
    return found, steps
