"""What is said about a vehicle stays until something else is said of the same."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Connection

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.geo.time import ONE_DAY
from trackflow.store.mileage import chains, vehicles
from trackflow.store.mileage.rates import replace_rates
from trackflow.usecases.mileage.fleet import add_reading, list_readings, list_vehicles, save_vehicle
from trackflow.usecases.mileage.rate_table import list_rates, parse_rates, save_rates
from trackflow_tests.helpers.stores import NOON, Clock, open_context
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until


def test_a_change_of_one_value_leaves_the_others(database_url: str, tmp_path: Path) -> None:
    """A new zone made a car of a van, without its plate, and other rates held for it."""
    with open_context(database_url, tmp_path, Clock()) as context:

        def said(**values: str) -> tuple[str, str | None, str | None]:
            one = save_vehicle(context, "V", **values)
            assert list_vehicles(context) == [one]
            return one.kind, one.plate, one.time_zone

        assert said() == ("car", None, None)
        assert said(kind="van", plate="ABC-1") == ("van", "ABC-1", None)
        assert said(time_zone="Asia/Tokyo") == ("van", "ABC-1", "Asia/Tokyo")
        assert said() == ("van", "ABC-1", "Asia/Tokyo")
        assert said(plate="", kind="lorry") == ("lorry", None, "Asia/Tokyo")
        assert said(time_zone="") == ("lorry", None, None)


def rate(amount: str) -> str:
    first = 'from = 2026-01-01\ncurrency = "EUR"\nunit = "km"'
    return f'[[rate]]\nid = "r{amount}"\n{first}\namount = {amount}'


def at_once(
    context: Context, first: Callable[[Connection], None], second: Callable[[], object]
) -> None:
    """Begin a second change while the transaction of a first one is open: it has to wait."""
    thread = threading.Thread(target=second)
    with context.store.write() as connection:
        first(connection)
        thread.start()
        if connection.dialect.name == "postgresql":
            waiting = sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            wait_until(lambda: connection.scalar(waiting) or not thread.is_alive())
    thread.join(PATIENCE_S)


def test_of_two_people_at_once_the_second_sees_what_the_first_has_done(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path, Clock()) as context:
        save_vehicle(context, "V")
        save_rates(context, rate("1"))
        two = parse_rates(rate("2"))
        at_once(
            context,
            lambda connection: replace_rates(connection, two),
            lambda: save_rates(context, rate("3")),
        )
        assert [one.rate_id for one in list_rates(context)] == ["r3"], "one table, not both"

        def read(connection: Connection) -> None:
            chains.lock_book(connection, "V")
            vehicles.add_reading(connection, "V", NOON, 1000, "a", NOON)

        def read_less() -> None:
            with pytest.raises(BadInputError, match="run back"):
                add_reading(context, "V", NOON + ONE_DAY, 500, recorded_by="b")

        at_once(context, read, read_less)
        assert [one["odometer_m"] for one in list_readings(context, "V")] == [1000]
