"""The list of devices: pages ask for it again and again."""

from pathlib import Path

import sqlalchemy as sa

from trackflow.usecases.queries.devices import list_devices, summarize_devices
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, drive, open_context


def test_names_and_looks_take_no_statement_beside_that_of_the_devices(
    database_url: str, tmp_path: Path
) -> None:
    with open_context(database_url, tmp_path) as context:
        for name in ("a", "b", "c"):
            deliver(context.store, batch_of_device(name, drive(NOON, 2)))
        asked: list[str] = []
        sa.event.listen(
            context.store.engine, "before_cursor_execute", lambda *seen: asked.append(seen[2])
        )
        found = list_devices(context)
    assert [(one.device_id, one.look.ordinal) for one in found] == [("a", 0), ("b", 1), ("c", 2)]
    assert all(one.last_time and one.longitude for one in found)
    assert sum("devices.profile" in text or "devices.colour" in text for text in asked) == 1


def test_the_list_says_when_each_last_reported(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        deliver(context.store, batch_of_device("a", drive(NOON, 20)), now=NOON)
        (row,) = summarize_devices(context)
        assert (row["points"], row["first"], row["last_report"]) == (20, NOON, NOON)
