import io
from dataclasses import replace
from pathlib import Path

import pytest
import trimesh

from trackflow.errors import BadInputError
from trackflow.geo import polylines
from trackflow.meshes.generate import generate
from trackflow.meshes.parameters import MeshParameters
from trackflow_tests.meshes.formats.scenes import document_of

MONACO = MeshParameters(max_error_m=100.0, solid=True, draco=False, thumbnail=False)


def lines_across(lon: float) -> tuple[str, ...]:
    return (polylines.encode([lon, lon + 0.2, lon + 0.5], [43.6, 43.8, 43.75]),)


@pytest.fixture(scope="module")
def tile(test_data: Path) -> bytes:
    return (test_data / "heightmaps" / "hgt" / "N43E007.hgt.zip").read_bytes()


def volume_of(stl: bytes) -> float:
    mesh = trimesh.load(io.BytesIO(stl), file_type="stl")
    assert mesh.is_watertight
    return float(mesh.volume)


@pytest.mark.parametrize("is_groove", [False, True])
def test_a_track_is_shown_on_real_ground_and_printed(tile: bytes, is_groove: bool) -> None:
    plain = generate(tile, "N43E007.hgt.zip", MONACO)
    asked = replace(MONACO, tracks=lines_across(7.2), groove=is_groove)
    made = generate(tile, "N43E007.hgt.zip", asked)
    document = document_of(made.files["mesh.glb"])
    assert [mesh["name"] for mesh in document["meshes"]] == ["terrain", "track"]
    low, high = (
        document["accessors"][document["meshes"][1]["primitives"][0]["attributes"]["POSITION"]][key]
        for key in ("min", "max")
    )
    # 0.5 degrees of longitude are half a tile: about 40 km; 0.2 of latitude 22 km
    assert high[0] - low[0] == pytest.approx(40_400, rel=0.05)
    assert high[2] - low[2] == pytest.approx(22_200, rel=0.05)
    difference = volume_of(made.files["mesh.stl"]) - volume_of(plain.files["mesh.stl"])
    assert (difference < 0) == is_groove
    assert made.report.is_watertight


def test_a_track_elsewhere_leaves_the_terrain_alone_and_says_so(tile: bytes) -> None:
    made = generate(tile, "N43E007.hgt.zip", replace(MONACO, tracks=lines_across(17.2)))
    assert len(document_of(made.files["mesh.glb"])["meshes"]) == 1
    assert "the track lies beside the terrain" in made.report.notes


def test_an_image_without_a_place_takes_no_track(test_data: Path) -> None:
    image = (test_data / "heightmaps" / "terrarium.png").read_bytes()
    with pytest.raises(BadInputError, match="does not say where"):
        generate(image, "terrarium.png", replace(MONACO, tracks=lines_across(7.2)))
