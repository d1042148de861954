from trackflow.meshes.scene import Scene
from trackflow.meshes.solid import solid_of
from trackflow.meshes.writing import WRITERS
from trackflow_tests.meshes.formats.scenes import hill_with_track


def test_every_format_is_found_and_its_files_are_told_apart() -> None:
    assert set(WRITERS) == {"draco", "glb", "obj", "stl", "threemf"}
    endings = [writer.ENDING for writer in WRITERS.values()]
    assert len(set(endings)) == len(endings)
    assert {name for name, writer in WRITERS.items() if writer.IS_FOR_PRINTING} == {
        "stl",
        "threemf",
    }


def test_every_format_writes_several_bodies() -> None:
    scene = hill_with_track()
    surface, ribbon = scene.bodies
    printed = Scene([solid_of(surface, -100.0), ribbon])
    for writer in WRITERS.values():
        assert len(writer.write(printed if writer.IS_FOR_PRINTING else scene)) > 500
