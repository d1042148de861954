"""Snapping points to real roads: engines, windows, seams, the quality gate, road networks.

Takes points and an engine, gives lines. Knows no database and no Dagster.
"""
