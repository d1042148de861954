"""What trackflow's matching is compared with: OSRM asked in two plain ways, and Valhalla.

Each is given the same points and the same roads. OSRM comes through trackflow's own thin engine,
with nothing of its matching around it.
"""

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polyline_rs
import valhalla

from trackflow.geo.points import Points
from trackflow.geo.scoring import Line
from trackflow.matching.engines.protocol import Engine, MatchRequest
from trackflow.matching.thinning import to_metres

BATCH_S = 300
BATCH_RADIUS_M = 15.0
APART_M = 25.0
WHOLE_RADIUS_M = 10.0


def osrm_in_batches(engine: Engine, points: Points) -> list[Line]:
    """Clock-aligned batches of 300 s with one point in common, nothing before and after."""
    batch = points.time_us // (BATCH_S * 1_000_000)
    starts = [*np.flatnonzero(np.diff(batch, prepend=-1)).tolist(), len(points)]
    lines: list[Line] = []
    for low, high in pairwise(starts):
        lines += _asked(engine, points[slice(low, high + 1)], BATCH_RADIUS_M, "split")
    return lines


def osrm_whole_trip(engine: Engine, points: Points) -> list[Line]:
    """One request for the whole trip: points at least 25 m apart, radius 10 m, gaps bridged."""
    x, y = to_metres(points)
    kept = [0]
    for k in range(1, len(points)):
        if np.hypot(x[k] - x[kept[-1]], y[k] - y[kept[-1]]) >= APART_M:
            kept.append(k)
    return _asked(engine, points[np.array(kept)], WHOLE_RADIUS_M, "ignore")


def _asked(engine: Engine, points: Points, radius_m: float, gaps: Any) -> list[Line]:
    seconds = points.time_us // 1_000_000
    points = points[np.diff(seconds, prepend=seconds[:1] - 1) > 0]  # equal seconds match nothing
    if len(points) < 2:
        return []
    request = MatchRequest(
        points.lon,
        points.lat,
        points.time_us // 1_000_000,
        np.full(len(points), radius_m),
        gaps=gaps,
    )
    return [(m.lon, m.lat) for m in engine.match(request).matchings]


VALHALLA_MEILI = {
    "breakage_distance": 20_000,
    "interpolation_distance": 10,
    "max_route_distance_factor": 5,
    "max_route_time_factor": 5,
    "turn_penalty_factor": 100,
}


class Valhalla:
    """Valhalla on tiles of one extract, which are built if `folder` holds none.

    Its own way to begin and to end a leg is at the points, as ours. As it is installed it breaks
    at 2 km between points, and does not search far; `VALHALLA_MEILI` lets it.
    """

    def __init__(self, extract: Path, folder: Path) -> None:
        tiles = folder / "tiles"
        tiles.mkdir(parents=True, exist_ok=True)
        config: dict[str, Any] = valhalla.get_config(tile_extract="", tile_dir=str(tiles))
        config["meili"]["default"] |= VALHALLA_MEILI
        config["meili"]["auto"] |= VALHALLA_MEILI
        config["service_limits"]["trace"] |= {"max_distance": 5e6, "max_shape": 100_000}
        config["logging"] = {"type": ""}
        for name in ("admin", "timezone", "landmarks"):
            config["mjolnir"].pop(name, None)
        saved = folder / "valhalla.json"
        saved.write_text(json.dumps(config))
        if not any(tiles.iterdir()):
            program = Path(valhalla.PYVALHALLA_DIR) / "bin" / "valhalla_build_tiles"
            command = [str(program), "-c", str(saved), "-j", "1", str(extract)]
            subprocess.run(command, check=True, capture_output=True)
        self._actor = valhalla.Actor(str(saved))

    def match(self, points: Points) -> list[Line]:
        """The whole trip in one request."""
        shape = [
            {"lat": lat, "lon": lon, "time": t}
            for lat, lon, t in zip(
                points.lat.tolist(),
                points.lon.tolist(),
                (points.time_us / 1e6).tolist(),
                strict=True,
            )
        ]
        request = {
            "shape": shape,
            "costing": "auto",
            "shape_match": "map_snap",
            "directions_type": "none",
            "use_timestamps": False,
        }
        try:
            answer = json.loads(self._actor.trace_route(json.dumps(request)))
        except RuntimeError:  # its way to say "no match"
            return []
        trips = [answer["trip"], *(other["trip"] for other in answer.get("alternates", []))]
        return [_line(leg["shape"]) for trip in trips for leg in trip["legs"]]


def _line(encoded: str) -> Line:
    pairs = np.array(polyline_rs.decode_latlon(encoded, 6), dtype=np.float64).reshape(-1, 2)
    return pairs[:, 1], pairs[:, 0]
