"""Commands for meshes, as their user meets them."""

import json
from pathlib import Path

import pytest

from trackflow_tests.helpers.commands import Run, caller
from trackflow_tests.usecases.meshes.pictures import hills

pytestmark = pytest.mark.xdist_group("mesh-commands")


@pytest.fixture
def trackflow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Run:
    for seed, name in enumerate(("a.png", "b.png")):
        (tmp_path / name).write_bytes(hills(seed))
    (tmp_path / "bad.png").write_bytes(b"nonsense")
    monkeypatch.chdir(tmp_path)
    return caller(monkeypatch, capfd, "mesh")


def test_meshes_of_files_lie_beside_them_and_a_bad_one_stops_no_other(
    trackflow: Run, tmp_path: Path
) -> None:
    code, out, err = trackflow("generate", "bad.png", "a.png", "--detail-factor", "0.2", "--json")
    assert code == 1
    bad, good = json.loads(out)
    assert "bad.png" in bad["error_message"]
    assert "bad.png: " in err
    assert good["report"]["kind"] == "terrain"
    assert (tmp_path / "a.glb").read_bytes().startswith(b"glTF")
    assert not (tmp_path / "bad.glb").exists()
    finer = json.loads(trackflow("generate", "a.png", "--out", "out", "--json")[1])
    assert finer[0]["report"]["triangle_count"] > good["report"]["triangle_count"]
    assert (tmp_path / "out" / "a.glb").is_file()


def test_images_of_one_name_do_not_overwrite_each_other(trackflow: Run, tmp_path: Path) -> None:
    (tmp_path / "a.pgm").write_bytes(hills(3))
    assert trackflow("generate", "a.png", "a.pgm").code == 0
    assert {path.name for path in tmp_path.glob("*.glb")} == {
        f"{name}{end}" for name in ("a.png", "a.pgm") for end in (".glb", ".draco.glb")
    }


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("generate", "a.png", "--kind", "sphere"), "terrain, outline"),
        (("generate", "a.png", "--detail-factor", "2"), "detail_factor"),
        (("generate", "a.png", "--store", "--out", "x"), "--out"),
        (("status", "none"), "there is no mesh none"),
        (("cancel", "none"), "there is no mesh none"),
        (("retry",), "--failed"),
        (("retry", "none"), "there is no mesh none"),
        (("list", "--status", "odd"), "queued"),
        (("report", "--month", "may"), "not a month"),
    ],
)
def test_mistakes_are_one_clear_line(trackflow: Run, arguments: tuple[str, ...], why: str) -> None:
    code, out, err = trackflow(*arguments)
    assert (code, out) == (1, "")
    assert why in err
    assert "trackflow: " in err


def test_the_life_of_a_batch(trackflow: Run, tmp_path: Path) -> None:
    code, out, _err = trackflow(
        "generate", "a.png", "b.png", "bad.png", "--store", "--project", "harbour", "--json"
    )
    assert code == 1, "one has failed"
    job = json.loads(out)
    assert (job["kind"], job["total"], job["completed"], job["failed"]) == ("mesh_batch", 3, 2, 1)
    by_name = {mesh["image_name"]: mesh for mesh in job["meshes"]}
    assert by_name["a.png"]["status"] == "completed"
    assert by_name["a.png"]["vertex_count"] > 0
    assert by_name["a.png"]["result_url"].endswith("/files/mesh.glb")
    assert by_name["bad.png"]["error_kind"] == "image"

    listed = json.loads(trackflow("list", "--status", "failed", "--json")[1])
    assert [mesh["image_name"] for mesh in listed] == ["bad.png"]
    assert trackflow("list", "--project", "other").out == "There are no meshes.\n"
    mesh_id = by_name["a.png"]["mesh_id"]
    shown = json.loads(trackflow("status", mesh_id, "--json")[1])
    assert {file["name"] for file in shown["files"]} >= {"mesh.glb"}
    assert "2 completed, 1 failed" in trackflow("status").out
    assert trackflow("status", mesh_id).out.count("mesh.glb") == 1

    code, out, _ = trackflow("retry", "--failed")
    assert code == 1
    assert "bad.png" in out
    report = json.loads(trackflow("report", "--json")[1])
    assert [p["project"] for p in report["projects"]] == ["harbour"]
    assert report["total"]["meshes"] == 2
    assert "| harbour | 2 |" in trackflow("report").out
    assert json.loads(trackflow("sync", "--dry-run", "--json")[1])["up_to_date"] == 2
    assert json.loads(trackflow("cleanup", "--dry-run", "--json")[1])["files"] == 0
    assert "0 files deleted" in trackflow("cleanup").out
    assert trackflow("cancel", mesh_id).out.count("completed") == 1


@pytest.mark.parametrize(
    "verb", ["generate", "list", "status", "retry", "cancel", "sync", "cleanup", "report"]
)
def test_help_has_an_example(trackflow: Run, verb: str) -> None:
    assert f"Example: trackflow mesh {verb}" in trackflow(verb, "--help").out
