"""Requests: an image, by its bytes or its address, and the parameters of its mesh."""

import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trackflow.context import Context
from trackflow.errors import BadInputError
from trackflow.meshes.generators.probing import pixel_count
from trackflow.meshes.json_values import parameter_values
from trackflow.meshes.parameter_checks import checked_parameters, hash_of
from trackflow.store.database import Connection
from trackflow.store.meshes import images, meshes
from trackflow.store.meshes.endings import BY_SYNC
from trackflow.store.meshes.files import MeshStorage, hash_in
from trackflow.store.meshes.images import ImageContent, MeshImage
from trackflow.store.meshes.meshes import Mesh, MeshStatus
from trackflow.usecases.meshes.tools import storage_of

PERSON_WAITS, BATCH, SYNC = 0, 1, BY_SYNC
"""Priorities: the smaller, the sooner."""

MESH_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
MOST_KEY_CHARACTERS = 200
MOST_ADDRESS_CHARACTERS = 2000
MOST_NAME_CHARACTERS = 80

IMAGE_ENDING = ".image"
"""Ending of the names of stored images; what they are is read from their content."""


@dataclass(frozen=True, slots=True)
class MeshRequest:
    """A request for a mesh.

    Attributes:
        image_key: of an image that is known; or else
        image: its bytes; or else
        image_url: its address.
        name: of the image, for people; by default the end of its address.
        parameters: what is asked, as JSON.
        mesh_id: that the caller chose; by default a new one.
        idempotency_key: a second request with it gives the first one's mesh.
        project: that the mesh belongs to.
        user_name: of the person who asks.
        priority: 0 a person waits, 1 a batch, 2 a sync.
        wants_notice: whether a message is sent at its end.
    """

    image_key: str | None = None
    image: bytes | None = None
    image_url: str | None = None
    name: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    mesh_id: str | None = None
    idempotency_key: str | None = None
    project: str | None = None
    user_name: str | None = None
    priority: int = PERSON_WAITS
    wants_notice: bool = True


def request_mesh(context: Context, request: MeshRequest) -> Mesh:
    """Queue a mesh; a request that was made before gives the mesh that it gave.

    Raises:
        BadInputError: the request makes no sense, or its id or key stands for another request.
        NotFoundError: there is no image of the key.
        MeshStorageError: the image cannot be stored.
    """
    _check(request)
    parameters = checked_parameters(request.parameters)
    image_key = request.image_key or save_image(context, request)
    with context.store.write() as connection:
        image = images.read_image(connection, image_key)
        values = mesh_values(image, parameter_values(parameters), hash_of(parameters))
        known = _known(connection, request, values)
        if known is not None:
            return known
        mesh_id = request.mesh_id or str(uuid.uuid4())
        values |= {
            "mesh_id": mesh_id,
            "priority": request.priority,
            "idempotency_key": request.idempotency_key,
            "project": request.project or image.project,
            "user_name": request.user_name or image.user_name,
            "wants_notice": request.wants_notice,
            "created_at": context.clock(),
        }
        meshes.add_mesh(connection, values)
        return meshes.read_mesh(connection, mesh_id)


def mesh_values(
    image: MeshImage, parameters: Mapping[str, Any], parameters_hash: str
) -> dict[str, Any]:
    """The columns of a new mesh that follow from its image and parameters."""
    return {
        "image_key": image.image_key,
        "parameters": dict(parameters),
        "parameters_hash": parameters_hash,
        "pixels": image.pixels,
    }


def save_image(context: Context, request: MeshRequest) -> str:
    """Store the image of a request, or note its address; returns its key.

    Its parameters become what a sync keeps its mesh to.

    Raises:
        BadInputError: there is no image, or it is too large.
        MeshStorageError: it cannot be stored.
    """
    parameters = checked_parameters(request.parameters)
    values: dict[str, Any] = {
        "parameters": parameter_values(parameters),
        "parameters_hash": hash_of(parameters),
        "project": request.project,
        "user_name": request.user_name,
    }
    now = context.clock()
    if request.image is not None:
        content = store_content(storage_of(context.settings), request.image, context)
        name = (request.name or "image")[-MOST_KEY_CHARACTERS:]
        image_key = f"upload/{key_part(name)}-{content.content_hash[:10]}"
        values |= {"source": "upload", "name": name, "fetched_at": now, **columns_of(content)}
    else:
        image_key, name = key_of_address(request.image_url or "")
        values |= {
            "source": "api",
            "name": request.name or name,
            "address": request.image_url,
        }
    with context.store.write() as connection:
        images.save_image(connection, image_key, now, values)
    return image_key


def store_content(storage: MeshStorage, image: bytes, context: Context) -> ImageContent:
    """Store the bytes of an image.

    Raises:
        BadInputError: there are none, or too many.
        MeshStorageError: they cannot be stored.
    """
    most = context.settings.mesh_image_mb
    if not image:
        raise BadInputError("the image has 0 bytes")
    if len(image) > most * 1_000_000:
        raise BadInputError(
            f"the image has {len(image):,} bytes; TRACKFLOW_MESH_IMAGE_MB allows {most:,} MB"
        )
    stored = storage.put(image, IMAGE_ENDING)
    return ImageContent(stored, hash_in(stored), len(image), pixel_count(image))


def columns_of(content: ImageContent) -> dict[str, Any]:
    """The columns of an image's content."""
    return {
        "stored_name": content.stored_name,
        "content_hash": content.content_hash,
        "size_bytes": content.size_bytes,
        "pixels": content.pixels,
    }


def key_of_address(address: str) -> tuple[str, str]:
    """The key and the name of an image at an address.

    The key holds a hash and not the address, which may have a password in it.
    """
    name = address.split("?")[0].split("#")[0].rstrip("/").rpartition("/")[2] or "image"
    digest = hashlib.blake2b(address.encode(), digest_size=6).hexdigest()
    return f"api/{key_part(name)}-{digest}", name[:MOST_NAME_CHARACTERS]


def key_part(name: str) -> str:
    """A name as a part of a key: letters, digits, a few signs; different names stay different."""
    plain = re.sub(r"\.{2,}", ".", re.sub(r"[^\w./ -]", "_", name)).strip("/")
    plain = plain[-MOST_NAME_CHARACTERS:]
    if plain == name:
        return plain
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    return f"{plain}-{digest}"


def _check(request: MeshRequest) -> None:
    given = [request.image_key, request.image, request.image_url]
    if sum(one is not None for one in given) != 1:
        raise BadInputError("a mesh needs one image: a file or an image_url")
    if request.image_url is not None and (
        len(request.image_url) > MOST_ADDRESS_CHARACTERS
        or not re.fullmatch(r"https?://[^\s/\0][^\0]*", request.image_url)
    ):
        raise BadInputError("image_url is no web address; it begins with https:// or http://")
    if request.mesh_id is not None and not MESH_ID.fullmatch(request.mesh_id):
        raise BadInputError(
            "mesh_id has letters, digits, dots, strokes and underscores only, at most 100"
        )
    for name in ("idempotency_key", "project", "user_name", "name"):
        value = getattr(request, name)
        if value is not None and not (0 < len(value) <= MOST_KEY_CHARACTERS and "\0" not in value):
            raise BadInputError(f"{name} has 1 to {MOST_KEY_CHARACTERS} characters")


def _known(connection: Connection, request: MeshRequest, values: Mapping[str, Any]) -> Mesh | None:
    """The mesh of the same request; one that waits for the same thing is enough."""
    if request.idempotency_key is not None:
        found = meshes.by_idempotency_key(connection, request.idempotency_key)
        if found is not None:
            return _same(found, values, f"the idempotency key {request.idempotency_key!r}")
    if request.mesh_id is not None:
        found = meshes.find_mesh(connection, request.mesh_id)
        return None if found is None else _same(found, values, f"the mesh id {request.mesh_id}")
    if request.idempotency_key is not None:
        return None
    waiting = meshes.list_meshes(
        connection,
        statuses=(MeshStatus.QUEUED, MeshStatus.RUNNING),
        image_key=values["image_key"],
    )
    for mesh in waiting:
        is_same = mesh.parameters_hash == values["parameters_hash"]
        if is_same and mesh.batch_id is None and mesh.idempotency_key is None:
            return mesh
    return None


def _same(found: Mesh, values: Mapping[str, Any], what: str) -> Mesh:
    if (found.image_key, found.parameters_hash) != (
        values["image_key"],
        values["parameters_hash"],
    ):
        raise BadInputError(f"{what} stands for another image or other parameters already")
    return found
