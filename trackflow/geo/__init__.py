"""Positions on the Earth as arrays: points, distances, tiles, encoded lines.

Imports nothing of trackflow but errors. Longitudes and latitudes are degrees (WGS 84), lengths are
metres, times are UTC microseconds since 1970 unless a name has another unit.
"""
