import subprocess
import sys
from pathlib import Path

LOOK = "import sys; from trackflow.__main__ import main\ntry: main()\nexcept SystemExit: pass\n"


FIRST = """
import io
class Out(io.TextIOWrapper):
    loaded = None
    def write(self, text):
        if Out.loaded is None:
            Out.loaded = {"numpy", "pyarrow", "sqlalchemy"} & sys.modules.keys()
        return super().write(text)
sys.stdout = Out(sys.stdout.detach())
"""


def test_an_import_says_at_once_what_it_reads_and_is_over_without_pandas(tmp_path: Path) -> None:
    """What reads takes half a second to load, pandas longer than all else for a small file."""
    (tmp_path / "a.csv").write_text(
        "device,time,lat,lon,speed\nd,2024-05-01T10:00:00Z,60.1,24.9,5\nd,2024-05-01T10:01,60.2,24,\n"
    )
    code = LOOK.replace("try:", FIRST + "try:") + "print(Out.loaded, 'pandas' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, "import", str(tmp_path / "a.csv")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "2 points added" in done.stdout
    assert done.stdout.startswith("Reading a.csv (0.1 kB)")
    assert done.stdout.splitlines()[-1] == "set() False"
