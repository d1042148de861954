"""Parts of extracts, as providers cut them: whole ways, beyond the edge too."""

from pathlib import Path

import osmium

from trackflow.geo.bbox import Bbox


def cut_out(extract: Path, box: Bbox, target: Path) -> Path:
    """Write the ways of an extract that have a node within a box."""
    nodes, ways = set(), set()
    for way in osmium.FileProcessor(extract, osmium.osm.NODE | osmium.osm.WAY).with_locations():
        if not isinstance(way, osmium.osm.Way):
            continue
        places = [node.location for node in way.nodes if node.location.valid()]
        if any(
            box.west <= at.lon <= box.east and box.south <= at.lat <= box.north for at in places
        ):
            ways.add(way.id)
            nodes |= {node.ref for node in way.nodes}
    with osmium.SimpleWriter(str(target)) as writer:
        for item in osmium.FileProcessor(extract, osmium.osm.NODE | osmium.osm.WAY):
            if isinstance(item, osmium.osm.Node) and item.id in nodes:
                writer.add_node(item)
            elif isinstance(item, osmium.osm.Way) and item.id in ways:
                writer.add_way(item)
    return target
