"""What trackers and phones send: the body of a request in, points and refusals out.

One module per client, with the names and units that the client uses; `admit` decides what is
accepted, as for files. No HTTP and no database: `web.routes.intake` receives the bodies.
"""
