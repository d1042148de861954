import struct

import pytest
from fitdecode.utils import compute_crc
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing import fit_runs
from trackflow.sources.parsing.fit_runs import checksum
from trackflow_tests.helpers import fit_writer as fw
from trackflow_tests.helpers.reading import Outcome, read_bytes

KNOWN = {
    253: (4, 0x86, "I"), 0: (4, 0x85, "i"), 1: (4, 0x85, "i"), 2: (2, 0x84, "H"),
    6: (2, 0x84, "H"), 31: (1, 0x02, "B"), 73: (4, 0x86, "I"), 78: (4, 0x86, "I"),
    3: (1, 0x02, "B"), 5: (4, 0x86, "I"), 8: (3, 0x0D, "3s"), 99: (1, 0x02, "B"), 7: (2, 0x84, "H"),
}  # fmt: skip
"""Size, base type and form of fields, those that are not read among them."""


def read_one_by_one(data: bytes) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fit_runs, "_layout", lambda definition: None)
        return read_bytes(data, "fit")


def shown(found: Outcome) -> tuple:
    return found.rows, found.refused, found.error


@st.composite
def recordings(draw) -> bytes:
    messages: list[bytes] = []
    for _ in range(draw(st.integers(1, 3))):
        numbers = draw(st.lists(st.sampled_from(list(KNOWN)), min_size=1, unique=True))
        order, local = draw(st.sampled_from("<>")), draw(st.integers(0, 1))
        fields = [(n, *KNOWN[n][:2]) for n in numbers]
        messages.append(fw.definition(20, fields, order=order, local=local))
        for _ in range(draw(st.integers(0, 6))):
            values = [draw(value_of(n)) for n in numbers]
            form = "".join(KNOWN[n][2] for n in numbers)
            messages.append(fw.data(form, *values, order=order, local=local))
    return fw.fit(*messages)


def value_of(number: int) -> st.SearchStrategy:
    size, _, form = KNOWN[number]
    if form == "3s":
        return st.binary(min_size=3, max_size=3)
    largest = 2 ** (8 * size - (form == "i")) - 1
    likely = {253: (10**9, 1_150_000_000), 2: (2000, 9000)}.get(number, (0, largest))
    return st.sampled_from([largest, 0, 1]) | st.integers(*likely)


@settings(max_examples=80)
@given(recordings(), st.integers(0, 10_000), st.binary(max_size=2))
def test_runs_give_what_each_record_gives(data, at, junk):
    assert shown(read_bytes(data, "fit")) == shown(read_one_by_one(data))
    at %= len(data)
    damaged = data[:at] + junk + data[at + len(junk) :]
    assert shown(read_bytes(damaged, "fit")) == shown(read_one_by_one(damaged))
    assert shown(read_bytes(data[:at], "fit")) == shown(read_one_by_one(data[:at]))


@pytest.mark.parametrize("count", [5_000, 5_957])
def test_another_message_at_the_end_of_what_is_buffered_ends_a_run(count):
    """Where a run ends is looked for in what has been read ahead, 65,536 bytes of the file."""
    fields = [fw.TIMESTAMP, fw.LAT, fw.LON]
    rows = [fw.data("Iii", 1_100_000_000 + k, k, k + 1) for k in range(count)]
    other = fw.definition(21, [(3, 4, 0x86), (0, 8, 0x02)])
    event = fw.data("I8s", 7, bytes(8))
    again = fw.definition(20, fields)
    data = fw.fit(again, *rows[:-40], other, event, again, *rows[-40:])
    found = read_bytes(data, "fit")
    assert len(found.points) == count
    assert shown(found) == shown(read_one_by_one(data))


@given(st.binary(max_size=2000), st.integers(0, 2**16 - 1))
def test_the_checksum_is_that_of_the_protocol(data, before):
    expected = compute_crc(data, crc=before) if data else before
    assert checksum(data, before) == expected
    assert checksum(data) == fw.crc(data)


def test_a_run_is_taken_as_one(monkeypatch):
    """So that a change that leaves all to fitdecode is noticed."""
    runs: list[int] = []
    original = fit_runs._records
    monkeypatch.setattr(fit_runs, "_records", lambda rows: runs.append(len(rows)) or original(rows))
    rows = [struct.pack("<BIii", 0, 1_100_000_000 + k, k, 1) for k in range(100)]
    read_bytes(fw.fit(fw.definition(20, [fw.TIMESTAMP, fw.LAT, fw.LON]), *rows), "fit")
    assert runs == [100]
