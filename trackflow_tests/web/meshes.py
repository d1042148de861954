"""Small images, and meshes of them in a store, for tests of the API and the page."""

import io
from typing import Any

import numpy as np
from PIL import Image

from trackflow.context import Context
from trackflow.meshes.parameter_checks import hash_of
from trackflow.meshes.parameters import MeshParameters
from trackflow.store.meshes import images
from trackflow.usecases.meshes.race_tracks import logo_key
from trackflow.usecases.meshes.requests import MeshRequest, request_mesh
from trackflow.usecases.meshes.running import run_due_meshes
from trackflow.usecases.meshes.tools import FetchImage, fetch_image
from trackflow_tests.meshes.inline import InlineGenerator


def hill_png(size: int = 24, seed: int = 0) -> bytes:
    """A grey height map: a hill with some noise, another one for each seed."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    noise = np.random.default_rng(seed).uniform(0, 0.1, (size, size))
    heights = np.exp(-3 * (x**2 + y**2)) * 0.9 + noise
    return png_of((heights * 255).clip(0, 255).astype(np.uint8))


def ring_png(size: int = 40) -> bytes:
    """A silhouette with a hole."""
    x, y = np.meshgrid(np.linspace(-1, 1, size), np.linspace(-1, 1, size))
    far = np.hypot(x, y)
    return png_of(np.where((far < 0.8) & (far > 0.4), 0, 255).astype(np.uint8))


def png_of(pixels: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def make_due(context: Context, fetch: FetchImage = fetch_image) -> None:
    """Make all meshes that wait."""
    run_due_meshes(context, InlineGenerator(), fetch=fetch)


def made_mesh(context: Context, image: bytes, name: str, **parameters: object) -> str:
    """The id of a mesh that is made here and now."""
    request = MeshRequest(image=image, name=name, parameters=parameters)
    mesh = request_mesh(context, request)
    make_due(context)
    return mesh.mesh_id


def made_logo(context: Context, source: str, slug: str, **parameters: object) -> str:
    """The id of a mesh of a race track's logo, which a sync of meshes has found."""
    values = {
        "source": "catalogue",
        "name": slug,
        "address": "https://images.example/logo.png",
        "parameters": {},
        "parameters_hash": hash_of(MeshParameters()),
    }
    key = logo_key(source, slug)
    with context.store.write() as connection:
        images.save_image(connection, key, context.clock(), values)
    mesh = request_mesh(context, MeshRequest(image_key=key, parameters=parameters))
    make_due(context, fetch=lambda _context, _address: ring_png())
    return mesh.mesh_id
