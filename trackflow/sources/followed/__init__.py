"""Tables of positions in other databases, followed by their id and never changed.

The only SQL outside the store. `store.intake` keeps how far each table has been read.
"""
