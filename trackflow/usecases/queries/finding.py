"""Search: devices, places, named tracks, streets, towns, days and positions as people call them.

No service is asked. Streets are those of the road networks' extracts, towns those of the whole
world; both come with files that are there already.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from trackflow.basemap.names import NamedThing, NameFile
from trackflow.context import Context, base_map_folder
from trackflow.errors import BadInputError
from trackflow.geo.bbox import Bbox
from trackflow.geo.calendar_days import begin_of
from trackflow.geo.distance import METRES_PER_DEGREE, haversine_m
from trackflow.geo.spoken_days import days_meant
from trackflow.geo.spoken_positions import position_meant
from trackflow.geo.time import ONE_DAY
from trackflow.places.towns import Town, load_towns
from trackflow.store.days import track_notes
from trackflow.store.roads import networks
from trackflow.usecases.places.reading import list_places
from trackflow.usecases.queries.devices import list_devices
from trackflow.words import folded, rank, signs

LONGEST = 200
"""Characters of a search."""

type Position = tuple[float, float]
"""Longitude and latitude in degrees."""


@dataclass(frozen=True, slots=True)
class Found:
    """Something that a search found.

    Attributes:
        group: device, place, track, street, town, day or position.
        name: what it is called.
        about: what tells it from others of the same name: a town, a group, a kind.
        id: of a device, place or track; None for others.
        position: where it is; None where that is not known.
        bbox: what to show of a map; None for a position alone.
        start_time: of a track or of days, UTC; None for others.
        end_time: the same; of days not included.
        first_day: of days; None for others.
        last_day: the same, included.
    """

    group: str
    name: str
    about: str = ""
    id: str | None = None
    position: Position | None = None
    bbox: Bbox | None = None
    start_time: dt.datetime | None = None
    end_time: dt.datetime | None = None
    first_day: dt.date | None = None
    last_day: dt.date | None = None


type _Ranked = tuple[int, Found]
type _Ranking = Callable[..., int | None]


def find(
    context: Context, text: str, near: Position | None = None, limit: int = 8
) -> dict[str, list[Found]]:
    """What fits a text, the best first, by group; groups without anything are left out.

    Args:
        context: the store, the settings and the clock.
        text: what people call it; case and accents do not count.
        near: of equal names the nearest to here is first; None for no order by distance.
        limit: the largest number in each group.

    Raises:
        BadInputError: the text is too long.
    """
    if len(text) > LONGEST:
        raise BadInputError(f"what is looked for has at most {LONGEST} characters")
    wanted = folded(text)
    found: dict[str, list[Found]] = {
        "day": _days(context, text)[:limit],
        "position": _positions(text),
    }
    groups: dict[str, Iterable[_Ranked]] = {}
    if wanted or signs(text):
        rank_of = _ranking(text)
        groups |= {
            "device": _devices(context, rank_of),
            "place": _places(context, rank_of),
            "track": _tracks(context, rank_of, limit),
        }
    if wanted:
        groups |= {"street": _streets(context, wanted), "town": _towns(wanted)}
    for group, ranked in groups.items():
        found[group] = _best(ranked, near, limit)
    return {group: some for group, some in found.items() if some}


def _best(ranked: Iterable[_Ranked], near: Position | None, limit: int) -> list[Found]:
    every = list(ranked)
    away = [0.0] * len(every)
    if near is not None and every:
        places = np.array([one.position or near for _, one in every], dtype=np.float64)
        away = haversine_m(
            places[:, 0], places[:, 1], np.array(near[0]), np.array(near[1])
        ).tolist()
    order = sorted(range(len(every)), key=lambda k: (every[k][0], away[k]))
    return [every[k][1] for k in order[:limit]]


def _devices(context: Context, rank_of: _Ranking) -> Iterator[_Ranked]:
    for device in list_devices(context):
        look = device.look
        how = rank_of(device.device_id, look.name, look.group)
        if how is not None:
            is_there = device.longitude is not None and device.latitude is not None
            yield (
                how,
                Found(
                    "device",
                    look.name or device.device_id,
                    look.group or ("" if look.name is None else device.device_id),
                    device.device_id,
                    (device.longitude, device.latitude) if is_there else None,  # type: ignore[arg-type]
                ),
            )


def _places(context: Context, rank_of: _Ranking) -> Iterator[_Ranked]:
    for row in list_places(context):
        how = rank_of(row.name, row.kind)
        if how is not None:
            where = (row.longitude, row.latitude)
            about = row.kind if row.device_id is None else f"{row.kind} of {row.device_id}"
            box = _box_around(where, row.radius_m)
            yield how, Found("place", row.name, about, str(row.place_id), where, box)


def _tracks(context: Context, rank_of: _Ranking, limit: int) -> Iterator[_Ranked]:
    """Tracks by their names and notes; the newest first."""
    with context.store.read() as connection:
        ranked = [
            (how, note)
            for note in track_notes.read_all(connection)
            if (how := rank_of(note.name, note.note)) is not None
        ]
        ranked.sort(key=lambda pair: pair[1].start_time, reverse=True)
        ranked.sort(key=lambda pair: pair[0])
        for how, note in ranked[:limit]:
            track = track_notes.track_of(connection, note)
            if track is not None:
                yield (
                    how,
                    Found(
                        "track",
                        note.name or (note.note or "").partition("\n")[0],
                        note.device_id,
                        str(track.track_id),
                        start_time=track.start_time,
                        end_time=track.end_time,
                    ),
                )


def _streets(context: Context, wanted: str) -> Iterator[_Ranked]:
    """Names of all road networks' extracts; one that two extracts have is there once."""
    home = context.settings.home.absolute()
    seen: dict[NamedThing, int] = {}
    with context.store.read() as connection:
        versions = networks.all_versions(connection)
    for version in versions:
        try:
            with NameFile(base_map_folder(home, version)) as names:
                for how, thing in names.find(wanted):
                    seen.setdefault(thing, how)
        except FileNotFoundError:
            continue
    for thing, how in seen.items():
        town = load_towns().at(*thing.middle)
        about = ", ".join([*([] if thing.kind == "street" else [thing.kind]), *_town_name(town)])
        # streets before stations and parks of the same name, as most look for them
        yield (
            2 * how + (thing.kind != "street"),
            Found("street", thing.name, about, position=thing.middle, bbox=thing.bbox),
        )


def _town_name(town: Town | None) -> list[str]:
    return [] if town is None else [town.name]


@cache
def _town_words() -> list[tuple[str, Town]]:
    every = (town for some in load_towns().squares.values() for town in some)
    return sorted(
        ((folded(town.name), town) for town in every), key=lambda pair: -pair[1].population
    )


def _towns(wanted: str) -> Iterator[_Ranked]:
    """Towns, larger ones first where names fit equally well."""
    for word, town in _town_words():
        # one comparison for most of a hundred thousand
        if wanted.partition(" ")[0] in word and (how := rank(word, wanted)) is not None:
            where = (town.lon, town.lat)
            yield 100 * how + _smallness(town), Found(
                "town", town.name, town.country, position=where,
                bbox=_box_around(where, town.reach_m),
            )  # fmt: skip


def _smallness(town: Town) -> int:
    """0 for the largest towns, one more for each halving."""
    return max(0, 26 - max(town.population, 1).bit_length())


def _days(context: Context, text: str) -> list[Found]:
    zone = context.settings.zone
    found = []
    for span in days_meant(text, context.clock().astimezone(zone).date()):
        is_one = span.first == span.last
        name = f"{span.first}" if is_one else f"{span.first} to {span.last}"
        found.append(
            Found(
                "day",
                name,
                context.settings.time_zone,
                start_time=begin_of(span.first, zone),
                end_time=begin_of(span.last + ONE_DAY, zone),
                first_day=span.first,
                last_day=span.last,
            )
        )
    return found


def _positions(text: str) -> list[Found]:
    """The place that coordinates name."""
    if (where := position_meant(text)) is None:
        return []
    name = f"{where[1]:.5f}, {where[0]:.5f}"
    town = load_towns().at(*where)
    return [Found("position", name, town.name if town else "", position=where)]


def _ranking(text: str) -> _Ranking:
    """How well the best of some names fits a text: one of signs alone, such as 🚌, by these."""
    compared = folded if folded(text) else signs
    wanted = compared(text)

    def rank_of(*names: str | None) -> int | None:
        ranks = [rank(compared(name), wanted) for name in names if name]
        return min((one for one in ranks if one is not None), default=None)

    return rank_of


def _box_around(where: Position, radius_m: float) -> Bbox:
    """A box to show; at poles and the antimeridian it may leave out a part."""
    high = radius_m / METRES_PER_DEGREE
    wide = high / max(float(np.cos(np.radians(where[1]))), 0.01)
    return Bbox(
        max(where[0] - wide, -180.0), max(where[1] - high, -90.0),
        min(where[0] + wide, 180.0), min(where[1] + high, 90.0),
    )  # fmt: skip
