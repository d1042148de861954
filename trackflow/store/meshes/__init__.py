"""Rows of images, meshes, their batches and their usage, and the storage of their files."""
