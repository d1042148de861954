"""What is refused of files that are bad from end to end, and what is kept all the same."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.admission import CROWD_MAX
from trackflow.sources.readers import discover, read
from trackflow.sources.records import REFUSED_MAX, Refusal, RefusalReason, few
from trackflow_tests.helpers.reading import NOW_US, read_bytes

ISO = "2026-01-01T00:00:00Z"


@settings(max_examples=30)
@given(
    st.lists(st.tuples(st.integers(1, 400), st.none() | st.integers(1, 9)), min_size=1, max_size=9),
    st.integers(0, 2**32 - 1),
)
def test_the_best_of_a_crowd_stays_and_the_rest_are_counted(crowds, seed):
    rows = [
        (f"2026-01-0{day}T00:00:00Z", k, accuracy)
        for day, (count, accuracy) in enumerate(crowds, start=1)
        for k in range(count)
    ]
    np.random.default_rng(seed).shuffle(rows := np.array(rows, object))
    lines = "".join(f"{t},{10 + k / 1e4},20,{'' if a is None else a}\n" for t, k, a in rows)
    found = read_bytes(f"time,lat,lon,accuracy\n{lines}".encode(), "csv")
    assert set(found.reasons) <= {"crowded"}
    kept = dict.fromkeys(found.points.time_us.tolist(), 0)
    for us, *_, lat in [(row[1], row[3]) for row in found.rows]:
        kept[us] += 1
        assert lat is not None
    assert sorted(kept.values()) == sorted(min(count, CROWD_MAX) for count, _ in crowds)
    best = {us: min(r[3] for r in found.rows if r[1] == us) for us in kept}
    assert set(best.values()) == {10.0}
    assert len(found.points) + sum(r.count for r in found.refused) == len(rows)


def test_repeats_are_no_crowd():
    found = read_bytes(f"time,lat,lon\n{f'{ISO},1,2{chr(10)}' * 5_000}".encode(), "csv")
    assert (len(found.points), found.refused) == (5_000, [])


HOSTILE = {
    "bad.csv": "lat,lon,time\n" + "x,y,z\n" * 5_000,
    "ragged.csv": "lat,lon,time\n" + "1,2\n" * 5_000,
    "bad.json": json.dumps([{"lat": "x", "lon": 1}] * 5_000),
    "lines.kml": f"<kml>{'<Placemark><LineString/></Placemark>' * 5_000}</kml>",
    "bad.gpx": f"<gpx><trk>{'<trkpt/>' * 5_000}</trk></gpx>",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_very_many_refusals_are_kept_as_a_number(tmp_path, name):
    (tmp_path / name).write_text(HOSTILE[name])
    (source,) = discover(tmp_path / name)
    chunks = list(read(source, now_us=NOW_US))
    refused = [refusal for chunk in chunks for refusal in chunk.refused]
    assert sum(refusal.count for refusal in refused) == 5_000
    assert len(refused) <= len(chunks) * (REFUSED_MAX + 1)
    assert any("more, such as" in refusal.raw for refusal in refused)


@given(st.lists(st.sampled_from(list(RefusalReason)), max_size=30))
def test_few_keeps_the_sum_and_every_reason(reasons):
    refused = [
        Refusal(reason, "raw", f"file:{k}") for k, reason in enumerate(reasons * (REFUSED_MAX // 4))
    ]
    kept = few(refused)
    for reason in set(reasons):
        count = sum(r.count for r in kept if r.reason is reason)
        assert count == sum(r.reason is reason for r in refused)
