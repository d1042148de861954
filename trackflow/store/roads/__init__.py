"""Lines on roads, and the networks that they were matched with."""
