"""The HTTP API and the map page. It only reads what is stored, or stores what came in.

No request ever waits for the road engine: whoever posts a point is answered when it is stored, and
whoever opens a map gets the lines that the workers have made.
"""
