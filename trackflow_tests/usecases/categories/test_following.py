"""Following tracks goes on after its database has broken off a transaction."""

import datetime as dt
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from trackflow.usecases.categories.following import follow_tracks
from trackflow.usecases.days.run import run
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    open_context,
)

WRITES = ("INSERT", "UPDATE", "DELETE")
MADE = ("legs", "stays", "categories")


def test_a_step_whose_connection_breaks_is_repeated_whole(
    postgres_databases: postgres.Databases, tmp_path: Path
) -> None:
    broken: list[int] = []
    with postgres_databases.lend() as url, open_context(url, tmp_path) as context:
        for hours in (0, 3):
            deliver(
                context.store, batch_of_device("van", drive(NOON + dt.timedelta(hours=hours), 60))
            )
        run(context)

        def break_first(_connection: Any, cursor: Any, statement: str, *_: Any) -> None:
            if broken or not statement.lstrip().startswith(WRITES):
                return
            broken.append(cursor.connection.info.backend_pid)
            alone = sa.create_engine(context.store.engine.url, poolclass=sa.NullPool)
            with alone.connect() as other:
                other.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": broken[0]})

        sa.event.listen(context.store.engine, "before_cursor_execute", break_first)
        report = follow_tracks(context)
        after = contents(context.store, *MADE)
        assert len(broken) == 1
        assert report.errors == {}
        assert after["legs"]
        follow_tracks(context, everything=True)
        assert contents(context.store, *MADE) == after
