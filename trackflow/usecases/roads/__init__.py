"""Lines on roads: matching stages, road networks, the base map. Rules live in `matching`."""
