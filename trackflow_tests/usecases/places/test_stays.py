"""Stays, places and what people decided: the same in any order, and kept through any recompute."""

import contextlib
import csv
import datetime as dt
import io
import json
import random
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import BadInputError, NotFoundError, SettingsError, StoreUnavailableError
from trackflow.exports.writing import ExportFormat, ExportSubject, RowFilter, export_to_file
from trackflow.geo.points import Points
from trackflow.geo.time import EARLIEST, LATEST, from_us, to_us
from trackflow.places.areas import PlaceStatus
from trackflow.usecases.days import run as pipeline
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.devices.renaming import rename
from trackflow.usecases.devices.settings import change_settings
from trackflow.usecases.housekeeping.retention import apply_retention
from trackflow.usecases.places import editing
from trackflow.usecases.places import stays as stays_module
from trackflow.usecases.places.editing import PlaceChange, PlaceDraft
from trackflow.usecases.places.files import export_places, import_places
from trackflow.usecases.places.learning import (
    LearningReport,
    learn_all,
    learn_in,
    learn_shared_places,
)
from trackflow.usecases.places.reading import PlaceRow, list_places, read_place, read_visits
from trackflow.usecases.places.stays import days_due, update_stays
from trackflow.usecases.queries.lines import TimeRange
from trackflow_tests.helpers.made_once import MadeOnce
from trackflow_tests.helpers.stores import (
    NOON,
    batch_of_device,
    contents,
    deliver,
    drive,
    empty,
    open_context,
    part_of,
)
from trackflow_tests.helpers.waiting import PATIENCE_S

DEVICE = "van-7"
HOME, WORK = 24.94, 24.964
MONDAY = NOON.replace(hour=0)
DAYS = 4
TABLES = ("stays", "stay_days", "places")


def standing(start: dt.datetime, minutes: int, lon: float) -> Points:
    """A device that stands and reports every five minutes."""
    time_us = to_us(start) + np.arange(0, minutes, 5) * 60_000_000
    wobble = np.arange(len(time_us)) % 3 * 1e-5
    return Points.of(time_us, lon + wobble, np.full(len(time_us), 60.17))


def commuter() -> Points:
    """Four days at home by night and at work by day."""
    parts = []
    for k in range(DAYS):
        day = MONDAY + dt.timedelta(days=k)
        there = drive(day + dt.timedelta(hours=8), 120, lon=HOME)
        back = drive(day + dt.timedelta(hours=16), 120, lon=HOME)
        parts += [
            standing(day, 475, HOME),
            there,
            standing(day + dt.timedelta(hours=8, minutes=20), 455, WORK),
            Points.of(back.time_us, back.lon[::-1].copy(), back.lat),
            standing(day + dt.timedelta(hours=16, minutes=20), 460, HOME),
        ]
    return Points.concat(parts)


POINTS = commuter()


def follow(context: Context, device_id: str | None = None) -> None:
    """What the flow does after tracks."""
    pipeline.run(context)
    for device, days in days_due(context, device_id).items():
        update_stays(context, device, days)
    assert days_due(context, device_id) == {}


def state(context: Context) -> dict[str, list[dict[str, Any]]]:
    found = contents(context.store, *TABLES)
    for row in found["places"]:
        del row["created_at"], row["updated_at"]
    for row in found["stay_days"]:
        del row["generation"]
    return found


@pytest.fixture
def filled(database_url: str, tmp_path: Path, made_once: MadeOnce) -> Iterator[Context]:
    def make() -> None:
        deliver(context.store, batch_of_device(DEVICE, POINTS))
        follow(context)

    with open_context(database_url, tmp_path) as context:
        made_once.bring(context.store, make)
        yield context


def place_of(context: Context, kind: str) -> PlaceRow:
    (found,) = [row for row in list_places(context) if row.kind == kind]
    return found


def visited(context: Context) -> list[str | None]:
    """The name of the place of each stay, in order."""
    everything = TimeRange(MONDAY - dt.timedelta(days=9), MONDAY + dt.timedelta(days=99))
    visits = read_visits(context, None, everything, 1000)
    return [None if one.place is None else one.place.name for one in visits]


HOME_AND_WORK = [*["Home", "Work"] * DAYS, "Home"]


def test_stays_of_a_week_are_visits_to_home_and_work(filled: Context) -> None:
    assert visited(filled) == HOME_AND_WORK
    stays = state(filled)["stays"]
    tracks = contents(filled.store, "tracks")["tracks"]
    ends = sorted(row["end_time"] for row in tracks)
    starts = sorted(row["start_time"] for row in tracks)
    assert [row["start_time"] for row in stays] == [from_us(int(POINTS.time_us[0])), *ends]
    assert [row["end_time"] for row in stays] == [*starts, None]


def test_stays_are_exported_in_every_format(filled: Context, tmp_path: Path) -> None:
    follow(filled)
    there = read_visits(filled, None, TimeRange(EARLIEST, LATEST))
    assert there[-1].stay.end_time is None
    for file_format in ExportFormat:
        path = tmp_path / f"stays.{file_format}"
        count = export_to_file(filled, ExportSubject.STAYS, file_format, RowFilter(), path)
        assert count == len(there)
        assert b"Home" in path.read_bytes()
    rows = list(csv.DictReader((tmp_path / "stays.csv").read_text().splitlines()))
    ends = ["" if one.stay.end_time is None else one.stay.end_time.isoformat() for one in there]
    assert [row["end_time"] for row in rows] == ends
    assert [row["place"] or None for row in rows] == visited(filled)
    features = json.loads((tmp_path / "stays.geojson").read_text())["features"]
    assert [tuple(one["geometry"]["coordinates"]) for one in features] == [
        (one.stay.longitude, one.stay.latitude) for one in there
    ]
    some = RowFilter(MONDAY, MONDAY + dt.timedelta(hours=7), (DEVICE,))
    path = tmp_path / "night.csv"
    assert export_to_file(filled, ExportSubject.STAYS, ExportFormat.CSV, some, path) == 1


@settings(deadline=None, max_examples=4, suppress_health_check=list(HealthCheck))
@given(st.randoms(use_true_random=False))
def test_any_order_and_chunks_give_the_same(shared_context: Context, rng: random.Random) -> None:
    """Points come in any parts and order; days are updated in any parts, some of them twice."""
    context = shared_context
    empty(context.store)
    rows = np.array([rng.randrange(3) for _ in range(DAYS * 4)])
    of_row = rows[((POINTS.time_us - to_us(MONDAY)) // (6 * 3_600_000_000)).clip(0, len(rows) - 1)]
    batch = batch_of_device(DEVICE, POINTS)
    for part in rng.sample(range(3), 3):
        deliver(context.store, part_of(batch, np.flatnonzero(of_row == part)))
        if part != 1:
            pipeline.run(context)
            due = days_due(context).get(DEVICE, [])
            some = rng.sample(due, len(due))
            while some:
                count = rng.randint(1, len(some))
                update_stays(context, DEVICE, some[:count])
                some = some[count:]
    follow(context)
    update_stays(context, DEVICE, [MONDAY.date() + dt.timedelta(days=rng.randrange(DAYS))])
    found = state(context)
    empty(context.store)
    deliver(context.store, batch)
    follow(context)
    assert found == state(context)
    assert visited(context) == HOME_AND_WORK


@pytest.fixture(scope="module")
def shared_context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Context]:
    with open_context("", tmp_path_factory.mktemp("stays")) as context:
        yield context


def redo(context: Context) -> None:
    """Find all stays and learn all places again."""
    days = [MONDAY.date() + dt.timedelta(days=k) for k in range(DAYS)]
    update_stays(context, DEVICE, days)
    learn_all(context)


def test_what_people_decide_survives_and_can_be_undone(filled: Context) -> None:
    before = state(filled)
    home, work = place_of(filled, "home"), place_of(filled, "work")
    steps: list[tuple[Any, list[str | None]]] = [
        (lambda: editing.confirm_place(filled, home.place_id, "anna"), list(HOME_AND_WORK)),
        (
            lambda: editing.change_place(
                filled, home.place_id, PlaceChange(name=" Nest ", kind="other"), "anna"
            ),
            [*["Nest", "Work"] * DAYS, "Nest"],
        ),
        (
            lambda: editing.reject_place(filled, work.place_id, "anna"),
            [*["Nest", None] * DAYS, "Nest"],
        ),
        (
            lambda: editing.merge_place(filled, work.place_id, home.place_id, "anna"),
            ["Nest"] * (2 * DAYS + 1),
        ),
    ]
    for step, expected in steps:
        hashes = state(filled)["stay_days"]
        step()
        assert visited(filled) == expected
        now = state(filled)
        # days are due again for what follows visits, if and only if their visits changed
        assert (now["stay_days"] == hashes) == (step is steps[0][0])
        redo(filled)
        assert state(filled) == now
    _, history = read_place(filled, home.place_id)
    assert [(one.action, one.decided_by) for one in history] == [
        ("change", "anna"),
        ("confirm", "anna"),
    ]
    for place_id in (work.place_id, work.place_id, home.place_id, home.place_id):
        editing.undo_place(filled, place_id)
        redo(filled)
    assert state(filled) == before
    with pytest.raises(NotFoundError, match="nothing to undo"):
        editing.undo_place(filled, home.place_id)


def test_a_place_by_hand_beats_a_learned_one_and_moves_away(filled: Context) -> None:
    before = state(filled)
    draft = PlaceDraft("Customer", "customer", WORK - 4e-4, 60.17, 120.0)
    row = editing.add_place(filled, draft, "anna")
    assert visited(filled) == [*["Home", "Customer"] * DAYS, "Home"]
    assert [one.name for one in list_places(filled, DEVICE)] == ["Customer", "Home"]
    assert editing.add_place(filled, draft, "bob").place_id == row.place_id  # nothing changes
    _, history = read_place(filled, row.place_id)
    assert len(history) == 1
    home = place_of(filled, "home")
    editing.change_place(filled, home.place_id, PlaceChange(longitude=25.5), "anna")
    # the nights are spent at a place that is learned anew, under another id
    (new,) = [one for one in list_places(filled) if one.status is PlaceStatus.LEARNED]
    assert (new.name, new.place_id == home.place_id) == ("Home", False)
    assert {row["place_id"] for row in state(filled)["stays"]} == {row.place_id, new.place_id}
    editing.undo_place(filled, home.place_id)
    assert editing.undo_place(filled, row.place_id) is None
    redo(filled)
    assert state(filled) == before


NONSENSE = [
    PlaceChange(name=" "),
    PlaceChange(name="a\nb"),
    PlaceChange(kind="castle"),
    PlaceChange(latitude=90.5),
    PlaceChange(longitude=float("nan")),
    PlaceChange(radius_m=0.0),
]


def test_what_makes_no_sense_changes_nothing(filled: Context) -> None:
    before = state(filled)
    home = place_of(filled, "home").place_id
    for change in NONSENSE:
        with pytest.raises(BadInputError):
            editing.change_place(filled, home, change, "anna")
    with pytest.raises(BadInputError):
        editing.merge_place(filled, home, home, "anna")
    with pytest.raises(NotFoundError):
        editing.merge_place(filled, home, uuid.uuid4(), "anna")
    with pytest.raises(SettingsError, match="no device"):
        editing.add_place(filled, PlaceDraft("A", "work", 1.0, 1.0, 50.0, "nobody"), "anna")
    text = "name,longitude,latitude\nA,1,1\nB,one,1\n"
    with pytest.raises(BadInputError, match="line 3"):
        import_places(filled, text, "anna")
    assert state(filled) == before


def test_places_go_out_as_csv_and_come_back(filled: Context) -> None:
    editing.add_place(filled, PlaceDraft('=A, "B"', "customer", -1.5, 53.8, 50.0), "anna")
    editing.confirm_place(filled, place_of(filled, "home").place_id, "anna")
    text = export_places(filled)
    assert len(text.splitlines()) == 3
    assert len(export_places(filled, with_learned=True).splitlines()) == 4
    before = state(filled)
    assert import_places(filled, text, "bob").changed == 0
    assert state(filled) == before
    for separator in ";\t":
        rows = [[cell.replace(".", ",") for cell in row] for row in csv.reader(text.splitlines())]
        german = io.StringIO()
        csv.writer(german, delimiter=separator).writerows(rows)
        for hint in ("", f"sep={separator}\r\n"):
            excel = hint + german.getvalue()
            assert import_places(filled, excel, "bob").changed == 0, "as Excel saves it"
    for row in list_places(filled):
        editing.reject_place(filled, row.place_id, "anna")
    assert import_places(filled, text, "bob").changed == 2
    assert export_places(filled) == text


def test_a_file_that_is_imported_again_takes_nothing_back(filled: Context) -> None:
    text = "name,longitude,latitude\n" + "".join(f"C{k},{k / 100},{k / 100}\n" for k in range(1100))
    assert import_places(filled, text, "anna").changed == 1100
    first = next(row for row in list_places(filled) if row.name == "C0")
    change = PlaceChange(name="Depot North", kind="work", radius_m=300)
    changed = editing.change_place(filled, first.place_id, change, "bert")
    assert import_places(filled, text, "anna").changed == 0
    assert read_place(filled, first.place_id)[0] == changed


def test_visits_stay_with_a_learned_place_that_others_were_merged_into(filled: Context) -> None:
    """An earlier stay gives a learned place another id; this one is confirmed by the merge."""
    home = place_of(filled, "home")
    editing.merge_place(filled, place_of(filled, "work").place_id, home.place_id, "anna")
    assert set(visited(filled)) == {"Home"}
    day = MONDAY - dt.timedelta(days=2)
    beside = HOME - 2.5e-4
    earlier = [standing(day, 475, beside), drive(day + dt.timedelta(hours=8), 120, lon=beside)]
    deliver(filled.store, batch_of_device(DEVICE, Points.concat(earlier)))
    follow(filled)
    assert visited(filled)[1:] == ["Home"] * len(HOME_AND_WORK)


def test_learning_is_done_with_the_last_days_or_they_stay_due(
    filled: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty(filled.store)
    deliver(filled.store, batch_of_device(DEVICE, POINTS))
    pipeline.run(filled)
    tries: list[int] = []

    def broken_off(*given: Any) -> LearningReport:
        tries.append(1)
        if len(tries) == 1:
            raise StoreUnavailableError("the connection is lost")
        return learn_in(*given)

    monkeypatch.setattr(stays_module, "learn_in", broken_off)
    with pytest.raises(StoreUnavailableError):
        update_stays(filled, DEVICE, days_due(filled)[DEVICE])
    follow(filled)
    assert visited(filled) == HOME_AND_WORK


def test_changes_and_undoing_at_once_wait_for_each_other(filled: Context) -> None:
    """They lock devices before places, as learning does: else two would lock each other out."""
    place_id = place_of(filled, "home").place_id
    editing.change_place(filled, place_id, PlaceChange(name="Yard"), "anna")

    def change() -> None:
        for k in range(20):
            editing.change_place(filled, place_id, PlaceChange(name=f"Yard {k}"), "anna")

    def undo() -> None:
        for _ in range(20):
            with contextlib.suppress(NotFoundError):  # all is undone
                editing.undo_place(filled, place_id)

    with ThreadPoolExecutor(2) as pool:
        for done in [pool.submit(change), pool.submit(undo)]:
            done.result(PATIENCE_S)


def test_nights_are_those_of_the_devices_zone(filled: Context) -> None:
    assert {row.kind for row in list_places(filled)} == {"home", "work"}
    change_settings(filled, DEVICE, time_zone="Asia/Tokyo")
    after = state(filled)
    assert {row["kind"] for row in after["places"]} != {"home", "work"}
    learn_all(filled)
    assert state(filled) == after


def test_a_fleet_learns_where_its_devices_meet(filled: Context) -> None:
    deliver(filled.store, batch_of_device("car", POINTS))
    follow(filled)
    own = visited(filled)
    assert learn_shared_places(filled).places == 2
    assert learn_shared_places(filled).changed == 0
    assert visited(filled) == own  # a device's own places come first
    for row in list_places(filled, DEVICE):
        if row.device_id == DEVICE:
            editing.merge_place(filled, row.place_id, _shared(filled, row).place_id, "anna")
    redo(filled)
    names = {row.place_id: row.device_id for row in list_places(filled)}
    stays = [row for row in state(filled)["stays"] if row["device_id"] == DEVICE]
    assert {names[row["place_id"]] for row in stays} == {None}


def _shared(context: Context, row: PlaceRow) -> PlaceRow:
    (found,) = [
        one
        for one in list_places(context)
        if one.device_id is None and abs(one.longitude - row.longitude) < 1e-3
    ]
    return found


def test_places_follow_what_happens_to_devices(filled: Context) -> None:
    home = place_of(filled, "home")
    editing.change_place(filled, home.place_id, PlaceChange(name="Nest"), "anna")
    expected = [*["Nest", "Work"] * DAYS, "Nest"]
    rename(filled, DEVICE, "truck")
    follow(filled)
    assert visited(filled) == expected
    assert {row.device_id for row in list_places(filled)} == {"truck"}
    editing.undo_place(filled, home.place_id)
    redo_of(filled, "truck")
    assert visited(filled) == HOME_AND_WORK
    editing.add_place(filled, PlaceDraft("Shop", "customer", 25.0, 60.0), "anna")
    purge(filled, "truck")
    assert visited(filled) == []
    assert [row.name for row in list_places(filled)] == ["Shop"]
    assert contents(filled.store, "stay_days")["stay_days"] == []


def redo_of(context: Context, device_id: str) -> None:
    days = [MONDAY.date() + dt.timedelta(days=k) for k in range(DAYS)]
    update_stays(context, device_id, days)
    learn_all(context, device_id)


def test_retention_deletes_old_stays(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path, retention_days=3) as context:
        deliver(context.store, batch_of_device(DEVICE, POINTS))
        follow(context)
        context.clock = lambda: MONDAY + dt.timedelta(days=DAYS + 2)
        apply_retention(context, MONDAY.date() + dt.timedelta(days=DAYS - 1))
        assert visited(context) != HOME_AND_WORK
        kept = visited(context)
        follow(context)
        assert visited(context) == kept
        assert 0 < len(kept) < len(HOME_AND_WORK)
