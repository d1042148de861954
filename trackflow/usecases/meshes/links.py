"""Addresses of meshes: paths below the API's address, and links for messages."""

from trackflow.settings import Settings

MAIN_FILE = "mesh.glb"
THUMBNAIL = "thumbnail.png"


def result_path(mesh_id: str, name: str = MAIN_FILE) -> str:
    """The path of a file of a mesh in the API."""
    return f"/api/v1/meshes/{mesh_id}/files/{name}"


def page_of_mesh(settings: Settings, mesh_id: str) -> str | None:
    """The page that shows a mesh; None if the page's own address is not known."""
    return f"{settings.public_url}/meshes/{mesh_id}" if settings.public_url else None


def result_link(settings: Settings, mesh_id: str) -> str | None:
    """The whole address of a mesh's GLB; None if the page's own address is not known."""
    return settings.public_url + result_path(mesh_id) if settings.public_url else None
