"""The promise: however points arrive and however runs are cut up, what is stored is the same."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, event, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.geo.points import Points
from trackflow.geo.time import from_us
from trackflow.settings import Settings
from trackflow.sources.devices.fixes import BodyContent
from trackflow.sources.records import PointBatch
from trackflow.store.devices.settings import change_device
from trackflow.tracks.thresholds import Thresholds
from trackflow.usecases.days.run import RunMode, run
from trackflow.usecases.days.verify import verify
from trackflow.usecases.intake.hiding import hide_points, restore_points
from trackflow.usecases.intake.receiving import receive
from trackflow_tests.helpers.hidings import HidingOf, hidings_of
from trackflow_tests.helpers.histories import FIRST, History, histories
from trackflow_tests.helpers.stores import (
    Clock,
    batch_of_device,
    contents,
    deliver,
    difference,
    drive,
    empty,
    far_overrides,
    open_context,
    part_of,
    statuses,
)
from trackflow_tests.helpers.town import Town

EXAMPLES = {"sqlite": 15, "postgresql": 5}


@dataclass(frozen=True)
class RunOf:
    """Arguments of a run, as offsets from the first day."""

    mode: RunMode
    first: int | None
    last: int | None
    device: int | None
    stages: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """How points arrive, and what is run in between.

    Attributes:
        chunks: how many deliveries there are.
        in_order: whether they come in the order of time, or with points from everywhere.
        again: deliveries that come again, after how many others.
        runs: what is run after each delivery.
        configured: after which delivery devices get their own thresholds.
        hidden: what people hide, and restore again.
    """

    chunks: int
    in_order: bool
    again: tuple[int, ...]
    runs: tuple[tuple[RunOf, ...], ...]
    configured: int
    hidden: tuple["Hidden", ...]
    seed: int


@dataclass(frozen=True)
class Hidden:
    """Points that a person hides.

    Attributes:
        device: whose.
        hiding: which.
        after: after which delivery.
        restored: after which delivery they are restored; None for never. Not before `after`.
    """

    device: int
    hiding: HidingOf
    after: int
    restored: int | None


STAGE_CHOICES = [
    ("segmented", "matched", "tracked"),
    ("segmented", "matched", "tracked"),
    ("segmented",),
    ("matched", "tracked"),
    ("tracked",),
]

runs_of = st.builds(
    RunOf,
    mode=st.sampled_from(list(RunMode)),
    first=st.none() | st.integers(0, 6),
    last=st.none() | st.integers(0, 6),
    device=st.none() | st.integers(0, 1),
    stages=st.sampled_from(STAGE_CHOICES),
)


@st.composite
def hidden(draw: st.DrawFn, count: int) -> Hidden:
    after = draw(st.integers(0, count - 1))
    restored = draw(st.none() | st.integers(after, count - 1))
    return Hidden(draw(st.integers(0, 1)), draw(hidings_of()), after, restored)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    chunks = draw(st.integers(1, 5))
    again = draw(st.lists(st.integers(0, chunks - 1), max_size=2))
    count = chunks + len(again)
    one = st.lists(runs_of, max_size=2).map(tuple)
    return Plan(
        chunks,
        draw(st.booleans()),
        tuple(again),
        tuple(draw(one) for _ in range(count)),
        draw(st.integers(0, count - 1)),
        tuple(draw(st.lists(hidden(count), max_size=2))),
        draw(st.integers(0, 2**16)),
    )


def deliveries(whole: PointBatch, plan: Plan) -> Iterator[PointBatch]:
    random = np.random.default_rng(plan.seed)
    order = random.permutation(len(whole))
    if plan.in_order:
        order = np.argsort(whole.time_us, kind="stable")
    parts = [part_of(whole, rows) for rows in np.array_split(order, plan.chunks)]
    sequence = [*range(plan.chunks), *plan.again]
    if not plan.in_order:
        random.shuffle(sequence)
    for k in sequence:
        yield parts[k]


class Fleet(list[History]):
    """Shown by what happened to its devices: their points would fill pages."""

    def __repr__(self) -> str:
        return f"Fleet({[history.kinds for history in self]})"


def name_of(index: int) -> str:
    return f"van-{index}"


def day(offset: int | None) -> dt.date | None:
    return None if offset is None else FIRST + dt.timedelta(days=offset)


def configure(context: Context, found: Fleet) -> None:
    for index, history in enumerate(found):
        thresholds, default = history.thresholds.as_dict(), Thresholds().as_dict()
        own: dict[str, float | None] = {k: v for k, v in thresholds.items() if v != default[k]}
        if own:
            with context.store.write() as connection:
                change_device(connection, name_of(index), context.clock(), overrides=own)


def everything(found: Fleet) -> PointBatch:
    return PointBatch.concat(batch_of_device(name_of(k), h.points) for k, h in enumerate(found))


def hide(context: Context, found: Fleet, one: Hidden) -> UUID:
    device = one.device % len(found)
    rule = one.hiding.of(found[device].points)
    start, end = (None if us is None else from_us(us) for us in (rule.start_us, rule.end_us))
    report = hide_points(context, name_of(device), start, end, rule.area, hidden_by="ada")
    return report.hiding.hiding_id


def hide_and_restore(
    context: Context, found: Fleet, plan: Plan, step: int, ids: dict[Hidden, UUID]
) -> None:
    """What people do after a delivery."""
    for one in plan.hidden:
        if one.after == step:
            ids[one] = hide(context, found, one)
            event("hides points")
    kept = {ids[one] for one in plan.hidden if one in ids and one.restored is None}
    for one in plan.hidden:
        if one.restored == step and ids[one] not in kept:  # the same may be hidden twice
            restore_points(context, ids[one], restored_by="bob")
            event("restores points")


def at_once(
    context: Context, found: Fleet, plan: Plan | None = None
) -> dict[str, list[dict[str, object]]]:
    """What one delivery and one bulk run give, after all that stays hidden was hidden."""
    empty(context.store)
    deliver(context.store, everything(found))
    configure(context, found)
    for one in plan.hidden if plan else ():
        if one.restored is None:
            hide(context, found, one)
    run(context, mode=RunMode.BULK)
    return contents(context.store)


def piecemeal(context: Context, clock: Clock, found: Fleet, plan: Plan) -> None:
    """The same points by the plan, and one last incremental run."""
    empty(context.store)
    whole = everything(found)
    ids: dict[Hidden, UUID] = {}
    # devices may be configured before their points come, so they have to be known
    firsts = [int(np.flatnonzero(whole.device == k)[0]) for k in range(len(whole.devices))]
    deliver(context.store, part_of(whole, np.array(firsts)))
    for step, part in enumerate(deliveries(whole, plan)):
        deliver(context.store, part)
        if step == plan.configured:
            configure(context, found)
        hide_and_restore(context, found, plan, step, ids)
        for one in plan.runs[step]:
            event(f"{one.mode} run of {'all' if len(one.stages) == 3 else 'some'} stages")
            clock.time = dt.datetime.combine(FIRST, dt.time(8), dt.UTC) + dt.timedelta(
                days=(one.last or 0) + 1
            )
            report = run(
                context,
                mode=one.mode,
                first=day(one.first),
                last=day(one.last),
                device_id=None if one.device is None else name_of(one.device % len(found)),
                stages=one.stages,
            )
            assert not report.problems
    report = run(context)
    assert not report.problems


def small(history: History) -> bool:
    return len(history.points) < 900 and history.days < 9


fleets = st.lists(histories().filter(small), min_size=1, max_size=2).map(Fleet)

relaxed = settings(
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    deadline=None,
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
        HealthCheck.function_scoped_fixture,
    ],
)


def check_everything(context: Context, clock: Clock, found: Fleet, plan: Plan) -> None:
    expected = at_once(context, found, plan)
    piecemeal(context, clock, found, plan)
    assert difference(contents(context.store), expected) == []
    assert set(statuses(context.store).values()) == {"completed"}
    report = verify(context)
    assert report.ok, list(report.lines())
    assert report.points == len(expected["gps_points"])


@pytest.mark.slow
def test_any_way_of_working_gives_what_one_pass_gives(database_url: str, tmp_path: Path) -> None:
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:

        @settings(relaxed, max_examples=EXAMPLES[context.store.engine.dialect.name])
        @given(found=fleets, plan=plans())
        def check(found: Fleet, plan: Plan) -> None:
            check_everything(context, clock, found, plan)

        check()


FAR = Thresholds().override(far_overrides())


@pytest.mark.slow
def test_what_a_late_point_marks_does_not_depend_on_the_importers_environment(
    database_url: str, tmp_path: Path
) -> None:
    """A device whose rules look nearly a day around, and processes with settings of their own."""
    clock = Clock()
    with open_context(database_url, tmp_path, clock) as context:

        @settings(relaxed, max_examples=2 if context.store.is_postgresql else 6)
        @given(
            history=histories().filter(small).map(lambda one: replace(one, thresholds=FAR)),
            plan=plans(),
            hours=st.lists(st.sampled_from(["1", "6", "17", "24"]), min_size=7, max_size=7),
        )
        def check(history: History, plan: Plan, hours: list[str]) -> None:
            found = Fleet([history])
            expected = at_once(context, found)
            empty(context.store)
            deliver(context.store, part_of(everything(found), np.array([0])))
            configure(context, found)
            for step, part in enumerate(deliveries(everything(found), plan)):
                own = Settings.from_env(
                    {
                        "TRACKFLOW_HOME": str(tmp_path),
                        "TRACKFLOW_DATABASE_URL": database_url,
                        "TRACKFLOW_ENGINE_URL": "none",
                        "TRACKFLOW_WORKERS": "1",
                        "TRACKFLOW_BUFFER_H": hours[step],
                    }
                )
                with Context.open(own, clock) as importer:
                    receive(importer, BodyContent(part, []), "test")
                    assert not run(importer).problems
            assert difference(contents(context.store), expected) == []
            assert verify(context).ok

        check()


def in_helsinki(history: History) -> History:
    """The same history among roads, with what goes far out folded back to the centre."""
    lon, lat = history.points.lon, history.points.lat
    east = np.clip(lon - np.median(lon), -0.03, 0.03)
    north = np.clip(lat - np.median(lat), -0.01, 0.01)
    points = history.points
    moved = Points.of(points.time_us, 24.942 + east, 60.168 + north, points.accuracy_m)
    return replace(history, points=moved)


def with_a_night_drive(found: list[History]) -> Fleet:
    """One device more, that follows a street over midnight."""
    night = dt.datetime.combine(FIRST, dt.time(23, 30), dt.UTC)
    along = drive(night, 300, lon=24.93, lat=60.1685)
    shuffled = along[np.random.default_rng(0).permutation(len(along))]
    return Fleet([*map(in_helsinki, found), History(shuffled, Thresholds(), 2, ("night",))])


@pytest.mark.slow
def test_lines_on_roads_are_the_same_as_well(tmp_path: Path, town: Town) -> None:
    clock = Clock()
    matched = 0
    with open_context("", tmp_path, clock, engine_url="") as context:
        town.open(context)

        @settings(relaxed, max_examples=6)
        @given(found=fleets.map(with_a_night_drive), plan=plans())
        def check(found: Fleet, plan: Plan) -> None:
            nonlocal matched
            check_everything(context, clock, found, plan)
            lines = contents(context.store, "cached_polylines")["cached_polylines"]
            matched += sum(not line["is_raw"] for line in lines)

        check()
    assert matched, "without roads this shows nothing"
