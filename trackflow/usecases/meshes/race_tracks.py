"""Meshes of race tracks."""

from collections.abc import Sequence

from trackflow.context import Context
from trackflow.store.meshes.finished import newest_finished
from trackflow.usecases.meshes.requests import key_part


def logo_key(source: str, slug: str) -> str:
    """The key of the image that is a race track's logo."""
    return f"catalogue/{key_part(source)}/{key_part(slug)}"


def meshes_of_logos(context: Context, source: str, slugs: Sequence[str]) -> dict[str, str]:
    """The newest finished mesh of each race track's logo, by slug; some tracks have none."""
    keys = {logo_key(source, slug): slug for slug in slugs}
    with context.store.read() as connection:
        found = newest_finished(connection, list(keys))
    return {keys[key]: mesh_id for key, mesh_id in found.items()}
