"""Rows of jobs and of live workers: claims, heartbeats, progress and results.

What a job of each kind does belongs to the use cases; batches of days belong to `store.days`.
"""
