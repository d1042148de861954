"""Meshes of images: one partition per image, their checks, batches, syncs, cleanups and reports."""
