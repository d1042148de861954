"""What comes from npm: whole and unchanged, and the pages find all of it; and the world's map."""

import io
import re
import runpy
import subprocess
import sys
import tarfile
import zipfile
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import httpx
import orjson
import pytest

from trackflow.web.static_files import VENDORED, import_map_hash, static_file
from trackflow_tests.helpers.running_api import running_api
from trackflow_tests.helpers.stores import open_context

ROOT = Path(__file__).parents[2]
vendor = runpy.run_path(str(ROOT / "scripts" / "vendor.py"))
WORLD = ("land", "borders", "places")
IMPORT = re.compile(
    r"""^(?:import|export)\b[^;'"]*?\bfrom\s*'([^']+)'|^\} from '([^']+)'""", re.MULTILINE
)


def archive_of(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return out.getvalue()


def package(version: str = "1.0.0", files: tuple[str, ...] = ("LICENSE", "build/a.js")) -> Any:
    return vendor["Package"]("thing", version, "sha512-x", files)


def test_the_pinned_files_are_installed() -> None:
    for pinned in vendor["PACKAGES"]:
        assert vendor["is_there"](pinned, VENDORED), "run `python scripts/vendor.py`"
    for made in vendor["MADE"]:
        assert vendor["is_made"](made, VENDORED), "run `python scripts/vendor.py`"


def test_the_world_has_its_lands_and_towns_and_nothing_crosses_the_whole_map() -> None:
    files = {name: orjson.loads(static_file(f"world/{name}.geojson").body) for name in WORLD}
    places = files["places"]["features"]
    kinds = {place["properties"]["name"]: place["properties"]["kind"] for place in places}
    assert kinds["Finland"] == "country"
    assert kinds["Helsinki"] == kinds["Tokyo"] == "town"
    assert all(-181 < place["geometry"]["coordinates"][0] < 181 for place in places)
    (land,) = files["land"]["features"]
    (borders,) = files["borders"]["features"]
    rings = [ring for polygon in land["geometry"]["coordinates"] for ring in polygon]
    assert all(ring[0] == ring[-1] for ring in rings)
    for line in [*rings, *borders["geometry"]["coordinates"]]:
        for (x1, y1), (x2, y2) in pairwise(line):
            at_a_pole = min(abs(y1), abs(y2)) > 80
            assert abs(x2 - x1) < 180 or at_a_pole


def test_another_archive_than_the_pinned_one_is_refused() -> None:
    three = vendor["PACKAGES"][-1]
    with pytest.raises(SystemExit, match="not the pinned file"):
        vendor["checked"](three, archive_of({"LICENSE": b"MIT"}))


def test_a_registry_that_is_away_is_told_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NPM_CONFIG_REGISTRY", "http://127.0.0.1:9")
    monkeypatch.setenv("PATH", str(tmp_path))  # without npm
    with pytest.raises(SystemExit, match="NPM_CONFIG_REGISTRY"):
        vendor["vendor"](tmp_path / "vendored")
    assert not (tmp_path / "vendored").exists()


def test_a_package_is_unpacked_whole_or_not_at_all(tmp_path: Path) -> None:
    one, two = package(), package("2.0.0")
    vendor["unpack"](one, archive_of({"LICENSE": b"1", "build/a.js": b"1", "more": b""}), tmp_path)
    assert vendor["is_there"](one, tmp_path)
    assert not vendor["is_there"](two, tmp_path)
    assert not (tmp_path / "thing" / "more").exists()
    with pytest.raises(KeyError):
        vendor["unpack"](two, archive_of({"LICENSE": b"2"}), tmp_path)
    assert (tmp_path / "thing" / "build" / "a.js").read_bytes() == b"1"
    vendor["unpack"](two, archive_of({"LICENSE": b"2", "build/a.js": b"2"}), tmp_path)
    assert vendor["is_there"](two, tmp_path)
    (tmp_path / "thing" / "LICENSE").unlink()
    assert not vendor["is_there"](two, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thing"]


def test_every_import_of_the_vendored_modules_leads_to_a_vendored_file() -> None:
    """A new version may be split in another way: the viewer would not load."""
    page = static_file("meshes.html").body.decode()
    found = re.search(r'<script type="importmap">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    imports: dict[str, str] = orjson.loads(found[1])["imports"]
    checked = 0
    modules = sorted((VENDORED / "three").rglob("*.js"))
    viewer = ROOT / "trackflow" / "web" / "static" / "mesh-viewer.js"
    for module in [*modules, viewer]:
        if "draco" in str(module.parent):
            continue  # plain scripts of a worker
        for groups in IMPORT.findall(module.read_text()):
            wanted = next(filter(None, groups))
            name = _resolved(wanted, module, imports)
            assert static_file(name).body, wanted
            checked += 1
    assert checked >= 8


def _resolved(wanted: str, module: Path, imports: dict[str, str]) -> str:
    """The name of the file that a browser loads for an import."""
    if wanted.startswith("."):
        parts: list[str] = []
        for part in PurePosixPath(module.parent.relative_to(VENDORED), wanted).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        return "/".join(parts)
    prefix = max((key for key in imports if wanted.startswith(key)), key=len)
    return (imports[prefix] + wanted.removeprefix(prefix)).removeprefix("/static/")


def test_a_wheel_has_them_inside(tmp_path: Path) -> None:
    """They are no part of git, and builders leave out what git ignores."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = zipfile.ZipFile(wheel)
    for pinned in vendor["PACKAGES"]:
        for name in pinned.files:
            place = f"trackflow/web/vendored/{pinned.name}/{name}"
            assert packed.read(place) == (ROOT / place).read_bytes()
    assert any(
        "Apache License" in packed.read(n).decode() for n in packed.namelist() if "Draco" in n
    )


def test_the_page_and_its_viewer_are_served(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'trackflow.db'}"
    with open_context(url, tmp_path) as context, running_api(context) as api:
        for path in ("/meshes", "/meshes/some-mesh"):
            page = api.get(path)
            assert page.status_code == 200
            policy = _rules(page)
            allowed = import_map_hash(static_file("meshes.html"))
            assert policy["script-src"] == f"'self' 'wasm-unsafe-eval' {allowed}"
            assert policy["default-src"] == "'none'"
        assert "wasm" not in _rules(api.get("/"))["script-src"]
        core = api.get("/static/three/build/three.core.js")
        assert core.headers["Content-Type"].startswith("text/javascript")
        decoder = api.get("/static/three/examples/jsm/libs/draco/gltf/draco_decoder.wasm")
        assert decoder.headers["Content-Type"] == "application/wasm"
        assert decoder.content[:4] == b"\0asm"
        for name in ("three/.mark", "three/LICENSE", "three/../../app.py", "three/"):
            assert api.get(f"/static/{name}").status_code == 404, name


def _rules(page: httpx.Response) -> dict[str, str]:
    policy = page.headers["Content-Security-Policy"]
    return dict(rule.split(" ", 1) for rule in policy.split("; "))
