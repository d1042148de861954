"""Tokens, and the mode without one."""
