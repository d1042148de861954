"""Files appear whole or not at all; broken gzip gives everything before the damage."""

import gzip
import os
import random
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import BadInputError, SettingsError
from trackflow.files import (
    UNFINISHED_ENDINGS,
    DamagedGzipError,
    TrailingDataError,
    chosen_file,
    chosen_text,
    gunzip,
    is_unfinished,
    whole_file,
)

texts = st.binary(max_size=2000) | st.integers(1, 2_000_000).map(
    lambda n: bytes(n % 251) * (n // 251)
)


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[k : k + size] for k in range(0, len(data), size))


def unpacked_until_damage(packed: bytes, size: int) -> tuple[bytes, Exception | None]:
    found = []
    try:
        for piece in gunzip(in_pieces(packed, size)):
            found.append(piece)  # noqa: PERF402  what came before the error is kept
    except DamagedGzipError as error:
        return b"".join(found), error
    return b"".join(found), None


@given(st.lists(texts, min_size=1, max_size=3), st.integers(1, 100_000), st.integers(0, 30))
def test_members_in_pieces_of_any_size_are_unpacked(
    members: list[bytes], size: int, padding: int
) -> None:
    packed = b"".join(gzip.compress(member) + bytes(padding) for member in members)
    assert unpacked_until_damage(packed, max(size, len(packed) // 500)) == (b"".join(members), None)


WHOLE = random.Random(1).randbytes(30_000) + bytes(200_000)
PACKED = gzip.compress(WHOLE)


@given(st.integers(1, len(PACKED) - 1))
def test_what_is_cut_off_gives_its_beginning(length: int) -> None:
    found, error = unpacked_until_damage(PACKED[:length], 4096)
    assert error is not None
    assert WHOLE.startswith(found)
    # what cannot be packed is handed out as it comes; deflate's own window holds back the rest
    assert len(found) >= min(length, 30_000) - 1000 or length < 1000


def test_everything_before_the_damage_comes_out_whatever_the_pieces() -> None:
    whole = "".join(
        f"2026-03-02T12:00:{k % 60:02d}Z,60.{k:06d},24.9\n" for k in range(20_000)
    ).encode()
    packed = bytearray(gzip.compress(whole))
    middle = len(packed) // 2
    packed[middle : middle + 50] = b"\xff" * 50
    results = [unpacked_until_damage(bytes(packed), size) for size in (1, 700, 10_000_000)]
    assert len({found for found, _ in results}) == 1
    found, error = results[0]
    assert type(error) is DamagedGzipError
    assert found[: len(whole) // 3] == whole[: len(whole) // 3]


def test_other_data_behind_the_end_is_told_apart_from_damage() -> None:
    found, error = unpacked_until_damage(gzip.compress(b"hello") + b"and more", 10_000)
    assert found == b"hello"
    assert isinstance(error, TrailingDataError)


def test_a_bomb_is_handed_out_in_small_pieces() -> None:
    pieces = gunzip([gzip.compress(bytes(50_000_000))])
    assert all(len(next(pieces)) <= 262_144 for _ in range(5))


@given(st.text("abc.", max_size=8), st.sampled_from(UNFINISHED_ENDINGS))
def test_names_of_unfinished_files_are_known_in_any_case(name: str, ending: str) -> None:
    assert is_unfinished(name + ending)
    assert is_unfinished(name + ending.upper())
    assert not is_unfinished(name + ending + ".csv")


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    with whole_file(path) as file:
        file.write(b"half")
        file.flush()
        (part,) = tmp_path.iterdir()
        assert part.name.startswith(".")
        assert is_unfinished(part.name)
    assert path.read_bytes() == b"half"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_leaves_the_earlier_file(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    path.write_bytes(b"before")

    def interrupted() -> None:
        with whole_file(path) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def write_nothing(path: Path) -> None:
    with chosen_file(path):
        pass


@pytest.mark.parametrize("name", ["", "/", ".", "no/folder/a.csv"])
def test_what_a_person_names_and_cannot_be_used_is_said(tmp_path: Path, name: str) -> None:
    path = tmp_path / name if name != "." else Path(name)
    with pytest.raises(SettingsError, match=f"cannot write {re.escape(str(path))}: [IN]"):
        write_nothing(path)
    with pytest.raises(BadInputError, match=f"cannot read {re.escape(str(path))}: [IN]"):
        chosen_text(path)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "a.csv").write_bytes(b"\xff")
    with pytest.raises(BadInputError, match="not UTF-8"):
        chosen_text(tmp_path / "a.csv")


def test_several_may_write_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "tracks.csv"
    with whole_file(path) as one, whole_file(path) as other:
        one.write(b"one")
        other.write(b"other")
    assert path.read_bytes() == b"one"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durable", [False, True])
def test_a_private_file_is_its_owners_only(tmp_path: Path, durable: bool) -> None:
    before = os.umask(0o022)
    try:
        for private, mode in ((True, 0o600), (False, 0o644)):
            path = tmp_path / f"{private}.csv"
            with whole_file(path, private=private, durable=durable) as file:
                file.write(b"x")
            assert stat.S_IMODE(path.stat().st_mode) == mode
    finally:
        os.umask(before)
