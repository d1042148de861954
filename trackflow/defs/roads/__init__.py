"""Road networks, on which lines are matched."""
