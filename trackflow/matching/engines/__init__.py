"""Road engines behind one protocol: in this process, or over HTTP.

Requests and answers only; `matching` decides what to ask for and how good an answer is.
"""
