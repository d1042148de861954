"""Rows of access tokens, and the no-token mode.

The checks of requests and sessions belong to `trackflow.web.security`.
"""
