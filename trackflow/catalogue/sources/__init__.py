"""Sources of catalogues of race tracks: one module for each source, behind one protocol.

A module offers its source by a function `connector(settings)`: the connector, or None where the
settings name no such source. A connector asks and parses; `catalogue` checks and compares.
"""
