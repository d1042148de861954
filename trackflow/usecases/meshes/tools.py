"""What making meshes needs beside the store: a generator, the storage, and a way to addresses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from trackflow.context import Context
from trackflow.meshes.generators.admission import PixelCost
from trackflow.meshes.generators.protocol import MeshGenerator
from trackflow.meshes.report import MeshCost
from trackflow.settings import Settings
from trackflow.store.meshes.costs import recent_costs
from trackflow.store.meshes.files import MeshStorage, open_storage
from trackflow.usecases.meshes.fetching import fetch_image
from trackflow.usecases.meshes.generators import service_generator

if TYPE_CHECKING:
    from trackflow.meshes.generators.embedded import EmbeddedGenerator

STORAGE_FOLDER = "meshes"
MEGA = 1_000_000

type FetchImage = Callable[[Context, str], bytes]
"""Fetches the image at an address."""


@dataclass(frozen=True, slots=True)
class MeshTools:
    """The generator, the storage of files, and what fetches images."""

    generator: MeshGenerator
    storage: MeshStorage
    fetch: FetchImage = fetch_image


def storage_of(settings: Settings) -> MeshStorage:
    """The storage of these settings (`TRACKFLOW_MESH_STORAGE`).

    Raises:
        SettingsError: there is no such kind of storage.
    """
    return open_storage(settings.mesh_storage, settings.home / STORAGE_FOLDER)


@contextmanager
def opened_tools(context: Context) -> Iterator[MeshTools]:
    """The tools of these settings: with a mesh service, or with child processes of this machine.

    They end with the block.
    """
    has_service = bool(context.settings.mesh_url)
    generator = service_generator(context) if has_service else embedded_generator(context)
    try:
        yield MeshTools(generator, storage_of(context.settings))
    finally:
        generator.close()


def embedded_generator(context: Context) -> "EmbeddedGenerator":
    """The generator of this machine's child processes, with the limits of the settings."""
    settings = context.settings
    return child_generator(settings, settings.mesh_workers, pixel_cost(context))


def child_generator(
    settings: Settings, workers: int, cost: PixelCost | None = None
) -> "EmbeddedGenerator":
    """As `embedded_generator`, without a store; the caller closes it.

    Args:
        settings: with the limits of one image.
        workers: meshes that are made at once.
        cost: what a pixel took of late; by default, an estimate.
    """
    # triangulation and raster libraries take a second to load: only when meshes are made
    from trackflow.meshes.generators.embedded import ChildLimits, EmbeddedGenerator

    limits = ChildLimits(
        most_pixels=settings.mesh_megapixels * MEGA,
        memory_bytes=settings.mesh_memory_mb * MEGA,
        limit_s=settings.mesh_limit_s,
    )
    return EmbeddedGenerator(limits, workers=workers, cost=cost or PixelCost())


def pixel_cost(context: Context) -> PixelCost:
    """What a pixel took of late, so that a new process need not learn it by running out."""
    with context.store.read() as connection:
        found = recent_costs(connection)
    cost = PixelCost()
    for pixels, peak_bytes in reversed(found):
        cost = cost.noted(MeshCost(pixels, 0.0, peak_bytes))
    return cost
