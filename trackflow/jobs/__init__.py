"""Jobs that someone watches: what a worker tells of one while it is at it."""
