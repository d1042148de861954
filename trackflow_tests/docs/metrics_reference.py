"""`docs/reference/metrics.md`, out of what a running application exposes."""

import asyncio
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
from fastapi import FastAPI

from trackflow.context import Context
from trackflow.settings import Settings
from trackflow.web.app import create_app
from trackflow_tests.docs.markdown import GENERATED, page, table

ENDINGS = {"counter": ("_total",), "histogram": ("_bucket", "_count", "_sum"), "info": ("_info",)}
"""Endings of the names of samples, by kind; a gauge's name has none."""

PREFIX = "trackflow_"


@dataclass(frozen=True, slots=True)
class ExposedMetric:
    """A metric of `/metrics`.

    Attributes:
        name: as it is declared.
        kind: gauge, counter, histogram or info.
        text: what it is.
        labels: names of its labels, without those of a histogram's buckets.
    """

    name: str
    kind: str
    text: str
    labels: tuple[str, ...]

    @property
    def samples(self) -> tuple[str, ...]:
        """Names of its samples, as queries use them."""
        return tuple(self.name + ending for ending in ENDINGS.get(self.kind, ("",)))


@cache
def exposed() -> dict[str, ExposedMetric]:
    """All metrics by name, those without values included."""
    with (
        tempfile.TemporaryDirectory() as folder,
        Context.open(Settings(home=Path(folder))) as context,
    ):
        app = create_app(context)
        asyncio.run(_ask_once(app))
        families = list(app.state.metrics.collect())
        app.state.reception.close()
        app.state.road_tiles.close()
    return {one.name: _metric(one) for one in sorted(families, key=lambda one: one.name)}


async def _ask_once(app: FastAPI) -> None:
    """The first request makes the figures of requests."""
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        await client.get("/nowhere")


def _metric(family: object) -> ExposedMetric:
    of_samples = {name for sample in family.samples for name in sample.labels} - {"le"}
    labels = getattr(family, "_labelnames", None) or tuple(sorted(of_samples))
    return ExposedMetric(family.name, family.type, family.documentation, labels)


METRICS = f"""# Metrics

{GENERATED}

`/metrics` answers in the text format of Prometheus, with a token of scope `read`. Figures of the
store are the same in every process; those of a process say so.
[Monitoring](../operations/monitoring.md) has a scrape configuration, rules and a dashboard.
"""


def metrics_reference() -> str:
    """The page."""
    rows = [
        (
            ", ".join(f"`{name}`" for name in _shown(one)),
            one.kind,
            ", ".join(f"`{label}`" for label in one.labels),
            one.text,
        )
        for one in exposed().values()
    ]
    own = [row for row in rows if PREFIX in row[0]]
    others = [row for row in rows if PREFIX not in row[0]]
    header = ("metric", "kind", "labels", "what it is")
    return page(
        METRICS.splitlines(),
        table(header, own),
        ["## Of the process", "", *table(header, others)],
    )


def _shown(one: ExposedMetric) -> tuple[str, ...]:
    return (one.name,) if one.kind == "histogram" else one.samples
