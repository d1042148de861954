"""Tables of positions in other databases, followed by their id and never changed."""
