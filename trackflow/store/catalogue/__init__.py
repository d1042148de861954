"""The catalogue of race tracks and its syncs."""
