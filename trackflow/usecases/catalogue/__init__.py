"""The catalogue of race tracks: synced, reported, undone. Rules belong to `catalogue`."""
