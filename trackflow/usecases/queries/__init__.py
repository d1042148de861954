"""Queries of pages, exports and the API. They only read; formats belong to `web` and `exports`."""
