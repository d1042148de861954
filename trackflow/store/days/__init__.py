"""Rows of days of devices: batches, segments, ledgers, tracks, and sums of them.

The rules that cut and merge belong to `trackflow.tracks`; lines of windows belong to `store.roads`.
"""
