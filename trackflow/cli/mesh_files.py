"""Meshes of image files, written beside them or into a folder; the store is not needed."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackflow.cli.common import plain, print_note, progress_bar
from trackflow.errors import BadInputError, MeshServiceError, SettingsError
from trackflow.files import whole_file

if TYPE_CHECKING:
    from trackflow.meshes.generate import GeneratedMesh

MAIN = "mesh"


def generate_files(
    images: Sequence[Path], parameters: Mapping[str, Any], out: Path | None
) -> tuple[list[dict[str, Any]], bool]:
    """Make a mesh of each image; returns what came of each, and whether one failed.

    A bad image does not stop the others.

    Raises:
        SettingsError: the folder cannot be made or written to.
        BadInputError: the parameters make no sense.
    """
    from trackflow.meshes.generators.embedded import EmbeddedGenerator
    from trackflow.meshes.parameter_checks import checked_parameters

    asked = checked_parameters(parameters)
    stems = Counter((out or path.parent, path.stem) for path in images)
    results = []
    generator = EmbeddedGenerator()
    try:
        with progress_bar("share") as progress:
            for path in images:
                name = path.name

                def on_progress(share: float, _step: str, name: str = name) -> None:
                    progress(name, int(share * 100), 100)

                try:
                    image = _read(path)
                    made = generator.generate(image, name, asked, on_progress=on_progress)
                except (BadInputError, MeshServiceError) as error:
                    print_note(f"{name}: {error}")
                    results.append({"image": str(path), "error_message": str(error)})
                    continue
                # two images of one name (a.png, a.tif) must not overwrite each other's files
                is_alone = stems[(out or path.parent, path.stem)] == 1
                stem = path.stem if is_alone else path.name
                written = _write(made, out or path.parent, stem)
                results.append(_result(path, made, written))
                report = made.report
                print_note(
                    f"{name}: {report.triangle_count:,} triangles, error "
                    f"{report.max_error_m:.3g} m; {written[0]}"
                )
    finally:
        generator.close()
    return results, any("error_message" in result for result in results)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot be read: {error.strerror}") from None


def _write(made: "GeneratedMesh", folder: Path, stem: str) -> list[Path]:
    """Write the files of a mesh; `mesh.glb` becomes `<stem>.glb`, the main one first."""
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in sorted(made.files.items(), key=lambda item: item[0] != "mesh.glb"):
            end = name.removeprefix(MAIN) if name.startswith(f"{MAIN}.") else f".{name}"
            path = folder / f"{stem}{end}"
            with whole_file(path) as file:
                file.write(content)
            written.append(path)
    except OSError as error:
        raise SettingsError(f"cannot write to {folder}: {error.strerror}") from None
    return written


def _result(path: Path, made: "GeneratedMesh", written: Sequence[Path]) -> dict[str, Any]:
    return {
        "image": str(path),
        "files": [str(one) for one in written],
        "report": plain(made.report),
    }
