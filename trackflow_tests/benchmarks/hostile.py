"""Hostile files: seconds and peak memory per megabyte of each reader, through the whole door.

Each file is as bad as its format allows: rows that are all wrong, positions of one moment, endless
texts, endless nesting, broken markup. What is read of it is not the point; that it ends soon, in
memory that does not grow with the file, is. Beside each stands a good file of the same format.
Times are those of the import alone, in a process of its own.
"""

import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pandas  # noqa: F401  pyarrow loads it in the middle of an import

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.usecases.intake.importing import import_paths

MEGABYTES = 1
ISO = "2026-01-01T00:00:00Z"

type Pieces = Iterator[str]


def _repeated(head: str, piece: Callable[[int], str], tail: str, size: int) -> Pieces:
    yield head
    done = count = 0
    while done < size:
        text = piece(count)
        count += 1
        done += len(text)
        yield text
    yield tail


def _time(k: int) -> str:
    day = f"2026-{1 + k // 2_419_200 % 12:02}-{1 + k // 86_400 % 28:02}"
    return f"{day}T{k // 3600 % 24:02}:{k // 60 % 60:02}:{k % 60:02}Z"


TRACK = "<gpx><trk><trkseg>"
FILES: dict[str, tuple[str, str, Callable[[int], str], str]] = {
    "csv, good": ("a.csv", "lat,lon,time\n", lambda k: f"60.1,24.9,{_time(k)}\n", ""),
    "csv, every row ragged": ("a.csv", "lat,lon,time\n", lambda k: "x,y,z,w\n", ""),
    "csv, every row bad": ("a.csv", "lat,lon,time\n", lambda k: "x,y,z\n", ""),
    "csv, every time odd": ("a.csv", "lat,lon,time\n", lambda k: f"1,2,{k}-x\n", ""),
    "csv, quotes without end": ("a.csv", "lat,lon,time\n", lambda k: '"1,2,3\n', ""),
    "csv, one moment": ("a.csv", "lat,lon,time\n", lambda k: f"1,{k % 9}.{k:06},{ISO}\n", ""),
    "csv, dates of two readings": (
        "a.csv", "lat,lon,time\n", lambda k: "1,2,01/02/2026 10:00\n", ""),
    "gpx, good": (
        "a.gpx", TRACK,
        lambda k: f'<trkpt lat="1" lon="2"><time>{_time(k)}</time></trkpt>\n', ""),
    "gpx, no times": ("a.gpx", TRACK, lambda k: '<trkpt lat="1" lon="2"/>', ""),
    "gpx, broken everywhere": ("a.gpx", TRACK, lambda k: '<trkpt lat="1" lon=2></x>', ""),
    "gpx, a track per point": (
        "a.gpx", "<gpx>",
        lambda k: f'<trk><trkseg><trkpt lat="1" lon="2"><time>{_time(k)}</time></trkpt></trkseg>'
        "</trk>", "</gpx>"),
    "gpx, tracks at once": (
        "a.gpx", "<gpx>",
        lambda k: f'<trk><trkseg><trkpt lat="1" lon="{k % 180}"><time>{_time(0)}</time></trkpt>'
        f'<trkpt lat="1" lon="{k % 180}"><time>{_time(9)}</time></trkpt></trkseg></trk>', "</gpx>"),
    "gpx, one endless text": ("a.gpx", TRACK + "<name>", lambda k: "x" * 1000, ""),
    "kml, one moment": (
        "a.kml", f"<kml><Placemark><TimeStamp><when>{ISO}</when></TimeStamp><MultiGeometry>",
        lambda k: f"<Point><coordinates>{k % 90}.{k:06},1</coordinates></Point>",
        "</MultiGeometry></Placemark></kml>"),
    "kml, lines without times": (
        "a.kml", "<kml>", lambda k: "<Placemark><LineString/></Placemark>", "</kml>"),
    "kml, times without positions": (
        "a.kml", "<kml><Placemark><Track>", lambda k: f"<when>{ISO}</when>", ""),
    "tcx, no positions": (
        "a.tcx", "<TrainingCenterDatabase><Activity><Track>",
        lambda k: "<Trackpoint></Trackpoint>", ""),
    "json, good": (
        "a.json", "[", lambda k: f'{{"lat":1,"lon":2,"time":"{_time(k)}"}},\n', "{}]"),
    "json, one endless text": ("a.geojson", '[{"lat":"', lambda k: "x" * 1000, ""),
    "json, nested": ("a.geojson", '[{"lat":1,"x":', lambda k: "[" * 1000, ""),
    "json, every element bad": ("a.geojson", "[", lambda k: '{"lat":"x","lon":[]},', "1]"),
    "json, every element broken": ("a.geojson", "[", lambda k: '{"lat":1,,},', "1]"),
    "json, names without end": (
        "a.geojson", "[", lambda k: f'{{"lat":1,"lon":2,"n{k}":1}},', "1]"),
    "geojson, one line": (
        "a.geojson",
        '{"type":"Feature","properties":{},"geometry":{"type":"LineString","coordinates":[',
        lambda k: "[1,2],", "[1,2]]}}"),
    "google, bad records": (
        "Records.json", '{"locations":[{"latitudeE7":1},', lambda k: '{"latitudeE7":"x"},', "1]}"),
    "owntracks, bad lines": ("a.rec", f"{ISO}\t*\t{{}}\n", lambda k: f"{ISO}\t*\t{{x\n", ""),
    "owntracks, blanks": ("a.rec", f"{ISO}\t*\t{{}}\n", lambda k: " " * 1000, ""),
}  # fmt: skip


def run(megabytes: int = MEGABYTES) -> dict[str, float | int | str]:
    """Seconds and megabytes of memory per megabyte of file; "ended" where it was given up."""
    found: dict[str, float | int | str] = {}
    slowest = largest = 0.0
    for name in FILES:
        seconds, peak_mb, error = measured(name, megabytes)
        slowest, largest = max(slowest, seconds / megabytes), max(largest, peak_mb / megabytes)
        ended = ", ended by a message" if error else ""
        found[name] = f"{seconds / megabytes:6.3f} s/MB {peak_mb:6.0f} MB at the peak{ended}"
    found["slowest, s/MB"] = slowest
    found["largest, MB of memory per MB"] = largest
    return found


def measured(name: str, megabytes: float) -> tuple[float, float, str]:
    """Processor seconds, MB of memory beyond that of a small import, and the error if any."""
    file_name, head, piece, tail = FILES[name]
    # forked: what every import loads is loaded once, and each file has a peak of its own
    with (
        tempfile.TemporaryDirectory() as folder,
        ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("fork")) as pool,
    ):
        path = Path(folder) / file_name
        with path.open("w") as file:
            file.writelines(_repeated(head, piece, tail, int(megabytes * 1_000_000)))
        return pool.submit(_imported, path, Path(folder)).result()


def _imported(path: Path, folder: Path) -> tuple[float, float, str]:
    small = folder / "small.csv"
    small.write_text(f"lat,lon,time\n1,2,{ISO}\n")
    with Context.open(Settings(home=folder / "home")) as context:
        import_paths(context, [small])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        report = import_paths(context, [path])
        seconds = time.process_time() - started
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return seconds, peak / 1024, report.files[0].error
