"""One module for each file format: bytes in, chunks of points and refused rows out."""
