"""The quarantine: nothing that was sent is lost in it, and what can be read again comes out."""

import dataclasses
import datetime as dt
import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import NotFoundError, QuarantineFullError, SettingsError
from trackflow.geo.time import to_us
from trackflow.sources.devices import reading
from trackflow.sources.devices.envelopes import Envelope
from trackflow.sources.records import PointBatch, Refusal, RefusalReason
from trackflow.store.intake.quarantine import QuarantineFilter
from trackflow.store.tables import quarantined_points
from trackflow.usecases.devices.purging import purge
from trackflow.usecases.housekeeping.archive import backup
from trackflow.usecases.housekeeping.restoring import restore
from trackflow.usecases.intake import quarantine
from trackflow.usecases.intake.importing import import_paths
from trackflow.usecases.intake.receiving import receive
from trackflow_tests.helpers.stores import NOON, Clock, contents, deliver, empty, open_context

T = int(NOON.timestamp())
q = quarantined_points.c


def message(tst: int = T, **more: Any) -> dict[str, Any]:
    return {"_type": "location", "tid": "x", "lat": 60.1, "lon": 24.9, "tst": tst, **more}


def send(context: Context, body: Any, door: str = "owntracks", **more: Any) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    delivery = reading.read(content, Envelope(door, **more), now_us=to_us(context.clock()))
    receive(context, delivery, delivery.sender)


def everything(context: Context) -> dict[str, list[dict[str, Any]]]:
    return contents(context.store, "gps_points", "quarantined_points")


def test_a_clock_that_was_behind(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON - dt.timedelta(days=30))
    with open_context(database_url, tmp_path, clock) as context:
        send(context, [message(T + k) for k in range(3)])
        send(context, message(T + 5, topic="owntracks/jane/phone"), named_device="jane/tablet")
        found = everything(context)
        assert found["gps_points"] == []
        assert {row["reason"] for row in found["quarantined_points"]} == {"time_out_of_range"}
        before = everything(context)
        assert quarantine.retry(context, QuarantineFilter()).still_refused == {
            "time_out_of_range": 4
        }
        assert everything(context) == before
        clock.time = NOON
        report = quarantine.retry(context, QuarantineFilter(reason="time_out_of_range"))
        assert (report.taken_out, report.accepted.added) == (4, 4)
        after = everything(context)
        assert [p["device_id"] for p in after["gps_points"]] == ["jane/tablet", "x", "x", "x"]
        assert after["quarantined_points"] == []
        assert quarantine.retry(context, QuarantineFilter()).read_again == 0
        assert everything(context) == after


def test_a_retry_is_exact_for_all_doors(database_url: str, tmp_path: Path) -> None:
    """What was refused by an early clock comes out as if it had been accepted at once."""
    form = {"id": "a", "lat": "60.1", "lon": "24.9", "timestamp": f"{T}000", "hdop": "8",
            "speed": "10"}  # fmt: skip
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [24.9, 60.1, 5]},
        "properties": {"time": T, "timestamp": f"{NOON:%Y-%m-%dT%H:%M:%SZ}", "speed_kmh": "36",
                       "note": "n" * 900},
    }  # fmt: skip
    client = {
        "location": [
            {"timestamp": f"{NOON:%Y-%m-%dT%H:%M:%SZ}",
             "coords": {"latitude": 60.1, "longitude": 24.9, "speed": 3}}
        ],
        "device_id": "c",
    }  # fmt: skip
    home = {"latitude": "60.1", "longitude": "24.9", "device": "h", "accuracy": "%ACC"}

    def deliveries(context: Context) -> None:
        send(context, b"", "traccar", query=form)
        send(context, {"locations": [feature]}, "overland", fallback_device="anna")
        send(context, {"type": "FeatureCollection", "features": [feature]}, "geojson")
        send(context, client, "traccar", is_json=True)
        send(context, message(vel=36), query={"speed_unit": "mph"}, device_id="bus-7")

    clock = Clock(NOON - dt.timedelta(days=30))
    with open_context(database_url, tmp_path, clock) as context:
        deliveries(context)
        clock.time = NOON + dt.timedelta(hours=1)
        assert quarantine.retry(context, QuarantineFilter()).taken_out == 5
        found = everything(context)
        empty(context.store)
        deliveries(context)
        assert everything(context) == found
        assert len(found["gps_points"]) == 5
        empty(context.store)
        send(context, b"", "traccar", query=home | {"wrong": "5"})
        (row,) = everything(context)["quarantined_points"]
        assert row["reason"] == "no_time"


def test_what_a_file_brought_too_early_comes_out_too(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "van.csv"
    rows = [f"van,{T + k},60.{k + 1},24.9,{k}" for k in range(9)]
    file.write_text("\n".join(["device_id,timestamp,latitude,longitude,accuracy", *rows]))
    clock = Clock(NOON - dt.timedelta(days=30))
    with open_context(database_url, tmp_path, clock) as context:
        import_paths(context, [file])
        assert quarantine.retry(context, QuarantineFilter()).still_refused == {
            "time_out_of_range": 9
        }
        clock.time = NOON
        assert quarantine.retry(context, QuarantineFilter()).taken_out == 9
        found = everything(context)
        empty(context.store)
        import_paths(context, [file])
        assert everything(context) == found
        assert len(found["gps_points"]) == 9


def test_a_position_without_a_time_keeps_that_of_its_arrival(tmp_path: Path) -> None:
    clock = Clock(NOON)
    with open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path, clock) as context:
        send(context, b"", "homeassistant", query={"latitude": "95", "longitude": "24.9"})
        with context.store.write() as connection:  # a later version reads what this one refuses
            raw = sa.func.replace(q.raw, "95", "60.1")
            connection.execute(sa.update(quarantined_points).values(raw=raw))
        clock.advance(3600)
        assert quarantine.retry(context, QuarantineFilter()).accepted.added == 1
        (point,) = everything(context)["gps_points"]
        assert point["recorded_at"] == NOON


def test_damaged_bodies_change_nothing_however_often(database_url: str, tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps([message(T + k) for k in range(500)]).encode())[:-30]
    with open_context(database_url, tmp_path) as context:
        send(context, packed)
        send(
            context, json.dumps([message(T + k) for k in range(9)]).encode()[:-2], door="owntracks"
        )
        before = everything(context)
        assert len(before["quarantined_points"]) == 2
        for _ in range(2):
            report = quarantine.retry(context, QuarantineFilter())
            assert report.still_refused == {"damaged": 1, "truncated": 1}
            assert (report.taken_out, report.accepted.added) == (0, 0)
            assert everything(context) == before
        send(context, packed)
        assert everything(context) == before


@settings(
    max_examples=30,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(bodies=st.lists(st.binary(max_size=40), min_size=1, max_size=4), text=st.text(max_size=20))
def test_what_is_kept_is_what_was_sent(tmp_path: Path, bodies: list[bytes], text: str) -> None:
    with open_context(f"sqlite:///{tmp_path / 'q.db'}", tmp_path) as context:
        empty(context.store)
        sent = [b"{" + body for body in bodies]
        for body in sent:
            send(context, body, "traccar", query={"x": text})
        rows = everything(context)["quarantined_points"]
        kept = {row["raw"].encode() if row["body"] is None else row["body"] for row in rows}
        whole = {raw.strip() for raw in sent}
        assert {k.strip() for k in kept} >= {w for w in whole if not _is_json(w)}
        quarantine.retry(context, QuarantineFilter())
        assert everything(context)["quarantined_points"] == rows


def _is_json(body: bytes) -> bool:
    try:
        json.loads(body)
    except ValueError:
        return False
    return True


def test_when_it_is_full_the_sender_is_told(database_url: str, tmp_path: Path) -> None:
    long = b"{" + b"x" * 600_000
    with open_context(database_url, tmp_path, quarantine_mb=1) as context:
        send(context, long)
        with pytest.raises(QuarantineFullError, match="TRACKFLOW_QUARANTINE_MB"):
            send(context, long + b"y")
        broken = b'[{"_type": "location", "tid": "z", "lat": 60.1, "lon": 24.9, "tst": %d}, ' % T
        with pytest.raises(QuarantineFullError):
            send(context, broken + long)
        assert everything(context)["gps_points"] == []  # whole or not at all
        send(context, long)  # this one is kept already
        send(context, message())
        assert len(everything(context)["gps_points"]) == 1
        assert quarantine.delete(context, QuarantineFilter(sender="owntracks")) == 1
        send(context, long + b"y")


def test_how_senders_do(database_url: str, tmp_path: Path) -> None:
    clock = Clock(NOON)
    with open_context(database_url, tmp_path, clock) as context:
        assert quarantine.sender_states(context) == []
        send(context, message(T - 60))
        clock.advance(60)
        send(context, b"", "traccar", query={"id": "a", "lat": "%LAT", "lon": "24.9"})
        clock.advance(60)
        refusal = Refusal(RefusalReason.BAD_TIME, "a,never,1,2", "rows.csv:7", "a")
        deliver(context.store, PointBatch.empty(), [refusal], now=clock())
        found = {state.sender: state for state in quarantine.sender_states(context)}
        assert set(found) == {"owntracks", "traccar", "files"}
        good, bad, files = found["owntracks"], found["traccar"], found["files"]
        assert (good.last_report_at, good.last_points_at, good.refused) == (NOON, NOON, {})
        assert (bad.last_report_at, bad.last_points_at) == (NOON + dt.timedelta(seconds=60), None)
        assert (bad.refused, bad.last_error) == ({"placeholder": 1}, "placeholder")
        assert "%LAT" in bad.advice
        assert files.refused == {"bad_time": 1}
        assert "2026-01-31T12:00:00Z" in files.advice
        (row,) = quarantine.newest(context, QuarantineFilter(sender="traccar"), 5)
        shown = quarantine.shown(context, row.id[:6])
        assert json.loads(shown["raw"])["lat"] == "%LAT"
        with pytest.raises(NotFoundError):
            quarantine.shown(context, "zzzz")
        with pytest.raises(SettingsError):
            quarantine.shown(context, row.id[:2])
        lines = [json.loads(line) for line in quarantine.exported(context, QuarantineFilter())]
        assert {line["sender"] for line in lines} == {"traccar", "files"}


def test_a_purge_takes_a_device_out_of_quarantine(database_url: str, tmp_path: Path) -> None:
    packed = gzip.compress(json.dumps([message(tid="jane")] * 50).encode())
    with open_context(database_url, tmp_path) as context:
        send(context, message(tid="jane"))
        send(context, message(tid="jane", lat=95))
        send(context, json.dumps([message(tid="jane")]).encode()[:-1])
        send(context, packed[:-6])
        send(context, b"{", query={"u": "jane", "d": "phone"})
        send(context, message(lat=95, tid="bob"))
        assert len(everything(context)["quarantined_points"]) == 5
        purge(context, "jane")
        (left,) = everything(context)["quarantined_points"]
        assert left["device_id"] == "bob"
        assert quarantine.retry(context, QuarantineFilter()).accepted.added == 0


def test_a_backup_has_all_of_it(database_url: str, tmp_path: Path) -> None:
    with open_context(database_url, tmp_path) as context:
        send(context, gzip.compress(b"[" * 50)[:-3])
        before = everything(context)
        backup(context, tmp_path / "all.zip")
        empty(context.store)
        restore(context, tmp_path / "all.zip")
        assert everything(context) == before
        assert before["quarantined_points"][0]["body"]


def test_what_older_versions_kept_is_read_again_where_it_is_whole(tmp_path: Path) -> None:
    with open_context(f"sqlite:///{tmp_path / 'a.db'}", tmp_path) as context:
        whole = json.dumps(message(lat="60,1"))
        cut = json.dumps(message(note="n" * 600))[:500]
        with context.store.write() as connection:
            for key, raw in enumerate((whole, cut)):
                connection.execute(
                    sa.insert(quarantined_points).values(
                        content_hash=f"{key}" * 32, device_id="x", reason="not_a_number", raw=raw,
                        source="owntracks: location 1", received_at=NOON, sender="owntracks",
                    )
                )  # fmt: skip
        report = quarantine.retry(context, QuarantineFilter())
        assert (report.accepted.added, report.not_kept_whole) == (1, 1)
        assert [row["raw"] for row in everything(context)["quarantined_points"]] == [cut]


def test_an_envelope_says_what_it_says() -> None:
    envelope = Envelope("traccar", "a", "b", "c", {"x": "\u00e4"}, is_json=True)
    assert Envelope.loaded(envelope.dumped()) == envelope
    assert Envelope.loaded(Envelope("overland").dumped()) == Envelope("overland")
    assert {f.name for f in dataclasses.fields(Envelope)} >= set(json.loads(envelope.dumped()))
