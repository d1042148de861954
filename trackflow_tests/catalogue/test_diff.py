from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.catalogue.diff import FieldChange, changed_fields, diff
from trackflow.catalogue.records import CatalogueTrack, StoredTrack, as_row

slugs = st.sampled_from("abcdefgh")
tracks = st.builds(
    CatalogueTrack,
    slug=slugs,
    name=st.sampled_from(["X", "Y"]),
    city=st.none() | st.sampled_from(["Oslo", "Bergen"]),
    laps=st.none() | st.integers(0, 3),
)
catalogues = st.lists(tracks, unique_by=lambda t: t.slug)
stored_ones = st.dictionaries(slugs, st.tuples(tracks, st.booleans(), st.integers(0, 2))).map(
    lambda d: {s: StoredTrack(replace(t, slug=s), a, m) for s, (t, a, m) in d.items()}
)


@settings(max_examples=50)
@given(stored=stored_ones, came=catalogues)
def test_applying_a_diff_gives_what_came(
    stored: dict[str, StoredTrack], came: list[CatalogueTrack]
) -> None:
    found = diff(stored, came)
    after = {s: old.track for s, old in stored.items() if old.is_active}
    after.update({track.slug: track for track in found.added})
    after.update({change.after.slug: change.after for change in found.changed})
    for slug in found.missing:
        del after[slug]
    assert after == {track.slug: track for track in came}


@settings(max_examples=50)
@given(stored=stored_ones, came=catalogues)
def test_every_track_is_in_exactly_one_class(
    stored: dict[str, StoredTrack], came: list[CatalogueTrack]
) -> None:
    found = diff(stored, came)
    classes = [
        *(t.slug for t in found.added),
        *(c.after.slug for c in found.changed),
        *found.unchanged,
        *found.missing,
    ]
    active = {s for s, old in stored.items() if old.is_active}
    assert sorted(classes) == sorted({t.slug for t in came} | active)
    for change in found.changed:
        assert change.fields or change.is_back
        differing = {f.field: f.after for f in change.fields}
        assert as_row(change.after) == as_row(change.before) | differing
        assert change.is_back == (not stored[change.after.slug].is_active)


@settings(max_examples=50)
@given(came=catalogues)
def test_the_same_again_changes_nothing(came: list[CatalogueTrack]) -> None:
    found = diff({t.slug: StoredTrack(t) for t in came}, came)
    assert not found.added
    assert not found.changed
    assert not found.missing
    assert found.unchanged == tuple(t.slug for t in came)
    assert diff({}, came).added == tuple(came)


def test_changes_are_told_by_field() -> None:
    old = CatalogueTrack("a", "A", city="Oslo", laps=5)
    assert changed_fields(old, replace(old, city=None, laps=6)) == (
        FieldChange("city", "Oslo", None),
        FieldChange("laps", 5, 6),
    )
    stored = {"a": StoredTrack(old), "b": StoredTrack(replace(old, slug="b"))}
    found = diff(stored, [replace(old, laps=6), replace(old, slug="b", city="Bergen", laps=7)])
    assert found.changes_by_field == {"laps": 2, "city": 1}
    assert [c.is_routine for c in found.changed] == [True, False]


def test_a_track_that_comes_back_is_a_change_without_changed_fields() -> None:
    old = CatalogueTrack("a", "A")
    (change,) = diff({"a": StoredTrack(old, is_active=False, misses=2)}, [old]).changed
    assert change.is_back
    assert change.fields == ()
    assert not change.is_routine
