"""The Dagster definitions, and the only code that imports Dagster.

Everything here is thin: it calls one use case of `trackflow.usecases` and reports what came of it.
By what it is about: `points` (what comes in), `roads` (road networks), `days` (the work by day).
"""
