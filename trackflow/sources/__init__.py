"""Readers of files with positions: bytes in, batches of points and refused rows out.

Knows no database. A reader never stops at a bad row: it hands it out with its reason.
"""
