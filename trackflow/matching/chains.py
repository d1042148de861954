"""The pieces of road of a window and what lies between them, as one line."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from trackflow.matching.pieces import Piece, Trace


@dataclass(slots=True)
class Chain:
    """A whole line with its anchors, while it is built.

    Attributes:
        lon: degrees, of each vertex of the line.
        lat: degrees, of each vertex.
        points: indices of the points of the trace that lie on the line, in order.
        vertex: for each of `points`, the index of its vertex.
        on_road: for each step between two neighbours of `points`, whether it follows a road.
    """

    lon: list[float] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    points: list[int] = field(default_factory=list)
    vertex: list[int] = field(default_factory=list)
    on_road: list[bool] = field(default_factory=list)

    @classmethod
    def of(cls, trace: Trace, pieces: Sequence[Piece]) -> "Chain":
        """One line of all pieces, straight from point to point where there is none."""
        chain = cls()
        starts = {piece.points[0]: piece for piece in pieces}
        skip_to = -1
        for k in trace.kept:
            if k <= skip_to:
                continue
            if piece := starts.get(k):
                chain.add_piece(piece)
                skip_to = piece.points[-1]
            else:
                chain.add_point(k, float(trace.points.lon[k]), float(trace.points.lat[k]))
        return chain

    def add_piece(self, piece: Piece) -> None:
        """Go on with a stretch of road."""
        base, low, high = len(self.lon), piece.vertex[0], piece.vertex[-1] + 1
        self.on_road += [False] * bool(self.points) + [True] * (len(piece.points) - 1)
        self.lon += piece.lon[low:high].tolist()
        self.lat += piece.lat[low:high].tolist()
        self.points += piece.points
        self.vertex += [base + v - low for v in piece.vertex]

    def add_point(self, k: int, lon: float, lat: float) -> None:
        """Go on straight to a point."""
        self.on_road += [False] * bool(self.points)
        self.vertex.append(len(self.lon))
        self.points.append(k)
        self.lon.append(lon)
        self.lat.append(lat)
