"""What is said about a vehicle stays until something else is said of the same."""

from pathlib import Path

from trackflow.usecases.mileage.fleet import list_vehicles, save_vehicle
from trackflow_tests.helpers.stores import Clock, open_context


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
