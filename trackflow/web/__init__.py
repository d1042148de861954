"""The HTTP API and the map page. It only reads the store, or stores deliveries.

No request ever waits for the road engine: a delivery is answered when it is stored, and a map shows
the lines that the workers have made.
"""
