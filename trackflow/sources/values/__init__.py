"""Values as files and senders write them, to our units: numbers, times, zones, names.

No files here: `parsing` finds the values, and `formats` reads whole files.
"""
