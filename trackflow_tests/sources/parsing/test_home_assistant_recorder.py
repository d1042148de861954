"""Databases of Home Assistant's recorder, in the schemas of its versions."""

import datetime as dt
import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackflow.sources.parsing import home_assistant_recorder
from trackflow.sources.recognition import detect
from trackflow_tests.helpers.reading import points, read_bytes, read_path

T = 1_767_225_600
OLD = """CREATE TABLE states (state_id INTEGER NOT NULL PRIMARY KEY, domain VARCHAR(64),
entity_id VARCHAR(255), state VARCHAR(255), attributes TEXT, event_id INTEGER,
last_changed DATETIME, last_updated DATETIME, created DATETIME)"""
MIDDLE = """CREATE TABLE states (state_id INTEGER NOT NULL PRIMARY KEY, entity_id VARCHAR(255),
state VARCHAR(255), attributes TEXT, last_updated DATETIME, last_updated_ts FLOAT,
attributes_id INTEGER)"""
NEW = """CREATE TABLE "states" (state_id INTEGER NOT NULL PRIMARY KEY, entity_id CHAR(0),
state VARCHAR(255), attributes CHAR(0), last_updated CHAR(0), last_updated_ts FLOAT,
attributes_id INTEGER, metadata_id INTEGER)"""
SHARED = "CREATE TABLE state_attributes (attributes_id INTEGER PRIMARY KEY, shared_attrs TEXT)"
META = "CREATE TABLE states_meta (metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255))"
SCHEMAS = {"old": (OLD,), "middle": (MIDDLE, SHARED), "new": (NEW, SHARED, META)}


def text_time(second: float) -> str:
    return dt.datetime.fromtimestamp(second, dt.UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def database(path, schema: str, states: list[tuple[str, float, dict | None]]) -> bytes:
    """States of an entity, a time and attributes."""
    connection = sqlite3.connect(path)
    for statement in SCHEMAS[schema]:
        connection.execute(statement)
    entities: dict[str, int] = {}
    for number, (entity, second, known) in enumerate(states, start=1):
        text = None if known is None else json.dumps(known)
        if schema == "old":
            row = (entity, text, text_time(second))
            connection.execute(
                "INSERT INTO states (entity_id, attributes, last_updated) VALUES (?, ?, ?)",
                row,
            )
            continue
        connection.execute("INSERT INTO state_attributes VALUES (?, ?)", (number, text))
        if schema == "middle":
            connection.execute(
                "INSERT INTO states (entity_id, last_updated_ts, attributes_id) VALUES (?, ?, ?)",
                (entity, second, number),
            )
            continue
        if entity not in entities:
            entities[entity] = len(entities) + 1
            connection.execute("INSERT INTO states_meta VALUES (?, ?)", (entities[entity], entity))
        connection.execute(
            "INSERT INTO states (last_updated_ts, attributes_id, metadata_id) VALUES (?, ?, ?)",
            (second, number, entities[entity]),
        )
    connection.commit()
    connection.close()
    return path.read_bytes()


def at(lat: float, lon: float, **more) -> dict:
    return {"source_type": "gps", "latitude": lat, "longitude": lon, **more}


@pytest.mark.parametrize("schema", SCHEMAS)
@settings(max_examples=15, deadline=None)
@given(rows=st.lists(points, min_size=1, max_size=15), chunk=st.sampled_from([1, 50_000]))
def test_points_read_back_as_written(tmp_path_factory, schema, rows, chunk):
    path = tmp_path_factory.mktemp("ha") / "a.db"
    states = [
        (f"device_tracker.{'ab'[i % 2]}", r[1], at(r[3], r[4], gps_accuracy=4, altitude=12.5))
        for i, r in enumerate(rows)
    ]
    data = database(path, schema, states)
    assert detect(data[:65_536], "a.bin") == "home_assistant"
    found = read_bytes(data, "home_assistant", chunk_points=chunk)
    assert found.refused == []
    assert found.rows == [
        (s[0], r[1] * 1_000_000, r[4], r[3], 12.5, 4.0, None, None)
        for s, r in zip(states, rows, strict=True)
    ]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_other_entities_and_people_who_repeat_a_tracker_are_passed_over(tmp_path, schema):
    states = [
        ("person.anna", T, at(60.1, 24.9, source="device_tracker.phone")),
        ("device_tracker.phone", T, at(60.1, 24.9)),
        ("person.bo", T, at(60.2, 24.9, source="device_tracker.lost")),
        ("device_tracker.lost", T + 1, {"source_type": "router"}),
        ("zone.home", T, at(60.3, 24.9)),
        ("sensor.x", T, None),
        ("device_tracker.phone", T + 2, at(60.1, 24.9, gps_accuracy=0, speed=-1)),
    ]
    found = read_bytes(database(tmp_path / "a.db", schema, states), "home_assistant")
    phone = "device_tracker.phone"
    assert [row[0] for row in found.rows] == [phone, "person.bo", phone]
    assert found.rows[-1][4:] == (None, None, None, None)
    assert found.refused == []
    assert found.skipped == {
        "state without a position": 1, "state of a person that repeats their tracker's": 1,
    }  # fmt: skip


def test_a_database_of_today_with_states_of_before_its_upgrades(tmp_path):
    path = tmp_path / "a.db"
    database(path, "new", [("device_tracker.a", T + 1, at(60.1, 24.9))])
    connection = sqlite3.connect(path)
    connection.execute(
        "INSERT INTO states (entity_id, attributes, last_updated) VALUES (?, ?, ?)",
        ("device_tracker.a", json.dumps(at(60.2, 24.9)), text_time(T + 2)),
    )
    connection.commit()
    connection.close()
    found = read_bytes(path.read_bytes(), "home_assistant")
    assert [row[1] // 1_000_000 - T for row in found.rows] == [1, 2]


def test_damaged_pages_cost_their_states_only(tmp_path):
    states = [("device_tracker.a", T + i, at(60.1, 24.9, note="x" * 300)) for i in range(600)]
    path = tmp_path / "a.db"
    data = bytearray(database(path, "old", states))
    pages = len(data) // 4096
    for page in (pages // 3, pages // 2):
        data[page * 4096 : page * 4096 + 200] = b"\xff" * 200
    found = read_bytes(bytes(data), "home_assistant")
    assert 500 < len(found.rows) < 600
    assert "unreadable" in found.reasons
    times = [row[1] // 1_000_000 for row in found.rows]
    assert times == sorted(set(times))


def test_damage_that_the_message_quotes_gives_an_answer(tmp_path):
    data = database(tmp_path / "a.db", "new", [("device_tracker.a", T, at(60.1, 24.9))])
    row = b"tablestatesstates"  # type, name and table, as the schema has them
    damaged = data.replace(row, b"table\x80tatesstates").replace(b"CREATE TABLE", b"CREATE TABLF")
    assert "cannot be read as an SQLite database" in str(
        read_bytes(damaged, "home_assistant").error
    )


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0), junk=st.binary(min_size=1, max_size=40), cut=st.booleans())
def test_any_damage_gives_an_answer(tmp_path_factory, place, junk, cut):
    path = tmp_path_factory.mktemp("ha") / "a.db"
    data = database(path, "new", [("device_tracker.a", T + i, at(60.1, 24.9)) for i in range(20)])
    place = 16 + place % (len(data) - 16)
    read_bytes(data[:place] + junk + (b"" if cut else data[place + len(junk) :]), "home_assistant")


def test_ids_far_apart_are_not_walked_through(tmp_path, monkeypatch):
    path = tmp_path / "a.db"
    database(path, "old", [("device_tracker.a", T, at(60.1, 24.9))])
    connection = sqlite3.connect(path)
    for number in (2**40, 2**62):
        connection.execute(
            "INSERT INTO states (state_id, entity_id, attributes, last_updated) "
            "VALUES (?, ?, ?, ?)",
            (number, "device_tracker.a", json.dumps(at(60.1, 24.9)), text_time(T + number % 1000)),
        )
    connection.commit()
    connection.close()
    monkeypatch.setattr(home_assistant_recorder, "RANGE_STATES", 2)
    assert len(read_bytes(path.read_bytes(), "home_assistant").rows) == 3


def test_a_view_in_place_of_the_table_is_not_run(tmp_path):
    path = tmp_path / "home-assistant_v2.db"
    connection = sqlite3.connect(path)
    connection.execute(
        "CREATE VIEW states AS WITH RECURSIVE n(state_id) AS "
        "(SELECT 1 UNION ALL SELECT state_id + 1 FROM n) SELECT state_id FROM n"
    )
    connection.close()
    (found,) = read_path(path).values()
    assert "another program" in found.error


def test_the_file_and_its_folder_stay_as_they_were(tmp_path):
    path = tmp_path / "home-assistant_v2.db"
    database(path, "new", [("device_tracker.a", T, at(60.1, 24.9))])
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.close()
    before = path.read_bytes()
    (found,) = read_path(path).values()
    assert len(found.rows) == 1
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("wrapped", [False, True])
def test_history_with_short_names(wrapped):
    def states(lat: float) -> list[dict]:
        place = {"latitude": lat, "longitude": 24.9, "gps_accuracy": 8}
        return [{"s": "home", "a": place, "lc": T - 5.0, "lu": T + 0.5}, {"s": "away", "lu": T + 9}]

    history = {
        "sensor.battery": [{"s": "80", "lu": T}],
        "device_tracker.a": states(60.1),
        "device_tracker.b": states(60.2),
    }
    data = json.dumps({"id": 1, "result": history} if wrapped else history).encode()
    found = read_bytes(data, detect(data[:65_536], "a.json"))
    assert [row[:6] for row in found.rows] == [
        (f"device_tracker.{name}", round((T + 0.5) * 1e6), 24.9, lat, None, 8)
        for name, lat in (("a", 60.1), ("b", 60.2))
    ]
