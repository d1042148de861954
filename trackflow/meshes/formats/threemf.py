"""3MF (core specification 1.3), for printing: millimetres, one object per body with its colour.

The objects are components of one, so that no program that arranges a print bed parts them.
"""

import io
import zipfile
from xml.sax.saxutils import quoteattr

from trackflow.meshes.printing import in_millimetres
from trackflow.meshes.scene import Scene, colour_of
from trackflow.meshes.triangles import Triangles

ENDING = ".3mf"
IS_FOR_PRINTING = True

_MODEL_PATH = "3D/3dmodel.model"
_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_CONTENT_TYPES = (
    _HEAD + '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model" '
    'ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)
_RELATIONSHIPS = (
    _HEAD + '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    f'<Relationship Target="/{_MODEL_PATH}" Id="rel0" '
    'Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)
_NAMESPACE = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_MATERIALS_ID = 1


def write(scene: Scene) -> bytes:
    """A file with one object per body."""
    bodies = in_millimetres(scene)
    materials = "".join(
        f"<base name={quoteattr(body.name)} displaycolor={quoteattr(colour_of(body))}/>"
        for body in bodies
    )
    objects = "".join(_object(number, body) for number, body in enumerate(bodies))
    whole = len(bodies)
    parts = "".join(f'<component objectid="{_object_id(number)}"/>' for number in range(whole))
    together = (
        f'<object id="{_object_id(whole)}" type="model" name="mesh">'
        f"<components>{parts}</components></object>"
    )
    model = (
        f'{_HEAD}<model unit="millimeter" xml:lang="en-US" xmlns="{_NAMESPACE}">'
        '<metadata name="Application">trackflow</metadata>'
        f'<resources><basematerials id="{_MATERIALS_ID}">{materials}</basematerials>{objects}'
        f'{together}</resources><build><item objectid="{_object_id(whole)}"/></build></model>'
    )
    return _package(
        {
            "[Content_Types].xml": _CONTENT_TYPES,
            "_rels/.rels": _RELATIONSHIPS,
            _MODEL_PATH: model,
        }
    )


def _object_id(number: int) -> int:
    return _MATERIALS_ID + 1 + number


def _object(number: int, body: Triangles) -> str:
    """A body's XML; a millionth of a millimetre is nearer than any two corners lie."""
    vertices = "".join(
        f'<vertex x="{x:.6f}" y="{y:.6f}" z="{z:.6f}"/>' for x, y, z in body.vertices.tolist()
    )
    triangles = "".join(
        f'<triangle v1="{a}" v2="{b}" v3="{c}"/>' for a, b, c in body.faces.tolist()
    )
    return (
        f'<object id="{_object_id(number)}" type="model" name={quoteattr(body.name)} '
        f'pid="{_MATERIALS_ID}" pindex="{number}"><mesh><vertices>{vertices}</vertices>'
        f"<triangles>{triangles}</triangles></mesh></object>"
    )


def _package(parts: dict[str, str]) -> bytes:
    """A ZIP archive whose bytes depend on its parts only, not on the clock or the system."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, text in parts.items():
            entry = zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0))
            entry.compress_type, entry.create_system = zipfile.ZIP_DEFLATED, 3
            archive.writestr(entry, text)
    return file.getvalue()
