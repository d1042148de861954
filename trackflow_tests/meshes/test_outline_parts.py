import io
from pathlib import Path

import pytest
import trimesh

from trackflow.errors import BadInputError
from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshKind, MeshParameters


def loaded(file: bytes, kind: str) -> trimesh.Trimesh:
    return trimesh.load(io.BytesIO(file), file_type=kind, force="mesh")


@pytest.mark.parametrize("name", ["horse.png", "coins.png"])
def test_an_outline_has_all_its_files_and_each_is_closed(test_data: Path, name: str) -> None:
    image = (test_data / "heightmaps" / name).read_bytes()
    asked = MeshParameters(
        kind=MeshKind.OUTLINE, detail_factor=0.001, levels=3, solid=True, print_width_mm=80
    )
    made = generate(image, name, asked)
    report = made.report
    assert report.is_watertight
    assert report.max_error_m <= report.asked_error_m
    viewed = [
        loaded(made.files[file], "glb") for file in ("mesh.glb", "level-2.glb", "level-3.glb")
    ]
    printed = [loaded(made.files["mesh.stl"], "stl"), loaded(made.files["mesh.3mf"], "3mf")]
    assert all(mesh.is_watertight for mesh in [*viewed, *printed])
    assert all(mesh.extents[0] == pytest.approx(80, rel=1e-5) for mesh in printed)
    assert viewed[0].volume == pytest.approx(report.volume_m3, rel=1e-4)
    counts = [report.triangle_count, *(level.triangle_count for level in report.levels)]
    assert [len(mesh.faces) for mesh in viewed] == counts
    assert counts == sorted(counts, reverse=True)
    for level in report.levels:
        assert level.max_error_m <= level.asked_error_m


def test_a_figure_as_simple_as_can_be_has_one_level(test_data: Path) -> None:
    image = (test_data / "heightmaps" / "horse.png").read_bytes()
    made = generate(image, "horse.png", MeshParameters(detail_factor=1.0, levels=5))
    assert made.report.levels == ()
    assert not any(name.startswith("level-") for name in made.files)


def test_no_figure_is_told_with_the_name_of_the_image(test_data: Path) -> None:
    image = (test_data / "heightmaps" / "coins.png").read_bytes()
    asked = MeshParameters(kind=MeshKind.OUTLINE, threshold=0.999)
    with pytest.raises(BadInputError, match=r"coins\.png shows no figure"):
        generate(image, "coins.png", asked)


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["extrusion_m", "base_mm", "print_width_mm"])
def test_sizes_of_bodies_are_above_zero(test_data: Path, name: str, value: float) -> None:
    image = (test_data / "heightmaps" / "horse.png").read_bytes()
    with pytest.raises(BadInputError, match=f"{name} makes no sense"):
        generate(image, "horse.png", MeshParameters(solid=True, **{name: value}))
