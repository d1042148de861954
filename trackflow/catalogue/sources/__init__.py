"""Where catalogues of race tracks come from: one module for each source, behind one protocol.

A module offers its source by a function `connector(settings)`: the connector, or None where the
settings name no such source.
"""
