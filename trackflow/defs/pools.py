"""Pools: resources that several runs share, so that one limit can hold for all of them.

There is no limit unless one is set: `dagster instance concurrency set road_engine 2`, or in the UI
under Deployment, Concurrency. A pool spares a server; it is no lock, as a killed run frees its slot
while its process may still run.
"""

ROAD_ENGINE = "road_engine"
"""Steps that match: they need processor and memory, or an OSRM server."""

CATALOGUE_SOURCE = "catalogue_source"
"""The site that a catalogue is fetched from."""

GEOCODER = "geocoder"
"""The server that gives coordinates of addresses."""
