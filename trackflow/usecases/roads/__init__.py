"""Lines on roads: matching, networks, the base map."""
