"""Reports of many senders share transactions, and none of them suffers from another."""

import asyncio
import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.geo.time import to_us
from trackflow.sources.devices.parts import USUAL_SIZES
from trackflow.store.access import tokens
from trackflow.store.access.tokens import Scope
from trackflow.store.intake.reports import Report
from trackflow.store.tables import receipts
from trackflow.usecases.intake import receiving
from trackflow.usecases.intake.receiving import ReceptionCounts
from trackflow.web.reception import QueueLimits, ReportQueue
from trackflow_tests.benchmarks.ingest import KILL_AFTER, killed_while_sending
from trackflow_tests.helpers.running_api import bearer, running_api, token_for
from trackflow_tests.helpers.stores import NOON, batch_of, contents, open_context
from trackflow_tests.helpers.waiting import wait_until

NOON_US = to_us(NOON)


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    with open_context(database_url, tmp_path) as opened:
        yield opened


def report(device: str, *, points: int = 1, longitude: float = 24.9) -> Report:
    rows = [(device, NOON_US + k * 1_000_000, longitude, 60.1) for k in range(points)]
    return Report(batch_of(rows), (), "test")


def stored_together(context: Context, reports: list[Report]) -> list[Any]:
    """What became of reports that come at one moment, errors among them."""

    async def store() -> list[Any]:
        reception = ReportQueue(context)
        try:
            coming = (reception.store(report) for report in reports)
            return await asyncio.gather(*coming, return_exceptions=True)
        finally:
            reception.close()

    return asyncio.run(store())


def count_receipts(context: Context) -> int:
    with context.store.read() as connection:
        return connection.scalar(sa.select(sa.func.count()).select_from(receipts)) or 0


def test_what_comes_at_one_moment_shares_a_transaction(context: Context) -> None:
    outcomes = stored_together(context, [report(f"d{k}") for k in range(50)])
    assert outcomes == [ReceptionCounts(accepted=1)] * 50
    assert len(contents(context.store)["gps_points"]) == 50
    assert count_receipts(context) == 1


def test_what_cannot_be_stored_fails_alone(context: Context) -> None:
    bad = report("b\x00") if context.store.is_postgresql else report("b", longitude=float("nan"))
    first, broken, last = stored_together(context, [report("a"), bad, report("c")])
    assert first == last == ReceptionCounts(accepted=1)
    assert isinstance(broken, sa.exc.IntegrityError | sa.exc.DataError)
    assert [row["device_id"] for row in contents(context.store)["gps_points"]] == ["a", "c"]


def test_single_reports_go_before_parts_of_large_ones(context: Context) -> None:
    done: list[str] = []

    async def store(reception: ReportQueue, name: str, points: int) -> None:
        await reception.store(report(name, points=points))
        done.append(name)

    async def all_at_once() -> None:
        gate = ReportQueue(context)
        large = [store(gate, f"large {k}", QueueLimits().small_points + 1) for k in range(3)]
        await asyncio.gather(*large, *(store(gate, f"small {k}", 1) for k in range(3)))
        gate.close()

    asyncio.run(all_at_once())
    assert done[:3] == ["small 0", "small 1", "small 2"]
    assert done[3:] == ["large 0", "large 1", "large 2"]


def test_while_the_database_hangs_those_who_wait_are_turned_away(tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'trackflow.db'}", tmp_path) as context:

        async def store() -> list[Any]:
            gate = ReportQueue(context, QueueLimits(most_reports=2, look_s=0.01, wait_s=0.0))
            with receiving._turn:
                coming = [asyncio.create_task(gate.store(report(f"d{k}"))) for k in range(5)]
                # two of them wait for the database, three for these two
                outcomes = await asyncio.gather(*coming[2:], return_exceptions=True)
            outcomes += await asyncio.gather(*coming[:2], return_exceptions=True)
            gate.close()
            return outcomes

        outcomes = asyncio.run(store())
        assert [type(one).__name__ for one in outcomes[:3]] == ["StoreUnavailableError"] * 3
        assert outcomes[3:] == [ReceptionCounts(accepted=1)] * 2


def test_a_revoked_token_stops_within_seconds(context: Context) -> None:
    other, secret = token_for(context, Scope.ADMIN), token_for(context, Scope.INGEST, "bus-7")
    message = {"_type": "location", "lat": 60.1, "lon": 24.9, "tst": 1_780_000_000}

    with running_api(context) as api:

        def status(k: int) -> int:
            sent = message | {"tst": message["tst"] + k}
            return api.post("/ingest/owntracks", json=sent, **bearer(secret)).status_code

        assert [status(k) for k in range(5)] == [200] * 5
        with context.store.write() as connection:
            token = tokens.find(connection, secret)
            assert token is not None
            tokens.revoke(connection, token.token_id, context.clock())
        wait_until(lambda: status(9) != 200, "the token is still taken")
        assert status(9) == 401
        again = token_for(context, Scope.INGEST)
        assert api.post("/ingest/owntracks", json=message, **bearer(again)).status_code == 200
        assert api.post("/ingest/owntracks", json=message, **bearer(other)).status_code == 200


def features(count: int) -> list[dict[str, Any]]:
    return [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [24.9, 60.1]},
            "properties": {
                "time": (NOON + dt.timedelta(seconds=k)).isoformat(),
                "device_id": f"d{k % 7}",
                "note": '"[{,\\' * (k % 3),
            },
        }
        for k in range(count)
    ]


def test_a_large_body_in_parts_is_answered_for_all_of_them(context: Context) -> None:
    good = features(3 * USUAL_SIZES.most_elements)
    body = json.dumps(
        {"type": "FeatureCollection", "features": [*good, *good[:5], *[{"x": 1}] * 3]}
    )
    with running_api(context) as api:
        first, second = (api.post("/ingest/geojson", content=body).json() for _ in range(2))
    refused = {"refused": 3, "reasons": {"no_position": 3}}
    assert first == {"accepted": len(good), "repeated": 5} | refused
    assert second == {"accepted": 0, "repeated": len(good) + 5} | refused
    assert len(contents(context.store)["gps_points"]) == len(good)
    assert count_receipts(context) > 3


@pytest.mark.slow
def test_what_was_answered_is_stored_whenever_the_api_is_killed(context: Context) -> None:
    secret = token_for(context, Scope.INGEST)
    found = killed_while_sending(context.settings, secret)
    assert found["killed twice: reports answered"] >= 2 * KILL_AFTER
    assert found["killed twice: answered and not stored"] == 0
    assert found["killed twice: on their way when it was killed"] > 0
