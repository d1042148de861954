"""Tracks and points out of the store, as files of the usual formats."""
