"""Doing several things at once: the only place with threads, pools, retries and limits."""
