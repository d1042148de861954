"""What is known of a race track: as a source wrote it, checked, and as it is stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any


class Activity(StrEnum):
    """What goes on at a track right now."""

    RACING = "racing"
    PRACTICE = "practice"


@dataclass(frozen=True, slots=True)
class ListedTrack:
    """One row of a source's list, as written there.

    Attributes:
        slug: the key: unique within its source, while names are not.
        name: None where the row has none.
        url: where the track's own page is.
        raw: further fields by the names of `CatalogueTrack`, as text.
        is_complete: whether `raw` holds all that the source knows, so that there is no page of the
            track's own to be fetched.
    """

    slug: str
    name: str | None
    url: str = ""
    raw: Mapping[str, str | None] = field(default_factory=dict)
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class Listing:
    """A source's list as it came.

    Attributes:
        rows: in the order of the source, one per slug.
        anomalies: rows that could not be used, slugs listed twice, and the like.
        row_count: rows that the source wrote, usable or not.
        is_whole: whether the list ends as a complete one does; a cut-off one does not.
    """

    rows: tuple[ListedTrack, ...]
    anomalies: tuple["Anomaly", ...] = ()
    row_count: int = 0
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class Details:
    """What a track's own page says, as text by the names of `CatalogueTrack`'s fields.

    A field that the page does not have is missing or None; "N/A" is left as it is written.
    """

    raw: Mapping[str, str | None]
    anomalies: tuple["Anomaly", ...] = ()


@dataclass(frozen=True, slots=True)
class Anomaly:
    """Something that a source wrote and that makes no sense; the field counts as unknown.

    Attributes:
        slug: of the track, "" for something about the list itself.
        field: of `CatalogueTrack`, or "row".
        value: what was written, shortened.
        reason: what is wrong with it, in words.
    """

    slug: str
    field: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True)
class CatalogueTrack:
    """A race track. Every field but the slug and the name may be unknown (None).

    Attributes:
        slug: the key within its source.
        name: not unique.
        url: the track's own page at the source.
        series_code: code of the race series that the list gives.
        activity: what goes on right now; with `event_name`, of the race that is running.
        has_video: whether there is video right now.
        is_featured: whether the source recommends it.
        address: street lines, one per line.
        city: with what stands on its line, such as "Leeds, LS1 4AP".
        country: its English name.
        country_code: ISO 3166-1 alpha-2.
        phone: in E.164, such as "+441132345678".
        email: normalised.
        website: with http:// or https://.
        map_query: what the page's map looks for.
        logo_url: of the track's logo.
        longitude: WGS 84, degrees; together with `latitude` or not at all.
        latitude: WGS 84, degrees.
        laps: recorded in the track's lifetime, as are the four counts after it.
        practice_sessions: see `laps`.
        races: see `laps`.
        entries: see `laps`.
        events: see `laps`.
        results_this_month: as are the two counts after it.
        sessions_this_month: see `results_this_month`.
        videos_this_month: see `results_this_month`.
    """

    slug: str
    name: str
    url: str | None = None
    series_code: str | None = None
    activity: str | None = None
    event_name: str | None = None
    has_video: bool | None = None
    is_featured: bool | None = None
    address: str | None = None
    city: str | None = None
    country: str | None = None
    country_code: str | None = None
    phone: str | None = None
    email: str | None = None
    website: str | None = None
    map_query: str | None = None
    logo_url: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    laps: int | None = None
    practice_sessions: int | None = None
    races: int | None = None
    entries: int | None = None
    events: int | None = None
    results_this_month: int | None = None
    sessions_this_month: int | None = None
    videos_this_month: int | None = None

    @property
    def address_query(self) -> str | None:
        """What to ask a geocoder: the address, or what the page's map looks for.

        A country alone is no address: its middle would pass for the track's place.
        """
        lines = [*(self.address or "").splitlines(), self.city or ""]
        known = [line.strip() for line in lines if line.strip()]
        if not known:
            return " ".join((self.map_query or "").split()) or None
        return ", ".join([*known, self.country] if self.country else known)


@dataclass(frozen=True, slots=True)
class StoredTrack:
    """A track as the store has it.

    Attributes:
        track: what was last known.
        is_active: whether the source lists it.
        misses: complete listings in a row that did not have it.
    """

    track: CatalogueTrack
    is_active: bool = True
    misses: int = 0


FIELDS = tuple(f.name for f in fields(CatalogueTrack))
"""All fields, the slug first."""

LIST_FIELDS = frozenset(
    {"slug", "name", "url", "series_code", "activity", "event_name", "has_video", "is_featured"}
)
"""What the list says; everything else comes from a track's own page."""

VOLATILE_FIELDS = frozenset(
    {"activity", "event_name", "has_video", "is_featured", "laps", "practice_sessions", "races",
     "entries", "events", "results_this_month", "sessions_this_month", "videos_this_month"}
)  # fmt: skip
"""What changes by itself as people race; other changes are worth a person's eye."""

NOT_COUNTED = frozenset({"slug", "url", "activity", "event_name", "has_video", "is_featured"})
"""Left out of completeness: always known, or unknown for good reason."""


def keep_details(old: CatalogueTrack, new: CatalogueTrack) -> CatalogueTrack:
    """`new` as far as the list goes, `old` for the rest: for a track whose own page failed."""
    return replace(old, **{name: getattr(new, name) for name in LIST_FIELDS})


def as_row(track: CatalogueTrack) -> dict[str, Any]:
    """The fields by their names."""
    return {name: getattr(track, name) for name in FIELDS}


def completeness(tracks: Sequence[CatalogueTrack]) -> dict[str, float]:
    """The share of tracks with a known value, per field, 0 to 1; empty without tracks."""
    if not tracks:
        return {}
    names = [name for name in FIELDS if name not in NOT_COUNTED]
    return {
        name: sum(getattr(track, name) is not None for track in tracks) / len(tracks)
        for name in names
    }
