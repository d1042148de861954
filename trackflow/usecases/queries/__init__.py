"""What pages, exports and the API read of the store."""
