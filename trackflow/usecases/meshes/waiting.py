"""What waits to be made: images that are new or have changed, and meshes that were requested."""

import datetime as dt
from dataclasses import dataclass, field

from trackflow.context import Context
from trackflow.errors import SettingsError
from trackflow.store.meshes import history
from trackflow.store.meshes.meshes import Mesh
from trackflow.usecases.meshes.fetching import fetch_image
from trackflow.usecases.meshes.finding import find_images

MOST_DUE = 1000


@dataclass(frozen=True, slots=True)
class FoundImage:
    """An image that no worker has looked at as it is now.

    Attributes:
        image_key: its key.
        read_at: when its bytes were last read, UTC; None before.
    """

    image_key: str
    read_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """What waits.

    Attributes:
        images: keys of all images, those that are gone included.
        found: images that are new or have changed where they come from.
        due: meshes that were requested and may be made now; none of a batch.
        problem: why not all sources were looked at; empty if they were.
    """

    images: list[str] = field(default_factory=list)
    found: list[FoundImage] = field(default_factory=list)
    due: list[Mesh] = field(default_factory=list)
    problem: str = ""


def waiting_work(context: Context) -> WaitingWork:
    """Look at the sources and the queue; it changes nothing and fetches nothing."""
    problem = ""
    keys: list[str] = []
    try:
        found = find_images(context, fetch_image, dry_run=True)
        keys = [*found.new, *found.changed]
    except SettingsError as error:
        problem = str(error)
    with context.store.read() as connection:
        known = history.image_states(connection)
        due = history.due(connection, context.clock(), MOST_DUE)
    return WaitingWork(
        sorted({*known, *keys}),
        [FoundImage(key, known.get(key)) for key in dict.fromkeys(keys)],
        due,
        problem,
    )


def has_work(context: Context) -> bool:
    """Whether there is any image, known or new: without one, a sync has nothing to do."""
    work = waiting_work(context)
    return bool(work.images or work.problem)
