"""Chunks of the rows of GeoJSON: their times, devices and measures, admitted."""

from collections import Counter
from collections.abc import Iterator, Sequence

from trackflow.sources.admission import Candidates, Devices, admit
from trackflow.sources.containers.streams import Stream
from trackflow.sources.devices.fixes import dumped
from trackflow.sources.devices.raw_fix import text
from trackflow.sources.options import ReadOptions
from trackflow.sources.parsing.csv_columns import are_devices
from trackflow.sources.parsing.csv_layout import SAMPLE_ROWS
from trackflow.sources.parsing.geojson_features import FeatureCollector
from trackflow.sources.parsing.geojson_rows import Rows
from trackflow.sources.parsing.json_values import JsonElements
from trackflow.sources.records import Chunk, PointBatch, Refusal
from trackflow.sources.rows import time_text
from trackflow.sources.values.cells import Numbers, strings
from trackflow.sources.values.columns import Role
from trackflow.sources.values.times import (
    AmbiguousOrderError,
    DateOrder,
    TimeRules,
    Times,
    decide_order,
    times,
    times_in_zones,
)
from trackflow.sources.values.units import Quantity, best_accuracy_m, decimal_commas
from trackflow.sources.values.zones import zone_of


class RowReader:
    """Turns rows into chunks. How times are written is decided from the first rows.

    Args:
        stream: the file.
        devices: the device of all points if a person has named one, and that of those without any.
        now_us: UTC microseconds; later times than this and a day are refused.
        options: the person's settings for the file.
    """

    def __init__(
        self,
        stream: Stream,
        devices: tuple[str | None, str],
        now_us: int,
        options: ReadOptions,
    ) -> None:
        self._stream = stream
        self._device_id, self._fallback_device = devices
        self._now_us = now_us
        self._options = options
        self._rules = options.time_rules
        self._is_decided = False
        self._device_role = Role.DEVICE

    def chunks(
        self, collector: FeatureCollector, most: int, *, is_last: bool = False
    ) -> Iterator[Chunk]:
        """What has been collected, about `most` rows at a time; at the end at least one chunk."""
        whole, refused, skipped = collector.take()
        left = len(whole)
        if not left and (refused or skipped or is_last):
            yield Chunk(PointBatch.empty(), refused, self._stream.position(), skipped=skipped)
        for rows in whole.pieces(most):
            left -= len(rows)
            yield self._chunk(rows, [] if left else refused, Counter() if left else skipped)

    def _chunk(self, rows: Rows, refused: list[Refusal], skipped: Counter[str]) -> Chunk:
        lon, lat, altitude, raw_times = rows.positions()
        moments = [each if type(each) is str else time_text(each) for each in raw_times]
        if not self._is_decided:
            self._is_decided = True
            self._rules = self._decided(moments[:SAMPLE_ROWS])
            self._device_role = _role_of_devices(rows.up_to(SAMPLE_ROWS))

        def describe(index: int) -> tuple[str, str]:
            lon, lat, altitude, _, known, number, position = rows.at(index)
            shown = {str(role): value for role, value in known.items()}
            raw = dumped([lon, lat, altitude, moments[index], shown])
            where = f"{self._stream.name}: element {number}"
            return raw, f"{where}, position {position}" if position else where

        candidates = self._candidates(rows, (lon, lat, altitude), moments)
        accepted, refused_now = admit(candidates, self._now_us, describe)
        naive = candidates.times.naive
        done = self._stream.position()
        return Chunk(accepted, refused_now + refused, done, naive, skipped)

    def _decided(self, sample: Sequence[str | None]) -> TimeRules:
        """The rules with the order of dates; by the whole file where the sample has both."""
        form, zone = self._rules.form, self._rules.zone
        try:
            order = decide_order(sample, self._rules, "time", self._stream.name)
        except AmbiguousOrderError:
            if self._stream.again is None:
                raise
            order = None
            with self._stream.again() as whole:
                seen = FeatureCollector(whole, None, self._options)
                elements = JsonElements(whole)
                for number, element in enumerate(elements, start=1):
                    seen.add(element, number, elements.top)
                    if len(seen) >= SAMPLE_ROWS:
                        order = order or _order_in(seen.take()[0], self._rules, whole.name)
                order = order or _order_in(seen.take()[0], self._rules, whole.name)
            if order is None:
                raise
        return TimeRules(form, order, zone)

    def _candidates(
        self,
        rows: Rows,
        places: tuple[list[object], list[object], list[object]],
        moments: list[str | None],
    ) -> Candidates:
        lon, lat, altitude = places
        commas = decimal_commas(lat, lon)

        def beside(role: Role, quantity: Quantity) -> Numbers:
            return Numbers.of_objects(rows.known(role), quantity, commas)

        return Candidates(
            self._devices(rows.known(self._device_role)),
            self._times(moments, rows.known(Role.ZONE)),
            Numbers.of_objects(lat, Quantity.LATITUDE),
            Numbers.of_objects(lon, Quantity.LONGITUDE),
            Numbers.of_objects(altitude, Quantity.LENGTH, commas).values,
            best_accuracy_m(
                beside(Role.ACCURACY, Quantity.LENGTH).values,
                beside(Role.HDOP, Quantity.RATIO).values,
            ),
            beside(Role.SPEED, Quantity.SPEED).values,
            beside(Role.COURSE, Quantity.ANGLE).values,
        )

    def _times(self, moments: list[str | None], zone_values: list[object]) -> Times:
        if all(zone is None for zone in zone_values):
            return times(strings(moments), self._rules)
        zones = [text(zone) for zone in zone_values]
        if not any(zone and zone_of(zone) for zone in zones):
            return times(strings(moments), self._rules)
        readable = [zone if zone and zone_of(zone) else None for zone in zones]
        return times_in_zones(strings(moments), strings(readable), self._rules)

    def _devices(self, names: list[object]) -> Devices:
        if self._device_id is not None:
            return Devices.all_of(self._device_id, len(names))
        found = [text(name) for name in names]
        name_of = {name: (name or "").strip() or self._fallback_device for name in set(found)}
        return Devices.of_names([name_of[name] for name in found])


def _order_in(rows: Rows, rules: TimeRules, name: str) -> DateOrder | None:
    moments = rows.positions()[3]
    try:
        return decide_order([time_text(moment) for moment in moments], rules, "time", name)
    except AmbiguousOrderError:
        return None


def _role_of_devices(rows: Rows) -> Role:
    """What names the devices: nothing but their own column, or an `id` or `name` that does."""
    if any(name is not None for name in rows.known(Role.DEVICE)):
        return Role.DEVICE
    moments = rows.positions()[3]
    for role in (Role.ROW_ID, Role.NAME):
        ids = [named for row_id in rows.known(role) if (named := text(row_id)) is not None]
        if len(ids) == len(rows) and are_devices(role, ids, moments):
            return role
    return Role.DEVICE
