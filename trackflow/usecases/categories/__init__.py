"""Legs and categories of tracks: brought up to date, decided by people, previewed."""
