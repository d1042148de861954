"""Rows of devices: their settings, and the moving and deleting of everything that they sent.

Points as they arrive belong to `store.intake`, tracks and batches to `store.days`.
"""
