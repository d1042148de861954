"""A machine's clock that is wrong deletes nothing, refuses nothing for good and blocks nothing."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trackflow.concurrency.breaker import FAILURES_TO_OPEN, Breaker, Phase
from trackflow.context import Context
from trackflow.errors import ApprovalNeededError
from trackflow.geo.points import Points
from trackflow.geo.time import midnight, to_us
from trackflow.sources.ahead import CLOCK_BEHIND, positions, whole
from trackflow.sources.devices import geojson_batch, reading
from trackflow.sources.devices.envelopes import Envelope
from trackflow.store.days import batch_lists, batches
from trackflow.store.jobs import jobs, workers
from trackflow.store.tables import devices, processing_batches, quarantined_points
from trackflow.usecases.days.run import run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.days.waiting import find_waiting
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow.usecases.housekeeping.retention_plan import (
    RetentionBasis,
    check,
    counted_from,
    edge_day,
    lift_edge,
)
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.intake.receiving import receive
from trackflow_tests.helpers.filled import everything
from trackflow_tests.helpers.stores import (
    NOON,
    Clock,
    batch_of,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    open_context,
    statuses,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

DAYS = 30
TODAY = NOON + dt.timedelta(days=300)
AHEAD = [dt.timedelta(days=k) for k in (2, 45, 400, 20_000)]

moments = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2090, 1, 1)).map(  # noqa: DTZ001
    lambda time: time.replace(tzinfo=dt.UTC)
)


@pytest.fixture
def clock() -> Clock:
    return Clock(TODAY)


@pytest.fixture
def context(database_url: str, tmp_path: Path, clock: Clock) -> Iterator[Context]:
    (tmp_path / "home").mkdir()
    with open_context(database_url, tmp_path / "home", clock, retention_days=DAYS) as opened:
        yield opened


def daily(device: str, days: int, until: dt.datetime = TODAY) -> Any:
    """A short drive on each of so many days, the last one on the day of `until`."""
    first = until - dt.timedelta(days=days - 1, hours=1)
    drives = [drive(first + dt.timedelta(days=k), 20) for k in range(days)]
    return batch_of_device(device, Points.concat(drives))


def live(context: Context, days: int = 6) -> None:
    for device in ("van", "car"):
        deliver(context.store, daily(device, days), now=TODAY)


@given(
    now=moments,
    newest=st.none() | moments.map(dt.datetime.date),
    last=st.none() | moments,
    days=st.integers(3, 4000),
    jump=st.timedeltas(dt.timedelta(0), dt.timedelta(days=36_500)),
)
def test_the_edge_follows_whichever_keeps_more(
    now: dt.datetime,
    newest: dt.date | None,
    last: dt.datetime | None,
    days: int,
    jump: dt.timedelta,
) -> None:
    known = RetentionBasis(now, newest, last, days)
    edge, lifted = edge_day(known), lift_edge(known)
    assert edge is not None
    assert lifted is not None
    kept = dt.timedelta(days=days)
    assert midnight(edge) <= now - kept
    assert lifted >= edge, "what was deleted by the rule is not opened again by it"
    if newest is not None:
        assert midnight(edge) <= midnight(newest) + dt.timedelta(days=1) - kept
        later = RetentionBasis(counted_from(known) + jump, newest, last, days)
        assert edge_day(later) == edge or counted_from(known) == now, "a later clock deletes more"


@given(doomed=st.integers(0, 100), left=st.integers(0, 100), jump=st.integers(-500, 500))
def test_much_at_once_and_jumps_are_asked_about(doomed: int, left: int, jump: int) -> None:
    known = RetentionBasis(TODAY, TODAY.date(), TODAY - dt.timedelta(days=jump), DAYS)
    edge = edge_day(known)
    assert edge is not None
    asked = None
    try:
        check(known, edge, doomed, doomed + left)
    except ApprovalNeededError as error:
        asked = str(error)
    assert bool(asked) == (jump < -1 or (doomed > 0 and jump > DAYS / 2) or doomed > left)
    assert asked is None or f"trackflow retain --approve {edge}" in asked
    check(RetentionBasis(TODAY, known.newest, known.last, DAYS, edge), edge, doomed, doomed + left)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_clock_that_runs_ahead_deletes_nothing_that_is_kept(
    context: Context, clock: Clock, ahead: dt.timedelta
) -> None:
    live(context)
    run(context)
    apply_retention(context)
    before = contents(context.store)
    clock.time = TODAY + ahead
    apply_retention(context)
    # a device whose clock is as wrong sends meanwhile: it moves nothing either
    fake = batch_of([("fake", to_us(clock.time), 24.9, 60.1)])
    deliver(context.store, fake, now=clock.time)
    apply_retention(context)
    clock.time = TODAY + dt.timedelta(hours=1)
    apply_retention(context)
    after = contents(context.store)
    after["gps_points"] = [r for r in after["gps_points"] if r["device_id"] != "fake"]
    assert difference(after, before) == []
    with context.store.read() as connection:
        assert set(connection.scalars(sa.select(devices.c.kept_from))) == {None}
    new = batch_of([("van", to_us(clock.time), 24.9, 60.1)])
    assert deliver(context.store, new, now=clock.time).added == 1


def test_days_pass_as_ever_and_old_points_go(context: Context, clock: Clock) -> None:
    for day in range(60):
        clock.time = TODAY + dt.timedelta(days=day)
        deliver(context.store, daily("van", 1, clock.time), now=clock.time)
        apply_retention(context)
    oldest = min(r["recorded_at"] for r in contents(context.store, "gps_points")["gps_points"])
    # those at the edge look at two more days, and the newest day counts once three have come
    assert DAYS <= (clock.time - oldest).days <= DAYS + 5
    with context.store.read() as connection:
        (kept_from,) = connection.scalars(sa.select(devices.c.kept_from))
    assert kept_from < clock.time.date() - dt.timedelta(days=DAYS - 1)


def test_a_large_share_a_jump_and_a_step_back_stop_and_change_nothing(
    context: Context, clock: Clock
) -> None:
    deliver(context.store, daily("van", 3 * DAYS), now=TODAY)
    before = everything(context.store)
    with pytest.raises(ApprovalNeededError, match="more than 50% at once"):
        apply_retention(context)
    assert everything(context.store) == before
    edge = TODAY.date() - dt.timedelta(days=DAYS)
    assert apply_retention(context, edge).devices == 1
    assert sum(apply_retention(context).rows.values()) == 0, "once is enough"

    clock.time = TODAY - dt.timedelta(days=40)
    before = everything(context.store)
    with pytest.raises(ApprovalNeededError, match="set the clock right"):
        apply_retention(context)
    import_paths(context, [])
    assert everything(context.store) == before, (
        "days are not opened again by a clock that is behind"
    )

    clock.time = TODAY + dt.timedelta(days=20)
    for device in ("van", "car", "bus"):
        deliver(context.store, daily(device, 1, clock.time), now=clock.time)
    with pytest.raises(ApprovalNeededError, match="is the clock right"):
        apply_retention(context)


def test_more_than_the_setting_says_is_never_approved(context: Context, clock: Clock) -> None:
    live(context)
    report = apply_retention(context, approve=clock.time.date())
    assert report.edge == TODAY.date() - dt.timedelta(days=DAYS)
    assert report.devices == 0


def test_a_day_in_the_future_refuses_nothing_and_is_lifted(
    context: Context, tmp_path: Path
) -> None:
    """As a store that an earlier version has kept with a wrong clock."""
    live(context)
    poisoned = TODAY.date() + dt.timedelta(days=400)
    with context.store.write() as connection:
        connection.execute(sa.update(devices).values(kept_from=poisoned))
    new = [("van", to_us(TODAY) + k * 1_000_000, 24.9, 60.1 + k * 1e-4) for k in range(5)]
    assert deliver(context.store, batch_of(new), now=TODAY).added == 5
    import_paths(context, [])
    with context.store.read() as connection:
        kept = set(connection.scalars(sa.select(devices.c.kept_from)))
    assert kept == {TODAY.date() - dt.timedelta(days=DAYS)}


def report_of(device: str, time: dt.datetime, **more: float) -> dict[str, Any]:
    place = {"longitude": 24.94, "latitude": 60.17}
    return {"device_id": device, "recorded_at": time.isoformat(), **place, **more}


def send(context: Context, *reports: dict[str, Any]) -> Any:
    body = orjson.dumps(list(reports))
    found = reading.read(body, Envelope(geojson_batch.SOURCE), now_us=to_us(context.clock()))
    return receive(context, found, "phones")


@pytest.mark.parametrize("behind", [dt.timedelta(days=30), dt.timedelta(days=20_000)])
def test_points_that_come_while_the_clock_is_behind_come_in_when_it_is_right(
    context: Context, clock: Clock, behind: dt.timedelta
) -> None:
    reports = [
        report_of("van", TODAY + dt.timedelta(seconds=10 * k), altitude=12.5, accuracy=4 + k % 3)
        for k in range(50)
    ]
    live(context)
    send(context, *reports)
    run(context)
    expected = contents(context.store)
    empty(context.store)

    live(context)
    clock.time = TODAY - behind
    for some in (reports[:20], reports[10:]):
        assert send(context, *some).refused == len(some)
    assert not run(context).problems
    waiting = contents(context.store, "quarantined_points")["quarantined_points"]
    assert {row["reason"] for row in waiting} == {CLOCK_BEHIND}
    assert len(waiting) == 50
    clock.time = TODAY + dt.timedelta(hours=1)
    assert not run(context).problems
    assert difference(contents(context.store), expected) == []
    assert verify(context).ok


def test_a_device_whose_own_clock_is_ahead_does_not_come_in_later(
    context: Context, clock: Clock
) -> None:
    live(context)
    assert send(context, report_of("fake", TODAY + dt.timedelta(days=9))).refused == 1
    (row,) = contents(context.store, "quarantined_points")["quarantined_points"]
    assert row["reason"] == "time_out_of_range"
    # whole, for a person who knows better
    assert positions([row["raw"]]).devices == ("fake",)
    clock.time = TODAY + dt.timedelta(days=20)
    run(context)
    assert not [r for r in contents(context.store)["gps_points"] if r["device_id"] == "fake"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "ä\u2028b"]),
            st.integers(0, 4 * 10**15),
            *[st.floats(-180, 180)] * 2,
            *[st.just(float("nan")) | st.floats(0, 359)] * 4,
        ),
        min_size=1,
        max_size=5,
    )
)
def test_a_whole_position_is_read_again_as_it_was(rows: list[Any]) -> None:
    batch = batch_of(rows)
    again = positions([whole(batch, k) for k in range(len(batch))])
    assert list(map(repr, again.rows())) == list(map(repr, batch.rows()))


def test_a_lease_of_a_clock_that_ran_ahead_is_not_waited_for(
    context: Context, clock: Clock
) -> None:
    live(context, days=2)
    clock.time = TODAY + dt.timedelta(days=1)
    with context.store.write() as connection:
        for device, day in statuses_of(context):
            now = context.clock()
            assert batches.claim(connection, device, day, "segmented", lease_s=120, now=now)
    clock.time = TODAY
    live(context, days=2)  # whatever comes in meanwhile
    assert find_waiting(context).days
    assert not run(context).problems
    with context.store.read() as connection:
        b = processing_batches.c
        rows = connection.execute(sa.select(b.status, b.retry_count).distinct()).all()
    assert [tuple(row) for row in rows] == [("completed", 0)]


def statuses_of(context: Context) -> list[tuple[str, dt.date]]:
    return sorted(statuses(context.store))


def test_a_lease_of_now_is_honoured_whatever_the_other_clocks(
    context: Context, clock: Clock
) -> None:
    live(context, days=1)
    key = statuses_of(context)[0]
    with context.store.write() as connection:
        now = context.clock() + dt.timedelta(minutes=5)  # of a machine that is a little ahead
        assert batches.claim(connection, *key, "segmented", lease_s=120, now=now)
    run(context)
    assert statuses(context.store)[key] == "processing"


def test_rests_and_signs_of_life_of_the_future_block_nobody(context: Context, clock: Clock) -> None:
    live(context, days=1)
    future = TODAY + dt.timedelta(days=400)
    with context.store.write() as connection:
        claim = batches.claim(connection, "van", TODAY.date(), "segmented", lease_s=60, now=future)
        assert claim
        batches.fail(connection, claim, "no", 5, future)
        workers.beat(connection, uuid.uuid4(), future, batches_done=0)
        job = jobs.create(connection, "rebuild", {}, future)
        assert jobs.claim(connection, job.job_id, 3, future)
    with context.store.read() as connection:
        due = batch_lists.pending(connection, "segmented", TODAY)
        assert ("van", TODAY.date()) in due
        assert workers.newest_worker(connection, TODAY) is None
        assert workers.newest_worker(connection, future) is not None
        assert [found.job_id for found in jobs.waiting(connection, TODAY)] == [job.job_id]
        assert jobs.waiting(connection, future) == []
    broken = Breaker()
    for _ in range(FAILURES_TO_OPEN):
        broken = broken.failed(future, "away")
    assert broken.phase(future) is Phase.OPEN
    assert broken.phase(TODAY) is Phase.HALF_OPEN


FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")
"""Of the Debian package libfaketime; LIBFAKETIME names another place."""


@pytest.fixture
def faketime() -> str:
    path = Path(os.environ.get("LIBFAKETIME") or FAKETIME)
    if not path.is_file():
        pytest.skip(f"there is no {path} (Debian: libfaketime; or LIBFAKETIME)")
    return str(path)


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_real_processes_with_a_wrong_clock(faketime: str, context: Context, tmp_path: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    file = tmp_path / "drives.csv"
    ages = [dt.timedelta(days=day, seconds=5 * k) for day in range(12) for k in range(60)]
    rows = [
        f"van-{device},{(now - age).isoformat()},60.1,{24 + age.seconds / 1e6}"
        for device in range(3)
        for age in ages
    ]
    file.write_text("\n".join(["device_id,recorded_at,latitude,longitude", *rows]))
    environment = os.environ | {
        "TRACKFLOW_HOME": str(tmp_path / "home"),
        "TRACKFLOW_DATABASE_URL": context.store.engine.url.render_as_string(hide_password=False),
        "TRACKFLOW_ENGINE_URL": "none",
        "TRACKFLOW_RETENTION_DAYS": str(DAYS),
        "TRACKFLOW_WORKERS": "1",
    }

    def trackflow(shift: str, *arguments: str) -> subprocess.Popen[str]:
        fake = {"LD_PRELOAD": faketime, "FAKETIME": shift} if shift else {}
        command = [sys.executable, "-m", "trackflow", *arguments]
        return subprocess.Popen(
            command, env=environment | fake, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def done(shift: str, *arguments: str) -> str:
        process = trackflow(shift, *arguments)
        out, err = process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0, err
        return out

    done("", "import", str(file))
    worker = trackflow("+1d", "run")
    while worker.poll() is None and "processing" not in statuses(context.store).values():
        time.sleep(0.01)
    worker.send_signal(signal.SIGKILL)
    worker.communicate()
    assert "processing" in statuses(context.store).values()
    done("", "run")
    assert set(statuses(context.store).values()) == {"completed"}

    before = contents(context.store, "gps_points")
    out = done("+400d", "retain")
    assert "Deleted of 0 devices: nothing" in out
    assert contents(context.store, "gps_points") == before
    process = trackflow("-30d", "retain")
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1
    assert "set the clock right" in err
    assert len(err.strip().splitlines()) == 1
    late = tmp_path / "late.csv"
    late.write_text(f"device_id,recorded_at,latitude,longitude\nvan-0,{now.isoformat()},60.2,24\n")
    process = trackflow("-30d", "import", str(late))
    out, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 1, err  # nothing of the file has come in yet
    assert "time_out_of_range" in out
    with context.store.read() as connection:
        assert list(connection.scalars(sa.select(quarantined_points.c.reason))) == [CLOCK_BEHIND]
    done("", "run")
    places = [row["latitude"] for row in contents(context.store, "gps_points")["gps_points"]]
    assert 60.2 in places or len(places) == len(before["gps_points"])
    with context.store.read() as connection:
        reasons = set(connection.scalars(sa.select(quarantined_points.c.reason)))
    assert CLOCK_BEHIND not in reasons
