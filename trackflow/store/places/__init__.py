"""Places of race tracks, and visits to them."""
