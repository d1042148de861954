"""The routes of the API, one module for each subject. They call use cases and never the store."""
