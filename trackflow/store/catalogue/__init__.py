"""Rows of the catalogue of race tracks, of its syncs and of kill switches.

Parsing and comparing belong to `trackflow.catalogue`, coordinates and visits to `store.places`.
"""
