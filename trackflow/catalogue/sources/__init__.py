"""Sources of catalogues of race tracks: one module for each source, behind one protocol.

A connector asks and parses; `catalogue` checks and compares, `usecases.catalogue` stores.
"""
