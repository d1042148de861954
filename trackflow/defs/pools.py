"""Pools: what several runs share, so that a limit on it can be set for all of them.

There is no limit unless one is set: `dagster instance concurrency set road_engine 2`, or in the UI
under Deployment, Concurrency. A pool spares a server; it is no lock, as a killed run gives its
place back while its process may still be at work.
"""

ROAD_ENGINE = "road_engine"
"""Whatever matches: processor and memory, or an OSRM server."""

CATALOGUE_SOURCE = "catalogue_source"
"""The site that a catalogue is fetched from."""

GEOCODER = "geocoder"
"""The server that is asked where an address is."""
