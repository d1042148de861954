"""Formats: points per second of each, read alone and through the whole door into SQLite.

One file per format of the same drive, as its makers write it; rates are those of one processor,
less what an import of a hundred points takes. Beside them, in the same run, what others need to
read the same file: gpxpy, fitdecode, pandas (a CSV to columns, its times parsed) and ijson (JSON
element by element). They check, convert and store nothing.
"""

import itertools
import json
import struct
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import fitdecode
import gpxpy
import ijson
import numpy as np
import pandas as pd
import pyarrow as pa

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.sources.readers import discover, read
from trackflow.usecases.intake.importing import import_paths

START_S = 1_767_225_600
FIT_EPOCH_S = 631_065_600
FEW = 100
SEMICIRCLE = 2**31 / 180

type Drive = list[tuple[str, int, float, float, float, float]]
"""Time as ISO and in seconds since 1970, latitude, longitude, altitude and speed."""


def run(points: int = 100_000) -> dict[str, float | int | str]:
    """Points per second by format."""
    found: dict[str, float | int | str] = {"points": points}
    drive = _drive(points)
    with tempfile.TemporaryDirectory() as folder:
        _imported(_written(Path(folder), "start.csv", _csv, drive[:FEW]))  # loads what all need
        for name, (file_name, writer) in FILES.items():
            small = _written(Path(folder), file_name, writer, drive[:FEW])
            start_s = min(_imported(small) for _ in range(2))
            path = _written(Path(folder), file_name, writer, drive)
            read_s, import_s = _read(path, points), _imported(path, points) - start_s
            found[f"{name}, read alone"] = points / read_s
            found[f"{name}, imported"] = points / import_s
            for peer, reader in PEERS.get(name, {}).items():
                started = time.process_time()
                assert reader(path) >= points, (peer, name)
                found[f"{name}, {peer} alone"] = points / (time.process_time() - started)
    return found


def _read(path: Path, points: int) -> float:
    (source,) = discover(path)
    started = time.process_time()
    count = sum(len(chunk.points) for chunk in read(source, now_us=2_000_000_000_000_000))
    seconds = time.process_time() - started
    assert count == points, (path.name, count)
    return seconds


def _imported(path: Path, points: int = FEW) -> float:
    with (
        tempfile.TemporaryDirectory() as home,
        Context.open(Settings(home=Path(home) / "home")) as context,
    ):
        started = time.process_time()
        report = import_paths(context, [path])
        seconds = time.process_time() - started
        assert report.accepted.added == points, (path.name, report)
        return seconds


def _written(
    folder: Path, name: str, writer: Callable[[Drive], Iterator[str | bytes]], drive: Drive
) -> Path:
    path = folder / name
    with path.open("wb") as file:
        file.writelines(p.encode() if isinstance(p, str) else p for p in writer(drive))
    return path


def _drive(points: int) -> Drive:
    rng = np.random.default_rng(1)
    times = START_S + np.arange(points)
    stamps = np.datetime_as_string(times.astype("datetime64[s]"), timezone="UTC")
    lat = (60.17 + np.cumsum(rng.normal(0, 1e-5, points))).round(7)
    lon = (24.94 + np.cumsum(rng.normal(0, 1e-5, points))).round(7)
    altitude_m = rng.normal(20, 5, points).round(1)
    speed_ms = rng.uniform(0, 20, points).round(2)
    columns = (stamps, times, lat, lon, altitude_m, speed_ms)
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _joined(elements: Iterator[object], head: str, tail: str) -> Iterator[str]:
    yield head
    for number, element in enumerate(elements):
        yield ("," if number else "") + json.dumps(element, separators=(",", ":"))
    yield tail


def _csv(drive: Drive) -> Iterator[str]:
    yield "device_id,recorded_at,latitude,longitude,altitude_m,speed_ms\n"
    for stamp, _, lat, lon, altitude_m, speed_ms in drive:
        yield f"van,{stamp},{lat},{lon},{altitude_m},{speed_ms}\n"


def _gpx(drive: Drive) -> Iterator[str]:
    yield '<?xml version="1.0"?>\n<gpx version="1.1" creator="x"><trk><name>a</name><trkseg>\n'
    for stamp, _, lat, lon, altitude_m, _ in drive:
        yield (
            f'   <trkpt lat="{lat}" lon="{lon}">\n    <ele>{altitude_m}</ele>\n'
            f"    <time>{stamp}</time>\n   </trkpt>\n"
        )
    yield "</trkseg></trk></gpx>\n"


def _gpx_extended(drive: Drive) -> Iterator[str]:
    yield '<gpx version="1.1" creator="x" xmlns:gpxtpx="x"><trk><name>a</name><trkseg>\n'
    for index, (stamp, _, lat, lon, altitude_m, speed_ms) in enumerate(drive):
        pulse = "" if index % 50 == 0 else "<gpxtpx:hr>120</gpxtpx:hr>"  # a strap that slips
        yield (
            f'<trkpt lat="{lat}" lon="{lon}"><ele>{altitude_m}</ele><time>{stamp}</time>'
            f"<extensions><gpxtpx:TrackPointExtension>{pulse}<gpxtpx:speed>{speed_ms}"
            "</gpxtpx:speed></gpxtpx:TrackPointExtension></extensions></trkpt>\n"
        )
    yield "</trkseg></trk></gpx>\n"


def _tcx(drive: Drive) -> Iterator[str]:
    yield "<TrainingCenterDatabase><Activities><Activity><Lap><Track>\n"
    for stamp, _, lat, lon, altitude_m, speed_ms in drive:
        yield (
            f"<Trackpoint><Time>{stamp}</Time><Position><LatitudeDegrees>{lat}</LatitudeDegrees>"
            f"<LongitudeDegrees>{lon}</LongitudeDegrees></Position>"
            f"<AltitudeMeters>{altitude_m}</AltitudeMeters><Extensions><ns3:TPX><ns3:Speed>"
            f"{speed_ms}</ns3:Speed></ns3:TPX></Extensions></Trackpoint>\n"
        )
    yield "</Track></Lap></Activity></Activities></TrainingCenterDatabase>"


def _kml(drive: Drive) -> Iterator[str]:
    yield "<kml><Document><Placemark><gx:Track>\n"
    for stamp, _, lat, lon, altitude_m, _ in drive:
        yield f"<when>{stamp}</when>\n<gx:coord>{lon} {lat} {altitude_m}</gx:coord>\n"
    yield "</gx:Track></Placemark></Document></kml>"


def _kml_placemarks(drive: Drive) -> Iterator[str]:
    yield "<kml><Document>\n"
    for stamp, _, lat, lon, altitude_m, _ in drive:
        yield (
            f"<Placemark><TimeStamp><when>{stamp}</when></TimeStamp><Point><coordinates>{lon},"
            f"{lat},{altitude_m}</coordinates></Point></Placemark>\n"
        )
    yield "</Document></kml>"


def _rec(drive: Drive) -> Iterator[str]:
    for stamp, second, lat, lon, altitude_m, speed_ms in drive:
        message = {
            "_type": "location", "tid": "ab", "tst": second, "lat": lat, "lon": lon, "acc": 10,
            "alt": int(altitude_m), "vel": int(speed_ms), "batt": 80, "conn": "w",
        }  # fmt: skip
        yield f"{stamp}\t*                 \t{json.dumps(message)}\n"


def _geojson(drive: Drive) -> Iterator[str]:
    features = (
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat, altitude_m]},
            "properties": {"time": stamp, "speed": speed_ms, "device_id": "van"},
        }
        for stamp, _, lat, lon, altitude_m, speed_ms in drive
    )
    return _joined(features, '{"type":"FeatureCollection","features":[', "]}")


def _line(drive: Drive) -> Iterator[str]:
    times = json.dumps([row[0] for row in drive])
    positions = ([row[3], row[2], row[4]] for row in drive)
    head = '{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"coordTimes":'
    return _joined(
        positions, f'{head}{times}}},"geometry":{{"type":"LineString","coordinates":[', "]}}]}"
    )


def _json(drive: Drive) -> Iterator[str]:
    records = (
        {"time": stamp, "lat": lat, "lon": lon, "altitude": altitude_m, "speed": speed_ms}
        for stamp, _, lat, lon, altitude_m, speed_ms in drive
    )
    return _joined(records, "[", "]")


def _records(drive: Drive) -> Iterator[str]:
    locations = (
        {
            "latitudeE7": round(lat * 1e7), "longitudeE7": round(lon * 1e7), "accuracy": 12,
            "altitude": int(altitude_m), "source": "GPS", "deviceTag": 12345, "timestamp": stamp,
        }
        for stamp, _, lat, lon, altitude_m, _ in drive
    )  # fmt: skip
    return _joined(locations, '{"locations":[', "]}")


def _timeline(drive: Drive) -> Iterator[str]:
    signals = (
        {
            "position": {
                "LatLng": f"{lat}°, {lon}°", "accuracyMeters": 12, "altitudeMeters": altitude_m,
                "source": "GPS", "timestamp": stamp, "speedMetersPerSecond": speed_ms,
            }
        }
        for stamp, _, lat, lon, altitude_m, speed_ms in drive
    )  # fmt: skip
    return _joined(signals, '{"semanticSegments":[],"rawSignals":[', "]}")


def _timeline_paths(drive: Drive) -> Iterator[str]:
    segments = (
        {
            "startTime": some[0][0], "endTime": some[-1][0],
            "timelinePath": [
                {"point": f"{lat}°, {lon}°", "time": stamp} for stamp, _, lat, lon, *_ in some
            ],
        }
        for some in itertools.batched(drive, 100)
    )  # fmt: skip
    return _joined(segments, '{"semanticSegments":[', "]}")


def _overland(drive: Drive) -> Iterator[str]:
    features = (
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {
                "timestamp": stamp, "altitude": int(altitude_m), "speed": int(speed_ms),
                "horizontal_accuracy": 5, "motion": ["driving"], "battery_level": 0.8,
                "device_id": "phone", "wifi": "home",
            },
        }
        for stamp, _, lat, lon, altitude_m, speed_ms in drive
    )  # fmt: skip
    return _joined(features, '{"locations":[', "]}")


def _fit(drive: Drive) -> Iterator[bytes]:
    fields = [(253, 4, 0x86), (0, 4, 0x85), (1, 4, 0x85), (2, 2, 0x84), (6, 2, 0x84), (3, 1, 2)]
    body = struct.pack("<BBBHB", 0x40, 0, 0, 20, len(fields))
    body += b"".join(struct.pack("BBB", *field) for field in fields)
    record = struct.Struct("<BIiiHHB")
    body += b"".join(
        record.pack(
            0, second - FIT_EPOCH_S, round(lat * SEMICIRCLE), round(lon * SEMICIRCLE),
            round((altitude_m + 500) * 5), round(speed_ms * 1000), 120,
        )
        for _, second, lat, lon, altitude_m, speed_ms in drive
    )  # fmt: skip
    head = struct.pack("<BBHI4sH", 14, 0x20, 2132, len(body), b".FIT", 0)
    yield head
    yield body
    yield struct.pack("<H", fitdecode.utils.compute_crc(head + body))


FILES: dict[str, tuple[str, Callable[[Drive], Iterator[str | bytes]]]] = {
    "CSV": ("a.csv", _csv),
    "GPX": ("a.gpx", _gpx),
    "GPX with extensions": ("extended.gpx", _gpx_extended),
    "TCX": ("a.tcx", _tcx),
    "KML, a track": ("a.kml", _kml),
    "KML, placemarks": ("placemarks.kml", _kml_placemarks),
    "FIT": ("a.fit", _fit),
    "OwnTracks .rec": ("a.rec", _rec),
    "GeoJSON": ("a.geojson", _geojson),
    "GeoJSON, one line": ("line.geojson", _line),
    "JSON": ("a.json", _json),
    "Google Records": ("Records.json", _records),
    "Google Timeline": ("Timeline.json", _timeline),
    "Google Timeline, paths": ("Paths.json", _timeline_paths),
    "Overland": ("overland.json", _overland),
}


def _gpxpy(path: Path) -> int:
    with path.open() as file:
        return int(gpxpy.parse(file).get_points_no())


def _fitdecode(path: Path) -> int:
    with fitdecode.FitReader(path) as frames:
        return sum(frame.frame_type == fitdecode.FIT_FRAME_DATA for frame in frames)


def _pandas(path: Path) -> int:
    return len(pd.read_csv(path, parse_dates=["recorded_at"]))


def _pandas_arrow(path: Path) -> int:
    table = pd.read_csv(path, engine="pyarrow")
    return len(table.assign(recorded_at=pd.to_datetime(table["recorded_at"])))


def _elements(prefix: str) -> Callable[[Path], int]:
    def read_elements(path: Path) -> int:
        with path.open("rb") as file:
            return sum(1 for _ in ijson.items(file, prefix, use_float=True))

    return read_elements


PEERS: dict[str, dict[str, Callable[[Path], int]]] = {
    "CSV": {"pandas": _pandas, "pandas with pyarrow": _pandas_arrow},
    "GPX": {"gpxpy": _gpxpy},
    "GPX with extensions": {"gpxpy": _gpxpy},
    "FIT": {"fitdecode": _fitdecode},
    "GeoJSON": {"ijson": _elements("features.item")},
    "JSON": {"ijson": _elements("item")},
    "Google Records": {"ijson": _elements("locations.item")},
}

pa.set_cpu_count(1)
