"""Every position of a file is a point or a refusal, in any format and condition."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow_tests.helpers.reading import read_bytes
from trackflow_tests.sources.formats import (
    test_fit,
    test_google,
    test_kml,
    test_overland,
    test_owntracks,
    test_tcx,
)

WRITERS: dict[str, tuple[str, Callable[[list[tuple]], bytes]]] = {
    "fit": ("fit", test_fit.written),
    "tcx": ("tcx", test_tcx.written),
    "overland": ("overland", lambda rows: test_overland.batch(rows).encode()),
    **{
        f"kml, {form}": ("kml", lambda rows, form=form: test_kml.written(rows, form))
        for form in test_kml.FORMS
    },
    **{
        f"google, {form}": ("google", lambda rows, write=write: json.dumps(write(rows)).encode())
        for form, write in test_google.FORMS.items()
    },
    **{
        f"owntracks, {form}": ("owntracks", lambda rows, write=write: write(rows).encode())
        for form, write in test_owntracks.FORMS.items()
    },
}

rows_of = st.lists(
    st.tuples(
        st.sampled_from(["van", "\x1b[31m", "n" * 300]),
        # from 1998, before which no FIT clock was set, to long after now
        st.integers(900_000_000, 4_000_000_000),
        st.just(0),
        st.floats(-95, 95),
        st.floats(-185, 185),
    )
    | st.just(("van", 1_700_000_000, 0, 0.0, 0.0)),
    min_size=1,
    max_size=10,
)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=15)
@given(rows_of)
def test_nothing_is_lost_without_a_word(name, rows):
    kind, write = WRITERS[name]
    if kind == "fit":  # its positions cannot be off the globe
        rows = [(*row[:3], row[3] * 90 / 95, row[4] * 180 / 185) for row in rows]
    found = read_bytes(write(rows), kind)
    assert found.error == ""
    assert len(found.points) + len(found.refused) == len(rows)
    places = [refusal.where for refusal in found.refused]
    assert len(set(places)) == len(places)
    assert all(place.startswith("file:") for place in places)
