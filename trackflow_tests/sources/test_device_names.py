import pytest

from trackflow.sources.device_names import device_of_file


@pytest.mark.parametrize(
    ("name", "device"),
    [
        ("van-7.csv", "van-7"),
        ("anna.gpx", "anna"),
        ("bus 12.gpx", "bus 12"),
        ("0042.csv", "0042"),
        ("track.gpx", "track"),
        ("walk (1).gpx", "walk"),
        ("walk - Copy.gpx", "walk"),
        ("2024-05-01.gpx", None),
        ("20240501.gpx", None),
        ("01.05.2024.gpx", None),
        ("2024-05-01T10-00-00.gpx", None),
        ("20240501_101500.gpx", None),
        ("2024-05-01 (1).gpx", None),
        ("2024-05.gpx.gz", None),
        ("activity_7123456789.fit", None),
        ("Track 3.gpx", None),
        ("00017283.fit", None),
        ("2024-05-01 Morning run.gpx", None),
        ("2024-05-01 Along the river home.gpx", None),
        ("van1-2024-05-01.gpx", "van1"),
        ("20240501_van1.csv", "van1"),
        ("export.zip/activities/123456789.gpx", None),
    ],
)
def test_a_file_is_named_after_its_device_or_its_folder_is(name, device):
    found = device_of_file(name, ["home", "maria", "tracks"])
    assert found.device_id == (device or "maria")
    assert found.by_folder == (device is None)


def test_folders_of_dates_and_of_kinds_name_no_device():
    for folders in (["watch", "2024", "05"], ["watch", "activities"], ["watch", "GPX export 3"]):
        assert device_of_file("2024-05-01.gpx", folders).device_id == "watch"
    assert device_of_file("2024-05-01.gpx", ["tracks"]).device_id == "tracks"
    assert device_of_file("2024-05-01.gpx", []).device_id == "2024-05-01"


@pytest.mark.parametrize(
    ("folders", "device"),
    [
        (["fleet", "356307042441013"], "356307042441013"),
        (["fleet", "356307042441013", "2024", "05"], "356307042441013"),
        (["Geolife Trajectories 1.3", "Data", "017", "Trajectory"], "017"),
        (["maria", "2024", "05", "01"], "maria"),
        (["maria", "202405"], "maria"),
        (["maria", "20240501"], "maria"),
        (["maria", "7"], "maria"),
    ],
)
def test_a_folder_with_a_number_names_a_device_unless_it_is_a_date(folders, device):
    assert device_of_file("2024-05-01.gpx", folders).device_id == device
