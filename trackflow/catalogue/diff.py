"""What a sync would change: what came, field by field, against what is stored. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from trackflow.catalogue.records import FIELDS, VOLATILE_FIELDS, CatalogueTrack, StoredTrack


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field before and after."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class TrackChange:
    """A stored track that came with other values, or came back.

    Attributes:
        before: as stored.
        after: as it came.
        fields: what differs, in the order of the fields; empty if it only came back.
        is_back: whether it was inactive.
    """

    before: CatalogueTrack
    after: CatalogueTrack
    fields: tuple[FieldChange, ...]
    is_back: bool = False

    @property
    def is_routine(self) -> bool:
        """Whether only such fields differ as change by themselves while people race."""
        return not self.is_back and all(c.field in VOLATILE_FIELDS for c in self.fields)


@dataclass(frozen=True, slots=True)
class Diff:
    """Everything in one of four; each in the order of what came, `missing` by slug.

    Attributes:
        added: not stored before.
        changed: stored with other values, or inactive.
        unchanged: slugs of those stored and active with the same values.
        missing: slugs of those stored and active that did not come.
    """

    added: tuple[CatalogueTrack, ...]
    changed: tuple[TrackChange, ...]
    unchanged: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def changes_by_field(self) -> dict[str, int]:
        """In how many tracks each field changed, the most frequent first."""
        counts = Counter(c.field for change in self.changed for c in change.fields)
        return dict(counts.most_common())


def diff(stored: Mapping[str, StoredTrack], came: Iterable[CatalogueTrack]) -> Diff:
    """Compare what came with what is stored.

    Args:
        stored: all tracks of the source by slug, inactive ones included.
        came: one per slug, checked.
    """
    added: list[CatalogueTrack] = []
    changed: list[TrackChange] = []
    unchanged: list[str] = []
    seen = set()
    for track in came:
        seen.add(track.slug)
        old = stored.get(track.slug)
        if old is None:
            added.append(track)
        elif old.track == track and old.is_active:
            unchanged.append(track.slug)
        else:
            changes = changed_fields(old.track, track)
            changed.append(TrackChange(old.track, track, changes, is_back=not old.is_active))
    missing = sorted(s for s, old in stored.items() if old.is_active and s not in seen)
    return Diff(tuple(added), tuple(changed), tuple(unchanged), tuple(missing))


def changed_fields(before: CatalogueTrack, after: CatalogueTrack) -> tuple[FieldChange, ...]:
    """The fields in which two versions of a track differ."""
    pairs = ((name, getattr(before, name), getattr(after, name)) for name in FIELDS)
    return tuple(FieldChange(name, old, new) for name, old, new in pairs if old != new)
