from collections.abc import Iterator

import pytest

from trackflow_tests.helpers.mesh_services import MeshService, mesh_service


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshService]:
    """One service for all tests of the group: each has meshes of its own."""
    home = tmp_path_factory.mktemp("mesh-service") / "home"
    limits = {"mesh_memory_mb": "1500", "mesh_megapixels": "20", "mesh_image_mb": "16"}
    with mesh_service(home, mesh_workers="2", **limits) as found:
        yield found
