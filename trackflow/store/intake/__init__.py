"""Rows of points and of their arrival: admission, imports, reports, quarantine, inbox.

Readers of files and requests belong to `trackflow.sources`; batches, which admitted points mark,
belong to `store.days`.
"""
