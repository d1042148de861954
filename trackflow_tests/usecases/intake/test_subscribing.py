"""What phones publish to a broker is stored, whatever is killed or away: a real Mosquitto."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.settings import Settings
from trackflow.store.breakers import read_breakers
from trackflow.store.tables import gps_points
from trackflow.usecases.intake.subscribing import SERVICE, Broker
from trackflow_tests.helpers.broken_databases import read_only
from trackflow_tests.helpers.mosquitto import Mosquitto
from trackflow_tests.helpers.waiting import PATIENCE_S, wait_until

START = 1_772_000_000
ACCOUNTS = {"trackflow": "a word", "anna": "anna's", "ben": "ben's"}


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    made = Mosquitto(tmp_path / "broker", ACCOUNTS)
    made.start()
    try:
        yield made
    finally:
        made.stop()


@pytest.fixture
def variables(broker: Mosquitto, tmp_path: Path) -> dict[str, str]:
    return {
        "TRACKFLOW_HOME": str(tmp_path),
        "TRACKFLOW_ENGINE_URL": "none",
        "TRACKFLOW_MQTT_URL": broker.url("trackflow", "a%20word"),
        "TRACKFLOW_MQTT_CA": str(broker.ca),
    }


@contextmanager
def receiving(variables: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`trackflow mqtt`, killed at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "trackflow", "mqtt"],
            env=os.environ | variables,
            stdout=output,
            stderr=output,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def location(k: int) -> dict[str, Any]:
    return {"_type": "location", "tst": START + k, "lat": 60 + k / 1e5, "lon": 24.9, "acc": 5}


def publish(client: Any, topic: str, messages: list[Any]) -> None:
    """Publish as the apps do, and wait until the broker has taken each."""
    sent = [client.publish(topic, json.dumps(one), qos=1) for one in messages]
    for one in sent:
        one.wait_for_publish(PATIENCE_S)


def stored(context: Context) -> list[tuple[str, int]]:
    query = sa.select(gps_points.c.device_id, gps_points.c.recorded_at)
    with context.store.read() as connection:
        return sorted((row[0], int(row[1].timestamp())) for row in connection.execute(query))


@pytest.mark.slow
@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_every_message_is_stored_once_whatever_is_killed(
    broker: Mosquitto, variables: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    variables["TRACKFLOW_DATABASE_URL"] = database_url
    phones = {user: broker.client(user, ACCOUNTS[user]) for user in ("anna", "ben")}
    expected = sorted(
        (f"{user}/phone", START + k) for user in phones for k in range(400) if k % 100 != 99
    )

    def publish_part(part: int) -> None:
        for user, phone in phones.items():
            topic = f"owntracks/{user}/phone"
            publish(phone, topic, [location(k) for k in range(part * 100, part * 100 + 99)])
            publish(phone, topic, [{"_type": "lwt", "tst": START}])

    with Context.open(Settings.from_env(variables)) as context:
        with receiving(variables, log) as process:
            wait_until(lambda: b"connected to" in log.read_bytes())
            publish_part(0)
            wait_until(lambda: len(stored(context)) >= 50)
            process.kill()  # some are stored, some of these not acknowledged
        publish_part(1)  # while nobody receives
        with receiving(variables, log):
            wait_until(lambda: len(stored(context)) >= 300)
            with read_only(context.store):
                publish_part(2)
                wait_until(lambda: b"messages wait" in log.read_bytes())
            wait_until(lambda: len(stored(context)) >= 594)

            broker.stop()
            wait_until(lambda: b"was lost" in log.read_bytes())
            wait_until(lambda: SERVICE in _breakers(context))
            assert re.search(
                "was lost|cannot be reached", str(_breakers(context)[SERVICE].last_error)
            )
            broker.start()
            for phone in phones.values():
                wait_until(phone.is_connected)
            publish_part(3)
            wait_until(lambda: len(stored(context)) >= len(expected))
            wait_until(lambda: _breakers(context)[SERVICE].open_until is None)
        with receiving(variables, log) as process:  # nothing is left to come
            wait_until(lambda: log.read_bytes().count(b"connected to") >= 4)
            time.sleep(1)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0
        assert stored(context) == expected
    for phone in phones.values():
        phone.disconnect()
        phone.loop_stop()


@pytest.mark.slow
def test_a_wrong_account_is_named_and_what_is_unreadable_is_kept(
    broker: Mosquitto, variables: dict[str, str], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with Context.open(Settings.from_env(variables)) as context:
        wrong = variables | {"TRACKFLOW_MQTT_URL": broker.url("trackflow", "wrong")}
        with receiving(wrong, log):
            wait_until(lambda: b"refuses the account of TRACKFLOW_MQTT_URL" in log.read_bytes())
            wait_until(lambda: SERVICE in _breakers(context))
        assert b"wrong@" not in log.read_bytes()

        with receiving(variables, log):
            wait_until(lambda: b"connected to" in log.read_bytes())
            anna = broker.client("anna", ACCOUNTS["anna"])
            anna.publish("owntracks/anna/watch", b"\x00 no JSON", qos=1).wait_for_publish(
                PATIENCE_S
            )
            publish(anna, "owntracks/anna/watch", [location(1)])
            publish(anna, "owntracks/ben/phone", [location(2)])  # not hers: the broker refuses
            wait_until(lambda: len(stored(context)) == 1)
            anna.disconnect()
            anna.loop_stop()
        assert stored(context) == [("anna/watch", START + 1)]
        with context.store.read() as connection:
            kept = sa.text("SELECT count(*) FROM quarantined_points WHERE device_id='anna/watch'")
            assert connection.execute(kept).scalar() == 1


def _breakers(context: Context) -> dict[str, Any]:
    with context.store.read() as connection:
        return dict(read_breakers(connection))


@given(
    st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=60),
    st.sampled_from(["broker.example", "10.0.0.7", "[::1]"]),
    st.none() | st.integers(1, 65_535),
    st.booleans(),
)
def test_an_address_is_read_as_it_was_written(
    user: str, host: str, port: int | None, is_encrypted: bool
) -> None:
    scheme = "mqtts" if is_encrypted else "mqtt"
    url = f"{scheme}://{user}:p%40ss@{host}" + (f":{port}" if port else "")
    settings = Settings.from_env({"TRACKFLOW_MQTT_URL": url})
    found = Broker.of_url(settings.mqtt_url)
    usual = 8883 if is_encrypted else 1883
    assert found == Broker(host.strip("[]"), port or usual, is_encrypted, user, "p@ss")
    assert len(found.client_id) <= 23
    assert "p%40ss" not in repr(settings)


@pytest.mark.parametrize("url", ["broker:8883", "https://broker", "mqtt://", "mqtts://u@b c:1"])
def test_a_wrong_address_is_named_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError, match="TRACKFLOW_MQTT_URL is no address"):
        Settings.from_env({"TRACKFLOW_MQTT_URL": url})


@pytest.mark.parametrize("topic", ["owntracks/#/phone", "own+tracks/+"])
def test_a_wrong_topic_is_named(topic: str) -> None:
    with pytest.raises(SettingsError, match="no topic filter"):
        Settings.from_env({"TRACKFLOW_MQTT_TOPIC": topic})
