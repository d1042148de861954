"""Look at a served map, as a program of its own: `map_look CHROMIUM FOLDER URL`."""

import sys
from pathlib import Path

from trackflow_tests.helpers.browser import WEBGL, open_page

TRACKS = "document.getElementById('map').map.queryRenderedFeatures({layers: ['tracks']}).length > 0"


def main(chromium: str, folder: str, url: str) -> None:
    """Wait until tracks are drawn; a picture is left in the folder."""
    with open_page(chromium, Path(folder) / "profile", WEBGL) as page:
        page.goto(url)
        page.wait_for("document.body?.dataset.mapReady")
        page.wait_for(TRACKS)
        page.wait_for_text("Devices 2")
        page.screenshot(Path(folder) / "map.png")
    sys.stdout.write("The map shows tracks.\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
