"""What is no backup restores nothing and says so in a line; what is one restores the same store."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import BadInputError, SettingsError
from trackflow.store.tables import metadata
from trackflow.usecases.housekeeping.archive import MANIFEST, backup
from trackflow.usecases.housekeeping.restoring import USUAL_LIMITS, UnpackLimits, restore
from trackflow_tests.helpers.filled import everything, fill
from trackflow_tests.helpers.stores import empty, open_context

EMPTY: dict[str, list[Any]] = {name: [] for name in metadata.tables}

ROADS = bytes(range(256)) * 4

type Members = dict[str, bytes]


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A backup of a store with rows in every table and a road network."""
    home = tmp_path_factory.mktemp("good")
    folder = home / "networks" / "car-1"
    folder.mkdir(parents=True)
    (folder / "roads.osrm").write_bytes(ROADS)
    with open_context("", home) as context:
        fill(context.store, "van", 1)
        with context.store.write() as connection:
            connection.execute(
                sa.update(metadata.tables["road_networks"]).values(folder=str(folder))
            )
        backup(context, home / "b.zip")
    return (home / "b.zip").read_bytes()


@pytest.fixture
def context(database_url: str, tmp_path: Path) -> Iterator[Context]:
    (tmp_path / "home").mkdir()
    with open_context(database_url, tmp_path / "home") as opened:
        yield opened


def wiped(context: Context) -> None:
    empty(context.store)
    with context.store.write() as connection:
        connection.execute(sa.delete(metadata.tables["road_networks"]))


def outcome(
    context: Context, content: bytes, limits: UnpackLimits = USUAL_LIMITS
) -> dict[str, list[Any]] | str:
    """What is stored afterwards, or the one line that says why nothing is."""
    networks = context.settings.home / "networks"
    shutil.rmtree(networks, ignore_errors=True)
    path = context.settings.home / "try.zip"
    path.write_bytes(content)
    said = ""
    try:
        restore(context, path, limits=limits)
    except (BadInputError, SettingsError) as error:
        said = str(error)
    if said:
        assert "\n" not in said
        assert "try.zip" in said
        assert everything(context.store) == EMPTY
        assert not list(context.settings.home.glob(".restore-*"))
        assert not list(networks.glob("*"))
        return said
    assert (networks / "car-1" / "roads.osrm").read_bytes() == ROADS
    stored = everything(context.store)
    wiped(context)
    return stored


def test_any_damage_gives_the_same_store_or_one_line(good: bytes, context: Context) -> None:
    whole = outcome(context, good)
    assert not isinstance(whole, str)
    refused = 0

    @settings(max_examples=80 if not context.store.is_postgresql else 25)
    @given(
        st.one_of(
            st.tuples(st.just("byte"), st.integers(0, len(good) - 1), st.integers(1, 255)),
            # the directory at the end is what a reader looks at first
            st.tuples(
                st.just("byte"), st.integers(len(good) - 2500, len(good) - 1), st.integers(1, 255)
            ),
            st.tuples(st.just("cut"), st.integers(0, len(good) - 1), st.just(0)),
        )
    )
    def property_(damage: tuple[str, int, int]) -> None:
        nonlocal refused
        kind, at, change = damage
        content = bytearray(good)
        if kind == "byte":
            content[at] ^= change
        else:
            del content[at:]
        found = outcome(context, bytes(content))
        refused += isinstance(found, str)
        assert isinstance(found, str) or found == whole

    property_()
    assert refused > 5


def members(content: bytes) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(found: Members, *again: str, compression: int = zipfile.ZIP_STORED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name in [*found, *again]:
            archive.writestr(name, found[name])
    return file.getvalue()


def with_rows(found: Members, table: str, change: Callable[[pa.Table], pa.Table]) -> Members:
    """Other rows of a table, of which the manifest tells."""
    rows = change(pq.read_table(io.BytesIO(found[f"{table}.parquet"])))
    file = io.BytesIO()
    pq.write_table(rows, file)
    manifest = json.loads(found[MANIFEST])
    manifest["tables"][table] = rows.num_rows
    return found | {f"{table}.parquet": file.getvalue(), MANIFEST: json.dumps(manifest).encode()}


def setting(column: str, value: Any) -> Callable[[pa.Table], pa.Table]:
    """The first row with another value of a column."""

    def change(rows: pa.Table) -> pa.Table:
        index = rows.schema.get_field_index(column)
        values = [value, *rows.column(column).to_pylist()[1:]]
        kind = rows.schema.field(column).type
        try:
            array = pa.array(values, kind)
        except pa.ArrowInvalid:  # of a time that no date has
            array = pa.array([value] * len(values), pa.int64()).cast(kind)
        return rows.set_column(index, rows.schema.field(column), array)

    return change


def doubled(rows: pa.Table) -> pa.Table:
    return pa.concat_tables([rows, rows.slice(0, 1)])


WRONG_ROWS: dict[str, tuple[str, Callable[[pa.Table], pa.Table]]] = {
    "doubled keys": ("gps_points", doubled),
    "doubled devices": ("devices", doubled),
    "doubled jobs": ("jobs", doubled),
    "a longitude of 1e300": ("gps_points", setting("longitude", 1e300)),
    "a latitude of 91": ("gps_points", setting("latitude", 91.0)),
    "a longitude that is none": ("gps_points", setting("longitude", np.nan)),
    "no longitude": ("gps_points", setting("longitude", None)),
    "a point of 1970": ("gps_points", setting("recorded_at", 0)),
    "a point of the year 200000": ("gps_points", setting("recorded_at", 2**62)),
    "a device that is not there": ("gps_points", setting("device_id", "nobody")),
    "an unknown status": ("processing_batches", setting("status", "done")),
    "a status with a zero": ("jobs", setting("message", "a\0b")),
    "a job without an id": ("jobs", setting("job_id", None)),
    "an id that is none": ("jobs", setting("job_id", "no uuid")),
    "broken JSON": ("devices", setting("thresholds", "{")),
    "deep JSON": ("jobs", setting("parameters", "[" * 100_000)),
    "an endless distance": ("tracks", setting("distance_m", np.inf)),
    "a count beyond its type": ("tracks", setting("point_count", 2**40)),
    "a time that no date has": ("jobs", setting("created_at", 2**62)),
    "a network elsewhere": ("road_networks", setting("folder", "../../etc")),
    "another type": (
        "devices",
        lambda rows: rows.set_column(0, "device_id", pa.array([1] * rows.num_rows)),
    ),
    "a column twice": ("devices", lambda rows: rows.append_column("profile", rows.column(0))),
    "no keys": ("devices", lambda rows: rows.drop_columns(["device_id"])),
    "no times": ("gps_points", lambda rows: rows.drop_columns(["recorded_at"])),
}


def test_rows_that_no_store_had_are_refused(good: bytes, context: Context) -> None:
    found = members(good)
    assert not isinstance(outcome(context, packed(found)), str), (
        "the way of making them up is right"
    )
    for name, (table, change) in WRONG_ROWS.items():
        told = outcome(context, packed(with_rows(found, table, change)))
        assert isinstance(told, str), name
        assert table in told or "road network" in told, (name, told)


def manifest_with(found: Members, **values: Any) -> Members:
    return found | {MANIFEST: json.dumps(json.loads(found[MANIFEST]) | values).encode()}


def wrong_members(good: bytes) -> dict[str, bytes]:
    found = members(good)
    tables = json.loads(found[MANIFEST])["tables"]
    less = {k: v for k, v in found.items() if k != "tracks.parquet"}
    deep = found | {MANIFEST: b"[" * 100_000}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in found:
            archive.writestr(name, found[name])
        archive.writestr("networks/car-1/zeros", bytes(20 << 20))
    with pytest.warns(UserWarning, match="Duplicate"):
        twice = packed(found, "tracks.parquet")
    return {
        "doubled": twice,
        "missing": packed(less),
        "renamed": packed(less | {"Tracks.parquet": found["tracks.parquet"]}),
        "no manifest": packed({k: v for k, v in found.items() if k != MANIFEST}),
        "a manifest that is a list": packed(found | {MANIFEST: b"[]"}),
        "a deep manifest": packed(deep),
        "a huge manifest": packed(found | {MANIFEST: b" " * (2 << 20) + b"{}"}),
        "no format": packed(manifest_with(found, format=None)),
        "a format in words": packed(manifest_with(found, format="1")),
        "an odd schema": packed(manifest_with(found, schema="now")),
        "counts below nothing": packed(manifest_with(found, tables=tables | {"tracks": -1})),
        "tables in a list": packed(manifest_with(found, tables=list(tables))),
        "a network above": packed(manifest_with(found, networks={"../car": 1})),
        "a map above": packed(manifest_with(found, mode_maps={"../car": 1})),
        "a map that is not there": packed(manifest_with(found, mode_maps={"car-2": 1})),
        "a network that is not there": packed(manifest_with(found, networks={"car-2": 1})),
        "no Parquet": packed(found | {"tracks.parquet": b"PAR1nothing of itPAR1"}),
        "empty": b"",
        "an empty zip": packed({}),
        "a text": b"this is no zip" * 1000,
        "a bomb": file.getvalue(),
    }


def test_members_that_no_backup_has_are_refused(good: bytes, context: Context) -> None:
    # a real bomb would fill the disk of the test
    few = UnpackLimits(ratio=5, allowance_bytes=1 << 20)
    for name, content in wrong_members(good).items():
        limits = few if name == "a bomb" else USUAL_LIMITS
        assert isinstance(outcome(context, content, limits), str), name


def test_rows_that_unpack_to_more_than_a_backup_holds_are_not_read(
    good: bytes, context: Context
) -> None:
    def huge(rows: pa.Table) -> pa.Table:
        return setting("message", "x" * (30 << 20))(rows)

    found = with_rows(members(good), "jobs", huge)
    file = io.BytesIO()
    pq.write_table(huge(pq.read_table(io.BytesIO(members(good)["jobs.parquet"]))), file,
                   compression="zstd", use_dictionary=False)  # fmt: skip
    limits = UnpackLimits(allowance_bytes=1 << 20)
    told = outcome(context, packed(found | {"jobs.parquet": file.getvalue()}), limits)
    assert isinstance(told, str)
    assert "more than a backup holds" in told
