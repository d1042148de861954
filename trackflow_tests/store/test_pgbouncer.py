"""The store behind PgBouncer in transaction mode: each transaction may get another session."""

from pathlib import Path

from trackflow.geo.time import to_us
from trackflow_tests.helpers import postgres
from trackflow_tests.helpers.pgbouncer import pgbouncer_before
from trackflow_tests.helpers.stores import NOON, batch_of, contents, deliver, open_context


def test_deliveries_are_stored(postgres_databases: postgres.Databases, tmp_path: Path) -> None:
    with (
        postgres_databases.lend() as url,
        pgbouncer_before(url) as bounced,
        open_context(bounced, tmp_path) as context,
    ):
        for k in range(20):
            deliver(context.store, batch_of([("a", to_us(NOON) + k, 1.0, 1.0)]))
        assert len(contents(context.store)["gps_points"]) == 20
