"""Files, folders and archives, packed or not, with an end to what they unpack to.

Streams of bytes only: `recognition` finds their format, and `formats` reads it.
"""
