"""Shared by the tests of the readers: bytes to everything that a reader makes of them."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from trackflow.errors import BadInputError
from trackflow.sources.containers.streams import Stream
from trackflow.sources.formats.arc import read_arc
from trackflow.sources.formats.csv import read_csv
from trackflow.sources.formats.excel import read_excel
from trackflow.sources.formats.fit import read_fit
from trackflow.sources.formats.geojson import read_geojson
from trackflow.sources.formats.google import read_google
from trackflow.sources.formats.gpx import read_gpx
from trackflow.sources.formats.home_assistant import read_home_assistant
from trackflow.sources.formats.igc import read_igc
from trackflow.sources.formats.kml import read_kml
from trackflow.sources.formats.nmea import read_nmea
from trackflow.sources.formats.ods import read_ods
from trackflow.sources.formats.overland import read_overland
from trackflow.sources.formats.owntracks import read_owntracks
from trackflow.sources.formats.parquet import read_parquet
from trackflow.sources.formats.photo import read_photo
from trackflow.sources.formats.photo_sidecar import read_photo_sidecar
from trackflow.sources.formats.plt import read_plt
from trackflow.sources.formats.polarsteps import read_polarsteps
from trackflow.sources.formats.samsung import read_samsung
from trackflow.sources.formats.sqlite import read_sqlite
from trackflow.sources.formats.tcx import read_tcx
from trackflow.sources.formats.vbo import read_vbo
from trackflow.sources.readers import Chunk, PointBatch, Refusal, discover, read
from trackflow.sources.recognition import detect

NOW_US = 1_800_000_000_000_000

READERS = {
    "csv": read_csv,
    "gpx": read_gpx,
    "geojson": read_geojson,
    "tcx": read_tcx,
    "kml": read_kml,
    "fit": read_fit,
    "google": read_google,
    "owntracks": read_owntracks,
    "overland": read_overland,
    "excel": read_excel,
    "ods": read_ods,
    "sqlite": read_sqlite,
    "parquet": read_parquet,
    "nmea": read_nmea,
    "igc": read_igc,
    "plt": read_plt,
    "vbo": read_vbo,
    "home_assistant": read_home_assistant,
    "polarsteps": read_polarsteps,
    "samsung": read_samsung,
    "arc": read_arc,
    "photo": read_photo,
    "photo_sidecar": read_photo_sidecar,
}


@dataclass
class Outcome:
    points: PointBatch
    refused: list[Refusal]
    error: str = ""
    skipped: Counter[str] = field(default_factory=Counter)
    naive: int = 0

    @property
    def rows(self) -> list[tuple[object, ...]]:
        return list(self.points.rows())

    @property
    def reasons(self) -> list[str]:
        return [refusal.reason.value for refusal in self.refused]


def gather(chunks) -> Outcome:
    found: list[Chunk] = []
    error = ""
    try:
        found.extend(chunks)  # keeps what came before an error
    except BadInputError as problem:
        error = str(problem)
    return Outcome(
        PointBatch.concat(c.points for c in found),
        [r for c in found for r in c.refused],
        error,
        sum((Counter(c.skipped) for c in found), Counter()),
        sum(c.naive for c in found),
    )


def stream_of(data: bytes, name: str = "file") -> Stream:
    pieces = [data[i : i + 65_536] for i in range(0, len(data), 65_536)]
    stream = Stream(name, iter(pieces), lambda: len(data), lambda: None)
    stream.again = lambda: stream_of(data, name)
    return stream


def read_bytes(
    data: bytes,
    kind: str,
    *,
    device_id: str | None = None,
    name: str = "file",
    fallback_device: str = "stem",
    **more,
) -> Outcome:
    return gather(
        READERS[kind](
            stream_of(data, name),
            device_id=device_id,
            fallback_device=fallback_device,
            now_us=NOW_US,
            **more,
        )
    )


def read_any(data: str | bytes, name: str = "file.csv", **more) -> Outcome:
    """What the reader that recognises it makes of a file."""
    plain = data.encode() if isinstance(data, str) else data
    return read_bytes(plain, detect(plain[:65_536], name), **more)


def only_row(data: str | bytes, name: str = "file.csv", **more):
    """The one point of a file of which nothing is refused."""
    found = read_any(data, name, **more)
    assert (found.error, found.reasons) == ("", [])
    (row,) = found.rows
    return row


def read_path(path: Path, **more) -> dict[str, Outcome]:
    return {
        source.name: gather(read(source, now_us=NOW_US, **more))
        for source in discover(path)
        if not source.skipped
    }


def first_four(found: Outcome) -> list[tuple]:
    """Device, time, longitude and latitude of what was read."""
    return [row[:4] for row in found.rows]


def whole_seconds(rows) -> list[tuple]:
    """What `first_four` finds where times were written without their fractions."""
    return [(device, second * 1_000_000, lon, lat) for device, second, _, lat, lon in rows]


seconds = st.integers(946_684_800, 1_790_000_000)
millionths = st.integers(0, 999_999)
lats = st.integers(-900_000_000, 900_000_000).map(lambda e7: e7 / 1e7)
lons = st.integers(-1_800_000_000, 1_800_000_000).map(lambda e7: e7 / 1e7)
points = st.tuples(
    st.sampled_from(["bus 7", "müller", "x", "0042"]), seconds, millionths, lats, lons
).filter(lambda p: (p[3], p[4]) != (0, 0))
