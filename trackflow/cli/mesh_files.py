"""Meshes of image files, written beside them or into a folder; the store is not needed."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trackflow.cli.common import plain, print_note, progress_bar
from trackflow.errors import BadInputError, RetryableError, SettingsError
from trackflow.files import whole_file

if TYPE_CHECKING:
    from trackflow.concurrency.item_results import ItemResult
    from trackflow.meshes.generate import GeneratedMesh

MAIN = "mesh"

MOST_AT_ONCE = 10


def generate_files(
    images: Sequence[Path], parameters: Mapping[str, Any], out: Path | None
) -> tuple[list[dict[str, Any]], bool]:
    """Make a mesh of each image; returns the result of each, and whether one failed.

    A bad image does not stop the others.

    Raises:
        SettingsError: the folder cannot be made or written to.
        BadInputError: the parameters make no sense.
    """
    from trackflow.concurrency.processor import Processor
    from trackflow.meshes.parameter_checks import checked_parameters
    from trackflow.settings import Settings
    from trackflow.usecases.meshes.tools import child_generator

    asked = checked_parameters(parameters)
    stems = Counter((out or path.parent, path.stem) for path in images)
    workers = min(os.cpu_count() or 1, MOST_AT_ONCE, len(images))
    generator = child_generator(Settings.from_env(), workers)
    results = []
    try:
        with progress_bar("share") as progress:

            def make(path: Path, _deadline: object) -> "GeneratedMesh":
                def show(share: float, _step: str) -> None:
                    progress(path.name, int(share * 100), 100)

                return generator.generate(_read(path), path.name, asked, on_progress=show)

            # few in hand: each finished one waits in memory until it is written in order
            made = Processor(workers, name="meshes", ahead=2 * workers).run(images, make)
            for one in made:
                path = one.item
                # two images of one name (a.png, a.tif) must not overwrite each other's files
                is_alone = stems[(out or path.parent, path.stem)] == 1
                stem = path.stem if is_alone else path.name
                results.append(_written(one, out or path.parent, stem))
    finally:
        generator.close()
    return results, any("error_message" in result for result in results)


def _written(one: "ItemResult[Path, GeneratedMesh]", folder: Path, stem: str) -> dict[str, Any]:
    """Write the files of a mesh, or note why there are none."""
    if isinstance(one.error, BadInputError | RetryableError):
        print_note(f"{one.item.name}: {one.error}")
        return {"image": str(one.item), "error_message": str(one.error)}
    made = one.result()
    written = _write(made, folder, stem)
    report = made.report
    print_note(
        f"{one.item.name}: {report.triangle_count:,} triangles, error "
        f"{report.max_error_m:.3g} m; {written[0]}"
    )
    return _result(one.item, made, written)


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
