from pathlib import Path

import trackflow
from trackflow.sources.recognition import known_formats, understood

PAGE = Path(trackflow.__file__).parents[1] / "docs" / "formats.md"


def test_the_page_of_formats_has_each_format_once():
    rows = [line for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| `")]
    assert sorted(row.split("`")[1] for row in rows) == sorted(known_formats())
    assert len({row.count("|") for row in rows}) == 1


def test_messages_name_what_is_understood():
    for name in ("Excel", "Parquet", "NMEA", "IGC", "Home Assistant", "Samsung Health", "tar"):
        assert name in understood()
