"""What trackers and phones send: the body of a request in, points and refusals out.

One module per client. Each knows how its client names things and in which units; what comes in is
decided by `door.admit`, as for files. Knows neither HTTP nor a database.
"""
