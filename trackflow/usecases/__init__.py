"""Use cases, by subject: each claims, reads, calls the rules and publishes.

SQL belongs to `store`, rules to the packages of rules, output formats to `cli`, `web` and
`exports`. No Dagster here, so that any program can run a use case.
"""
