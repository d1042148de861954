"""Points to segments to tracks: cleaning, cuts, stops, merging, the ledger, explanations.

Values in, values out. Every decision is local (it depends only on points within
`Thresholds.reach_s` of it), which is why days computed apart equal one pass over everything.
"""
