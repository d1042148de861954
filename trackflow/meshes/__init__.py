"""Meshes from images: terrain from height maps, bodies from outlines, and the files of both.

Values in, values out: bytes of an image and parameters become triangles, files and a report. No
database, no Dagster, no network.
"""
