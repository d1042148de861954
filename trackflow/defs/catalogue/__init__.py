"""The catalogue of race tracks: syncs, coordinates, and visits of devices."""
