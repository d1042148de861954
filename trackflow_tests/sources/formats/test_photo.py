"""Photos as Pillow and libheif write them, with EXIF data in every condition."""

import datetime as dt
import io
import struct
from zoneinfo import ZoneInfo

import pillow_heif
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from trackflow.sources.file_format import UnknownFormatError
from trackflow.sources.options import ReadOptions
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes, read_path

T = 1_767_225_600


def parts(degrees: float) -> tuple:
    size = round(abs(degrees) * 3_600 * 10**6)
    whole, rest = divmod(size, 3_600 * 10**6)
    minutes, seconds = divmod(rest, 60 * 10**6)
    return (whole, 1), (minutes, 1), (seconds, 10**6)


def gps_of(second: int, lat: float, lon: float, **more) -> dict:
    moment = dt.datetime.fromtimestamp(second, dt.UTC)
    return {
        1: "NS"[lat < 0], 2: parts(lat), 3: "EW"[lon < 0], 4: parts(lon),
        7: ((moment.hour, 1), (moment.minute, 1), (moment.second, 1)),
        29: moment.strftime("%Y:%m:%d"),
    } | more  # fmt: skip


def exif(gps: dict | None = None, clock: dict | None = None) -> bytes:
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    for ifd, values in ((0x8825, gps), (0x8769, clock)):
        if values:
            tags.get_ifd(ifd).update({k: _rational(v) for k, v in values.items()})
    return tags.tobytes()


def _rational(value):
    from PIL.TiffImagePlugin import IFDRational

    if isinstance(value, tuple) and value and isinstance(value[0], tuple):
        return tuple(IFDRational(*part) for part in value)
    return IFDRational(*value) if isinstance(value, tuple) else value


def photo(data: bytes, kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    image = Image.new("RGB", (16, 16), "red")
    if kind == "JPEG":
        image.save(out, "JPEG", exif=data)
    else:
        heif = pillow_heif.from_pillow(image)
        heif.save(out, exif=data, format=kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "HEIF"])
@settings(max_examples=30, deadline=None)
@given(row=points)
def test_a_photo_reads_back_as_written(kind, row):
    data = photo(exif(gps_of(row[1], row[3], row[4])), kind)
    assert detect(data, "a.bin") == "photo"
    found = read_bytes(data, "photo", name="IMG_1.jpg", fallback_device="IMG_1")
    assert found.refused == []
    (read,) = found.rows
    assert read[:2] == ("photos", row[1] * 1_000_000)
    assert read[2:4] == pytest.approx((row[4], row[3]), abs=2e-7)


def test_everything_that_a_phone_says():
    gps = gps_of(T, 60.1, 24.9) | {
        5: b"\x01", 6: (125, 10), 12: "K", 13: (36, 1), 14: "T", 15: (905, 10), 31: (4, 1),
    }  # fmt: skip
    (row,) = read_bytes(photo(exif(gps)), "photo").rows
    assert row[4:] == (-12.5, 4.0, 10.0, 90.5)


@pytest.mark.parametrize(
    ("clock", "second"),
    [
        ({36867: "2026:01:01 02:00:00", 36881: "+02:00"}, T),
        ({36867: "2026:01:01 02:00:00", 36881: "+02:00", 37521: "25"}, T + 0.25),
        ({36867: "2025:12:31 19:00:00", 36880: "-05:00"}, T),
        ({36868: "2026:01:01 00:00:00", 36882: "Z"}, T),
    ],
)
def test_the_cameras_clock_with_its_offset(clock, second):
    gps = gps_of(T, 60.1, 24.9)
    del gps[29]  # as many cameras leave out the day
    (row,) = read_bytes(photo(exif(gps, clock)), "photo").rows
    assert row[1] == second * 1_000_000


def test_what_is_missing_is_reported():
    gps = gps_of(T, 60.1, 24.9)
    del gps[29]
    found = read_bytes(photo(exif(gps, {36867: "2026:01:01 00:00:00"})), "photo")
    assert found.reasons == ["no_time"]
    assert "--time-zone" in found.refused[0].raw
    chosen = ReadOptions(zone=ZoneInfo("Europe/Helsinki"))
    late = {36867: "2026:01:01 02:00:00", 37521: "5"}
    (row,) = read_bytes(photo(exif(gps, late)), "photo", options=chosen).rows
    assert row[1] == T * 1_000_000 + 500_000
    for data in (photo(exif(None, {36867: "2026:01:01 00:00:00"})), photo(b"")):
        found = read_bytes(data, "photo")
        assert found.refused == []
        assert found.skipped == {"photo without a position": 1}


@pytest.mark.parametrize("kind", ["JPEG", "HEIF"])
@settings(max_examples=120, deadline=None)
@given(at=st.integers(0), junk=st.binary(min_size=1, max_size=4), cut=st.booleans())
def test_damage_anywhere_gives_a_point_or_a_word(kind, at, junk, cut):
    data = photo(exif(gps_of(T, 60.1, 24.9)), kind)
    at %= len(data)
    found = read_bytes(data[:at] + junk + (b"" if cut else data[at + len(junk) :]), "photo")
    assert len(found.rows) + len(found.refused) + len(found.skipped) == 1
    assert found.error == ""


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_give_an_answer(data):
    read_bytes(data, "photo")
    segment = b"Exif\x00\x00II*\x00\x08\x00\x00\x00" + data
    head = b"\xff\xd8\xff\xe1" + struct.pack(">H", len(segment) + 2)
    read_bytes(head + segment, "photo")
    box = struct.pack(">I", len(data) + 12) + b"meta\x00\x00\x00\x00" + data
    read_bytes(b"\x00\x00\x00\x10ftypheic\x00\x00\x00\x00" + box, "photo")


def test_a_folder_of_photos_is_one_device_and_other_images_are_named(tmp_path):
    for i in range(3):
        (tmp_path / f"IMG_{i}.jpg").write_bytes(photo(exif(gps_of(T + i, 60.1, 24.9))))
    found = read_path(tmp_path)
    assert {o.points.devices for o in found.values()} == {("photos",)}
    for head, words in ((b"II*\x00....", "XMP sidecar"), (b"RIFF....WEBP", "a WebP image"),
                        (b"\x00\x00\x00\x18ftypisom", "a film")):  # fmt: skip
        with pytest.raises(UnknownFormatError, match=words):
            detect(head, "a.jpg")
