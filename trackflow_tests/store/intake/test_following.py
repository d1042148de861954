from pathlib import Path

from trackflow.sources.followed.gaps import Gap, ReadProgress
from trackflow.store.intake.following import advance, read_progress
from trackflow_tests.helpers.stores import NOON, open_context

FIRST = ReadProgress(7, (Gap(-(2**63) + 1, 0, 5, 2**40), Gap(3, 4, 5, 2**40, dense=True)))


def test_whoever_was_slower_changes_nothing(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path / "home") as context:
        with context.store.write() as connection:
            assert read_progress(connection, "a") == ReadProgress()
            assert advance(connection, "a", ReadProgress(), FIRST, NOON)
            assert not advance(connection, "a", ReadProgress(), ReadProgress(9), NOON)
        with context.store.read() as connection:
            assert read_progress(connection, "a") == FIRST
            assert read_progress(connection, "b") == ReadProgress()
        with context.store.write() as connection:
            assert advance(connection, "a", FIRST, ReadProgress(9), NOON)
            assert read_progress(connection, "a") == ReadProgress(9)
