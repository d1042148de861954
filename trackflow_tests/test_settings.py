"""Settings come from the environment; what cannot be read is named in one line."""

import os
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackflow.errors import SettingsError
from trackflow.settings import Settings, variables

SAMPLES = {
    "TRACKFLOW_HOME": ("/srv/trackflow", Path("/srv/trackflow")),
    "TRACKFLOW_DATABASE_URL": ("sqlite:///x.db", "sqlite:///x.db"),
    "TRACKFLOW_ENGINE_URL": ("http://osrm:5000", "http://osrm:5000"),
    "TRACKFLOW_ENGINE_CONNECTIONS": ("8", 8),
    "TRACKFLOW_WORKERS": ("3", 3),
    "TRACKFLOW_LEASE_S": ("7.5", 7.5),
    "TRACKFLOW_MAX_TRIES": ("9", 9),
    "TRACKFLOW_TILES_URL": ("https://t.example/{z}/{x}/{y}.png",) * 2,
    "TRACKFLOW_INBOX": ("/srv/in", Path("/srv/in")),
    "TRACKFLOW_DAGSTER_URL": ("https://t.example/dagster/", "https://t.example/dagster"),
    "TRACKFLOW_DATABASE_CONNECTIONS": ("30", 30),
    "TRACKFLOW_RETENTION_DAYS": ("365", 365),
    "TRACKFLOW_RETENTION_KEEPS": ("tracks", True),
    "TRACKFLOW_LIVERC_URL": (" http://a http://a/{slug} ", "http://a http://a/{slug}"),
    "TRACKFLOW_CATALOGUE_FILE": ("https://x.example/list.json",) * 2,
    "TRACKFLOW_CATALOGUE_CONCURRENCY": ("4", 4),
    "TRACKFLOW_CATALOGUE_PER_S": ("0.5", 0.5),
    "TRACKFLOW_CATALOGUE_LIMIT_S": ("60", 60.0),
    "TRACKFLOW_NOTIFY_URLS": ("json://a  json://b", ("json://a", "json://b")),
    "TRACKFLOW_CORS_ORIGINS": ("https://A.example  *", ("https://a.example", "*")),
    "TRACKFLOW_LOG_FORMAT": ("json", "json"),
    "TRACKFLOW_ALERTS_OFF": ("stale van-7", ("stale", "van-7")),
    "TRACKFLOW_ALERT_BACKLOG_MIN": ("15", 15.0),
    "TRACKFLOW_ALERT_SILENT_H": ("2", 2.0),
    "TRACKFLOW_ALERT_DISK_GB": ("20", 20.0),
    "TRACKFLOW_GEOCODER_URL": ("photon+https://p.example",) * 2,
    "TRACKFLOW_GEOCODER_FILE": ("/srv/places.csv", Path("/srv/places.csv")),
    "TRACKFLOW_ADDRESSES": ("no", False),
    "TRACKFLOW_GEOCODER_PER_S": ("20", 20.0),
    "TRACKFLOW_GEOCODER_CONNECTIONS": ("4", 4),
    "TRACKFLOW_CLOSE_AFTER_DAYS": ("14", 14),
    "TRACKFLOW_LOGBOOK_JOIN_MIN": ("30", 30.0),
    "TRACKFLOW_VISIT_RADIUS_M": ("150", 150.0),
    "TRACKFLOW_VISIT_MIN": ("5", 5.0),
    "TRACKFLOW_MESH_STORAGE": ("s3://bucket/meshes/", "s3://bucket/meshes"),
    "TRACKFLOW_MESH_INBOX": ("/srv/images", Path("/srv/images")),
    "TRACKFLOW_MESH_LOGOS": ("no", False),
    "TRACKFLOW_MESH_WORKERS": ("4", 4),
    "TRACKFLOW_MESH_URL": ("http://meshes:8100/", "http://meshes:8100"),
    "TRACKFLOW_MESH_TOKEN": ("secret-of-meshes", "secret-of-meshes"),
    "TRACKFLOW_MESH_CALLBACK_URL": ("http://trackflow:8000", "http://trackflow:8000"),
    "TRACKFLOW_MESH_SECRET": (
        "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBtZXNoZXM=",
        "whsec_c2VjcmV0IG9mIHRoZSB0ZXN0cyBvZiBtZXNoZXM=",
    ),
    "TRACKFLOW_MESH_ALLOW_HOSTS": ("images.lan 10.1.0.0/16", ("images.lan", "10.1.0.0/16")),
    "TRACKFLOW_MESH_IMAGE_MB": ("16", 16),
    "TRACKFLOW_MESH_MEGAPIXELS": ("20", 20),
    "TRACKFLOW_MESH_MEMORY_MB": ("512", 512),
    "TRACKFLOW_MESH_LIMIT_S": ("60", 60.0),
    "TRACKFLOW_MESH_NOTIFY": (
        "harbour=json://a user:anna=json://b?x=1",
        (("harbour", "json://a"), ("user:anna", "json://b?x=1")),
    ),
    "TRACKFLOW_PUBLIC_URL": ("https://trackflow.example/", "https://trackflow.example"),
    "TRACKFLOW_STATSD": ("[::1]:8125", ("::1", 8125)),
    "TRACKFLOW_QUARANTINE_MB": ("12", 12),
    "TRACKFLOW_OWNTRACKS_KEYS": ("one two", ("one", "two")),
    "TRACKFLOW_EXECUTION": ("celery", "celery"),
    "TRACKFLOW_BROKER_URL": ("redis://broker:6379/0", "redis://broker:6379/0"),
    "TRACKFLOW_MACHINES": ("3", 3),
    "TRACKFLOW_MQTT_CA": ("/etc/ca.pem", Path("/etc/ca.pem")),
    "TRACKFLOW_MQTT_TOPIC": ("people/#", "people/#"),
    "TRACKFLOW_MQTT_URL": ("mqtts://me:pw@broker", "mqtts://me:pw@broker"),
    "TRACKFLOW_NETWORKS": ("s3://bucket/networks/", "s3://bucket/networks"),
    "TRACKFLOW_TIME_ZONE": ("Europe/Helsinki", "Europe/Helsinki"),
}

BOUNDS = {
    "TRACKFLOW_DATABASE_CONNECTIONS": (4, 1000),
    "TRACKFLOW_ENGINE_CONNECTIONS": (1, 1024),
    "TRACKFLOW_WORKERS": (1, 256),
    "TRACKFLOW_LEASE_S": (1, 86_400),
    "TRACKFLOW_MAX_TRIES": (1, 100),
    "TRACKFLOW_RETENTION_DAYS": (0, 36_500),
    "TRACKFLOW_CATALOGUE_CONCURRENCY": (1, 32),
    "TRACKFLOW_CATALOGUE_PER_S": (0.01, 1000),
    "TRACKFLOW_CATALOGUE_LIMIT_S": (1, 86_400),
    "TRACKFLOW_VISIT_RADIUS_M": (10, 10_000),
    "TRACKFLOW_VISIT_MIN": (1, 1440),
    "TRACKFLOW_GEOCODER_PER_S": (0.001, 100_000),
    "TRACKFLOW_GEOCODER_CONNECTIONS": (1, 256),
    "TRACKFLOW_CLOSE_AFTER_DAYS": (1, 365),
    "TRACKFLOW_LOGBOOK_JOIN_MIN": (0, 1440),
    "TRACKFLOW_MESH_WORKERS": (1, 10),
    "TRACKFLOW_MESH_IMAGE_MB": (1, 4096),
    "TRACKFLOW_MESH_MEGAPIXELS": (1, 50),
    "TRACKFLOW_MESH_MEMORY_MB": (64, 1_000_000),
    "TRACKFLOW_MESH_LIMIT_S": (1, 86_400),
    "TRACKFLOW_QUARANTINE_MB": (1, 1_000_000),
    "TRACKFLOW_MACHINES": (1, 100),
}


def test_each_setting_has_a_variable_of_its_own() -> None:
    names = [variable.name for variable in variables().values()]
    assert sorted(names) == sorted(SAMPLES)
    settings = Settings.from_env({name: text for name, (text, _) in SAMPLES.items()})
    for field in fields(Settings):
        assert getattr(settings, field.name) == SAMPLES[variables()[field.name].name][1]


def test_without_variables_the_defaults_hold() -> None:
    settings = Settings.from_env({})
    assert settings == Settings(workers=os.cpu_count() or 1)
    assert Settings.from_env(dict.fromkeys(SAMPLES, " ")) == settings
    assert settings.url == f"sqlite:///{settings.home / 'trackflow.db'}"


@given(st.sampled_from(sorted(BOUNDS)), st.floats() | st.integers())
def test_numbers_are_taken_within_their_bounds_only(name: str, value: float) -> None:
    smallest, largest = BOUNDS[name]
    field = next(field for field, variable in variables().items() if variable.name == name)
    is_whole = isinstance(getattr(Settings(home=Path()), field), int)
    env = {"TRACKFLOW_HOME": "x", name: str(value)}
    if smallest <= value <= largest and (not is_whole or value == int(value)):
        assert getattr(Settings.from_env(env), field) == value
    else:
        with pytest.raises(SettingsError, match=name):
            Settings.from_env(env)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("TRACKFLOW_LEASE_S", "many", "is not a number"),
        ("TRACKFLOW_WORKERS", "2.5", "is not a whole number"),
        ("TRACKFLOW_WORKERS", "0", "must lie between 1 and 256"),
        ("TRACKFLOW_VISIT_MIN", "nan", "must lie between 1 and 1440"),
        ("TRACKFLOW_RETENTION_KEEPS", "points", "must be tracks or nothing"),
        ("TRACKFLOW_TILES_URL", "ftp://x/{z}", "is no tile address"),
        ("TRACKFLOW_TIME_ZONE", "Mars/Base", "is no time zone"),
        ("TRACKFLOW_MESH_URL", "meshes:8100", "is no address of a server"),
    ],
)
def test_what_cannot_be_read_is_named_with_its_text(name: str, text: str, why: str) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({name: text})
    message = str(caught.value)
    assert message.startswith(f"{name}={text!r} {why}")
    assert "\n" not in message


def test_secrets_are_not_shown() -> None:
    settings = Settings.from_env({name: text for name, (text, _) in SAMPLES.items()})
    assert "json://" not in repr(settings)
    assert "'two'" not in repr(settings)
    assert "secret-of-meshes" not in repr(settings)
    assert "whsec_" not in repr(settings)


@pytest.mark.parametrize("text", ["whsec_", "hello", "whsec_c2hvcnQ=", "%%%"])
def test_a_secret_that_is_too_weak_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(SettingsError, match="24 bytes") as caught:
        Settings.from_env({"TRACKFLOW_MESH_SECRET": text})
    assert text not in str(caught.value)
