"""What two other libraries say of a body."""

import manifold3d
import numpy as np
import pytest
import trimesh

from trackflow.meshes.closed import open_reason, volume_m3
from trackflow.meshes.triangles import Triangles


def assert_closed(body: Triangles) -> None:
    """The code, trimesh and manifold3d agree that a body is closed and that its volume is right."""
    assert open_reason(body) is None
    mesh = trimesh.Trimesh(body.vertices, body.faces)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    manifold = manifold3d.Manifold(
        manifold3d.Mesh64(np.ascontiguousarray(body.vertices), body.faces.astype(np.uint64))
    )
    assert manifold.status() == manifold3d.Error.NoError
    volume = volume_m3(body)
    assert volume > 0
    assert mesh.volume == pytest.approx(volume, rel=1e-6)
    assert manifold.volume() == pytest.approx(volume, rel=1e-6)
