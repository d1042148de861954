"""A drive and a ferry over 180 degrees, in everything that shows it."""

import csv
import io
import json
import os
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import geopandas
import httpx
import numpy as np
import pytest
import shapely
import sqlalchemy as sa

from trackflow.context import Context
from trackflow.exports.writing import ExportFormat, ExportSubject, LineSource, RowFilter, export
from trackflow.geo import polylines
from trackflow.geo.distance import METRES_PER_DEGREE
from trackflow.geo.points import Points
from trackflow.store.catalogue.tables import catalogue_tracks
from trackflow.store.tables import tracks
from trackflow.usecases.days.run import run
from trackflow.usecases.places.visits import update_visits
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import NOON, batch_of_device, deliver, open_context

pytestmark = pytest.mark.xdist_group("antimeridian")

LAT = -16.8
EVERY_US = 20_000_000
STAY_LON = -179.9995


def fiji() -> Points:
    """East over 180 degrees at 50 km/h, a stay just behind it, and back again."""
    scale = METRES_PER_DEGREE * np.cos(np.radians(LAT))
    step = 14 * 20 / scale
    there = 179.95 + step * np.arange(19)
    there = np.append(there[there < STAY_LON + 360], STAY_LON + 360)
    stay = np.full(60, STAY_LON + 360)
    back = STAY_LON + 360 - step * np.arange(1, 20)
    lon = np.concatenate([there, stay, back])
    time_us = int(NOON.timestamp()) * 1_000_000 + EVERY_US * np.arange(len(lon))
    rng = np.random.default_rng(1)
    lat = LAT + rng.normal(0, 1e-5, len(lon))
    return Points.of(time_us, (lon + 180) % 360 - 180, lat)


@pytest.fixture(scope="module")
def context(
    shared_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Context]:
    with open_context(shared_database_url, tmp_path_factory.mktemp("fiji")) as opened:
        deliver(opened.store, batch_of_device("d", fiji()))
        run(opened)
        yield opened


@pytest.fixture(scope="module")
def api(context: Context) -> Iterator[httpx.Client]:
    with running_api(context) as client:
        yield client


def ask(api: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def check(geometry: dict[str, Any]) -> None:
    """Two parts that meet on either side of 180 degrees, none of them long."""
    assert geometry["type"] == "MultiLineString"
    one, other = geometry["coordinates"]
    assert abs(one[-1][0]) == 180
    assert other[0] == [-one[-1][0], one[-1][1]]
    for part in (one, other):
        longitudes = [lon for lon, _ in part]
        assert max(longitudes) - min(longitudes) < 1
        assert all(-180 <= lon <= 180 for lon in longitudes)


@pytest.mark.parametrize("simplify_m", [0, 1, 30, 1000])
@pytest.mark.parametrize("line", ["matched", "raw"])
def test_lines_of_the_api_are_cut(api: httpx.Client, line: str, simplify_m: float) -> None:
    found = ask(api, "/api/v1/tracks", line=line, simplify_m=simplify_m)["features"]
    assert len(found) == 2
    for feature in found:
        check(feature["geometry"])
        one = ask(api, f"/api/v1/tracks/{feature['id']}")
        check(one["geometry"])
        check(one["raw"])
        assert 4000 < one["properties"]["distance_m"] < 6000


@pytest.mark.parametrize(
    ("bbox", "count"),
    [
        ("179.9,-17,-179.9,-16", 2),
        ("179.9,-17,180.1,-16", 2),
        ("-180.1,-17,-179.9,-16", 2),
        ("179.96,-17,179.97,-16", 2),
        ("-179.9997,-17,-179.9,-16", 2),
        ("-179.9,-17,179.9,-16", 0),
        ("-180,-90,180,90", 2),
        ("179.9,-16,-179.9,-15", 0),
    ],
)
def test_boxes_over_180_degrees_find_it(api: httpx.Client, bbox: str, count: int) -> None:
    assert len(ask(api, "/api/v1/tracks", bbox=bbox)["features"]) == count


def test_the_stay_is_a_stop_where_it_was(api: httpx.Client) -> None:
    (stop,) = ask(api, "/api/v1/stops")["features"]
    lon, lat = stop["geometry"]["coordinates"]
    assert (lon, lat) == (pytest.approx(STAY_LON, abs=1e-3), pytest.approx(LAT, abs=1e-3))
    assert stop["properties"]["duration_s"] > 1000


def test_the_stay_is_a_visit_of_a_race_track_on_the_other_side(context: Context) -> None:
    with context.store.write() as connection:
        connection.execute(
            sa.insert(catalogue_tracks).values(
                source="file",
                slug="fiji",
                name="Fiji",
                longitude=179.9995,
                latitude=LAT,
                created_at=NOON,
                updated_at=NOON,
            )
        )
    update_visits(context)
    file = io.BytesIO()
    assert export(context, ExportSubject.VISITS, ExportFormat.CSV, RowFilter(), file) == 1


def test_bounds_are_on_both_sides(context: Context) -> None:
    with context.store.read() as connection:
        for row in connection.execute(sa.select(tracks)):
            assert row.west > 179
            assert row.east < -179


def exported(
    context: Context, file_format: ExportFormat, what: ExportSubject, line: LineSource | None = None
) -> bytes:
    file = io.BytesIO()
    export(context, what, file_format, RowFilter(), file, line)
    return file.getvalue()


@pytest.mark.parametrize("line", list(LineSource))
def test_exports_are_cut(context: Context, line: LineSource) -> None:
    for feature in json.loads(exported(context, ExportFormat.GEOJSON, ExportSubject.TRACKS, line))[
        "features"
    ]:
        check(feature["geometry"])
    content = exported(context, ExportFormat.GEOPARQUET, ExportSubject.TRACKS, line)
    for shape in geopandas.read_parquet(io.BytesIO(content)).geometry:
        check(json.loads(shapely.to_geojson(shape)))
    rows = csv.DictReader(
        io.StringIO(exported(context, ExportFormat.CSV, ExportSubject.TRACKS, line).decode())
    )
    for row in rows:
        lon, _ = polylines.decode(row["encoded_polyline"])
        assert np.all(np.abs(lon) <= 180)


@pytest.mark.parametrize(
    ("what", "line", "own_points"),
    [
        (ExportSubject.TRACKS, LineSource.MATCHED, False),
        (ExportSubject.TRACKS, LineSource.RAW, True),
        (ExportSubject.POINTS, None, True),
    ],
)
def test_gpx_is_cut(
    context: Context, what: ExportSubject, line: LineSource | None, own_points: bool
) -> None:
    text = exported(context, ExportFormat.GPX, what, line)
    gpx = "{http://www.topografix.com/GPX/1/1}"
    count = 0
    for part in ET.fromstring(text).iter(f"{gpx}trkseg"):
        longitudes = [float(point.attrib["lon"]) for point in part.iter(f"{gpx}trkpt")]
        assert max(longitudes) - min(longitudes) < 1
        count += len(longitudes)
        if not own_points:
            assert 180 in map(abs, longitudes)
    assert len(list(ET.fromstring(text).iter(f"{gpx}trkseg"))) >= 3
    if what is ExportSubject.POINTS:
        assert count == len(fiji()), "every point is there, and nothing that was not reported"


def test_the_drive_and_the_ferry_of_the_cases(tmp_path: Path, test_data: Path) -> None:
    path = test_data.parent / "cases" / "tracks" / "fiji.csv"
    if not path.is_file():
        pytest.skip(f"no {path}")
    from trackflow.usecases.intake.importing import import_paths

    with open_context(f"sqlite:///{tmp_path / os.urandom(4).hex()}.db", tmp_path) as context:
        import_paths(context, [path])
        run(context)
        with running_api(context) as api:
            found = ask(api, "/api/v1/tracks")["features"]
        crossing = [f for f in found if f["geometry"]["type"] == "MultiLineString"]
        assert crossing
        for feature in crossing:
            check(feature["geometry"])
