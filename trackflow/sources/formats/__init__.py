"""One module for each file format: bytes in, chunks of points and refused rows out.

Each has a `FORMAT`. What several formats share is in `parsing` and `values`.
"""
