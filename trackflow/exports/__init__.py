"""Exports of tracks, points and visits: data frames, files of common formats, pictures of days.

Each file format is one module of `formats`. Queries of the store belong to `usecases.queries`.
"""
