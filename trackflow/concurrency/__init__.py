"""Doing several things at once: the only place with threads, pools, retries and limits.

Here belong the bounded processor, deadlines, rate limits, circuit breakers, kill switches, requests
with a total deadline, and the supervisor of processes. The state that processes share belongs to
`trackflow.store`; what a request means belongs to its caller.
"""
