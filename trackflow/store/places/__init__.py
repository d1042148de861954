"""Rows of race tracks' coordinates and of visits to them.

The rules that find visits, and geocoders, belong to `trackflow.places`.
"""
