"""The catalogue of race tracks, where they are, and who stayed there."""
