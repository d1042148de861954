"""Commands for meshes."""

from pathlib import Path
from typing import Annotated

import typer

from trackflow.cli.common import print_line

mesh_app = typer.Typer(help="3D meshes from images.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Add these commands to the `trackflow` command."""
    app.add_typer(mesh_app, name="mesh")


@mesh_app.command("generate", epilog="Example: trackflow mesh generate height-map.png")
def generate(
    images: Annotated[list[Path], typer.Argument(help="Image files.", show_default=False)],
) -> None:
    """Make a mesh of each image, beside it."""
    from trackflow.meshes.generate import generate
    from trackflow.meshes.parameters import MeshParameters

    for path in images:
        made = generate(path.read_bytes(), path.name, MeshParameters())
        path.with_suffix(".glb").write_bytes(made.files["mesh.glb"])
        print_line(f"{path.name}: {made.report.triangle_count:,} triangles")
