"""Rows of lines on roads and of the road networks in use; the breaker around a road engine.

Matching itself and the building of networks belong to `trackflow.matching`.
"""
