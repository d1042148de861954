"""Snapping points to real roads: engines, windows, seams, the quality gate, road networks.

Takes points and an engine, gives lines. No database and no Dagster: `usecases.roads` caches lines.
"""
