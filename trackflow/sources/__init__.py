"""Readers of files with positions: bytes in, batches of points and refused rows out.

No database and no HTTP: `usecases.intake` stores the points, `web` receives bodies. A reader never
stops at a bad row: it hands it out with its reason.
"""
