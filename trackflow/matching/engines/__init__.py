"""Road engines behind one protocol: in this process, or over HTTP."""
