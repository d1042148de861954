"""Runs of elements of one shape give what the parser gives element by element."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackflow.sources.formats import gpx
from trackflow.sources.options import ReadOptions
from trackflow.sources.parsing import xml_points, xml_runs
from trackflow.sources.parsing.xml_points import XmlParser
from trackflow_tests.helpers.reading import Outcome, read_bytes

TIMES = st.integers(0, 59).map(lambda s: f"2026-01-01T00:00:{s:02}Z")
NUMBERS = st.sampled_from(
    ["1.5", "60,1", "", " 2 ", "x", "-0", "1e2", "&amp;", "3 ", "]", "9\r\n9"]
)
BLANKS = st.sampled_from(["", "\n", "  ", "\r\n  ", "\t"])
ODD = st.sampled_from(
    [
        "<!-- a note -->", "<![CDATA[ <trkpt> ]]>", "<x>", "</x>", "<?pi?>", "text", "&bad;", "<",
        "<!-- open ", " -->", "<![CDATA[", "]]>", "</trkseg><trkseg>", "</trk><trk><trkseg>",
        "<trkpt lat='1' lon='2'/>", "<trkpt", "</trkpt>", '<wpt lat="1" lon="2"/>', "é", "\x01",
        "<name>other</name>", "</Track>", "<Track>", "</Placemark>", "<Placemark>", "</Course>",
        "<Course>", "<when>", "</when>", "<coord>", "<Data name='speed'><value>3</value></Data>",
    ]
)  # fmt: skip


@st.composite
def gpx_point(draw) -> str:
    lat, lon = draw(st.integers(-9, 9)), draw(st.sampled_from(["1", "2.5", "181", "x", "3,5"]))
    inner = "".join(
        draw(BLANKS) + part
        for part in draw(
            st.sampled_from([
                ["<ele>{n}</ele>", "<time>{t}</time>"], ["<time>{t}</time>"], [],
                ["<time>{t}</time>", "<extensions><a:speed>{n}</a:speed></extensions>"],
                ["<time>{t}</time>", '<extensions><x u="m"><hr/><speed>{n}</speed></x>',
                 "</extensions>"],
            ])
        )
    )  # fmt: skip
    inner = inner.format(n=draw(NUMBERS), t=draw(TIMES))
    return f'{draw(BLANKS)}<trkpt lat="{lat}" lon="{lon}">{inner}{draw(BLANKS)}</trkpt>'


@st.composite
def tcx_point(draw) -> str:
    place = draw(
        st.sampled_from([
            (
                "<Position><LatitudeDegrees>{n}</LatitudeDegrees>\n"
                "<LongitudeDegrees>2</LongitudeDegrees></Position>"
            ),
            "",
        ])
    )  # fmt: skip
    more = draw(st.sampled_from(["", "<AltitudeMeters>{n}</AltitudeMeters>"]))
    body = f"<Time>{{t}}</Time>{place}{more}".format(n=draw(NUMBERS), t=draw(TIMES))
    return f"{draw(BLANKS)}<Trackpoint>{body}{draw(BLANKS)}</Trackpoint>"


@st.composite
def kml_part(draw) -> str:
    form = draw(
        st.sampled_from([
            "<when>{t}</when>{b}<gx:coord>1 2 {n}</gx:coord>", "<when>{t}</when>",
            "<gx:coord>1 {n}</gx:coord>",
            (
                "<Placemark><name>a</name><TimeStamp><when>{t}</when></TimeStamp>{b}<Point>"
                "<coordinates>1,{n}</coordinates></Point></Placemark>"
            ),
        ])
    )  # fmt: skip
    return draw(BLANKS) + form.format(t=draw(TIMES), n=draw(NUMBERS), b=draw(BLANKS))


def repeated(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Parts in runs, with odd ones between them."""
    run = st.tuples(part, st.integers(1, 4)).map(lambda pair: pair[0] * pair[1])
    return st.lists(run | part | ODD, max_size=8).map("".join)


FILES = {
    "gpx": ("<gpx><trk><name>one</name><trkseg>", gpx_point(), "</trkseg></trk></gpx>"),
    "tcx": (
        "<TrainingCenterDatabase><Activities><Activity><Lap><Track>", tcx_point(),
        "</Track></Lap></Activity></Activities></TrainingCenterDatabase>",
    ),
    "kml": (
        "<kml><Document><Placemark><gx:Track>", kml_part(),
        "</gx:Track></Placemark></Document>",
    ),
}  # fmt: skip


def shown(found: Outcome, *, with_raw: bool) -> tuple:
    refused = [(r.reason, r.raw if with_raw else "", r.where, r.count) for r in found.refused]
    return found.rows, refused, found.error, found.skipped, found.naive


def one_by_one(text: str, kind: str, options: ReadOptions) -> Outcome:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(xml_runs.RunParser, "feed", XmlParser.feed)
        return read_bytes(text.encode(), kind, options=options)


@pytest.mark.parametrize("kind", FILES)
@pytest.mark.parametrize("piece_bytes", [150, 65_536])
def test_runs_give_what_each_element_gives(kind, piece_bytes, monkeypatch):
    monkeypatch.setattr(xml_points, "PIECE_BYTES", piece_bytes)
    begin, part, end = FILES[kind]

    @settings(max_examples=80)
    @given(repeated(part), st.booleans(), st.booleans())
    @example(
        "<!--" + '<trkpt lat="1" lon="2"><time>2026-01-01T00:00:00Z</time></trkpt>' * 3, True, True
    )
    def check(inner: str, is_whole: bool, label_tracks: bool) -> None:
        text = begin + inner + (end if is_whole else "")
        options = ReadOptions(label_tracks=label_tracks)
        # what is shown of broken markup ends where a piece ends
        fast, slow = (
            shown(found, with_raw=piece_bytes > len(text))
            for found in (
                read_bytes(text.encode(), kind, options=options),
                one_by_one(text, kind, options),
            )
        )
        assert fast == slow

    check()


POINT = '<trkpt lat="{}" lon="2">\n <ele>5</ele><time>2026-01-01T00:00:{:02}Z</time></trkpt>\n'


def test_nearly_all_points_of_a_plain_file_come_in_runs(monkeypatch):
    """So that a change after which nothing is taken as a run is noticed."""
    taken: list[int] = []
    original = gpx._PointParser.take_run

    def counted(self, run):
        taken.append(len(run))
        original(self, run)

    monkeypatch.setattr(gpx._PointParser, "take_run", counted)
    text = "<gpx><trk><trkseg>" + "".join(POINT.format(k % 90, k % 60) for k in range(3000))
    found = read_bytes(text.encode(), "gpx")
    assert len(found.points) == 3000
    assert sum(taken) > 2990
