"""Files of meshes: with ranges, ETags, and Draco's smaller variant at the same address."""

import re
from typing import Annotated
from urllib.parse import quote

from fastapi import Path, Query, Request, Response

from trackflow.context import Context
from trackflow.errors import GoneError, NotFoundError
from trackflow.usecases.access.tokens import Scope
from trackflow.usecases.meshes.control import (
    Mesh,
    MeshFile,
    MeshStatus,
    files_of_mesh,
    read_file,
    read_mesh,
)
from trackflow.web.answers.byte_ranges import UnsatisfiableRangeError, read_range
from trackflow.web.answers.describing import Answers
from trackflow.web.answers.meshes import MESH_FILE, media_type_of
from trackflow.web.answers.sending import REVALIDATE, client_has
from trackflow.web.dependencies import ContextDep, guarded_router
from trackflow.web.routes.meshes import MeshId
from trackflow.web.security.access import open_to

router = guarded_router()

DRACO = "draco"
PACKED = {".glb": f".{DRACO}.glb"}
"""Endings of files that have a smaller variant, and the endings of that."""

POLICY = "default-src 'none'; sandbox"
"""A file is data, whatever a browser would make of it."""

PARTS: Answers = {
    206: {"description": "The asked range of bytes."},
    304: {"description": "The client has it already."},
    416: {"description": "The file ends before the asked range."},
}

FileName = Annotated[
    str, Path(description="As listed, such as `mesh.glb`.", max_length=100, pattern="^[^\\x00]*$")
]


@router.head("/api/v1/meshes/{mesh_id}/files/{file_name}", include_in_schema=False)
@router.get(
    "/api/v1/meshes/{mesh_id}/files/{file_name}",
    tags=["meshes"],
    summary="A file of a mesh",
    response_class=Response,
    responses=MESH_FILE | PARTS,
)
@open_to(Scope.READ)
def send_file(
    request: Request,
    context: ContextDep,
    mesh_id: MeshId,
    file_name: FileName,
    compression: Annotated[
        str, Query(description="`draco` for the smaller variant, if there is one.", max_length=20)
    ] = "",
) -> Response:
    """A file, or a part of it (`Range`); 404 if the mesh has no such file.

    A GLB is sent in its Draco variant, 10 to 16 times smaller, where `compression=draco` asks for
    it, in the query or as a parameter of the media type: `Accept: model/gltf-binary;
    compression=draco`. Its ETag is the SHA-256 of what is sent.
    """
    mesh = read_mesh(context, mesh_id)
    if mesh.status is MeshStatus.RETIRED:
        raise GoneError(f"the mesh {mesh_id} was deleted, or a newer one has replaced it")
    asks_draco = DRACO in (compression.lower(), _accepted_compression(request))
    file = _chosen(files_of_mesh(context, mesh_id), mesh_id, file_name, asks_draco)
    etag = f'"{file.sha256}"'
    headers = {
        "ETag": etag,
        "Cache-Control": REVALIDATE,
        "Vary": "Accept",
        "Accept-Ranges": "bytes",
        "Content-Security-Policy": POLICY,
        "Content-Disposition": _disposition(mesh, file.name),
    }
    if client_has(request, etag):
        return Response(status_code=304, headers=headers)
    return _send(request, context, mesh_id, file, headers)


def _send(
    request: Request, context: Context, mesh_id: str, file: MeshFile, headers: dict[str, str]
) -> Response:
    """The file or the asked part of it; each part is read whole, as storages hash whole files."""
    if_range = request.headers.get("if-range", headers["ETag"])
    asked = request.headers.get("range", "") if if_range == headers["ETag"] else ""
    try:
        part = read_range(asked, file.size_bytes)
    except UnsatisfiableRangeError:
        beyond = {**headers, "Content-Range": f"bytes */{file.size_bytes}"}
        return Response(status_code=416, headers=beyond)
    media_type = media_type_of(file.name)
    if request.method == "HEAD":
        return Response(
            headers={**headers, "Content-Length": str(file.size_bytes)}, media_type=media_type
        )
    _, body = read_file(context, mesh_id, file.name)
    if part is None:
        return Response(body, headers=headers, media_type=media_type)
    headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size_bytes}"
    return Response(
        memoryview(body)[part.start : part.stop], 206, headers=headers, media_type=media_type
    )


def _chosen(files: list[MeshFile], mesh_id: str, name: str, asks_draco: bool) -> MeshFile:
    by_name = {file.name: file for file in files}
    if asks_draco:
        for ending, packed in PACKED.items():
            if name.endswith(ending) and (small := name.removesuffix(ending) + packed) in by_name:
                return by_name[small]
    if name not in by_name:
        known = ", ".join(by_name) or "none yet"
        raise NotFoundError(f"the mesh {mesh_id} has no file {name!r}; there are: {known}")
    return by_name[name]


def _accepted_compression(request: Request) -> str:
    """The parameter `compression` of a GLB's media type in `Accept`."""
    for kind in request.headers.get("accept", "").lower().split(","):
        media_type, *parameters = (part.strip() for part in kind.split(";"))
        if media_type == "model/gltf-binary":
            for parameter in parameters:
                key, _, value = parameter.partition("=")
                if key.strip() == "compression":
                    return value.strip().strip('"')
    return ""


def _disposition(mesh: Mesh, name: str) -> str:
    """Shown in a browser that can; saved under the image's name, so that two meshes differ."""
    stem = re.sub(r"[^\w. -]", "_", mesh.image_name.rpartition(".")[0] or mesh.image_name)
    saved = f"{stem}{name.removeprefix('mesh') if name.startswith('mesh.') else f'-{name}'}"
    plain = saved.encode("ascii", "replace").decode().replace("?", "_")
    # Starlette's headers are Latin-1, and browsers take UTF-8 in this form only (RFC 6266)
    return f"inline; filename=\"{plain}\"; filename*=UTF-8''{quote(saved, safe='')}"
