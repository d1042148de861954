import subprocess
import sys
from pathlib import Path

LOOK = "import sys; from trackflow.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"


def test_an_import_is_over_without_pandas(tmp_path: Path) -> None:
    """It takes longer to load than all else that an import of a small file does."""
    (tmp_path / "a.csv").write_text(
        "device,time,lat,lon,speed\nd,2024-05-01T10:00:00Z,60.1,24.9,5\nd,2024-05-01T10:01,60.2,24,\n"
    )
    code = LOOK + "print('pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "import", str(tmp_path / "a.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 points added" in done.stdout
    assert done.stdout.splitlines()[-1] == "False"
