"""What readers of formats share: records of CSV, elements of JSON and XML, boxes of photos.

Syntax only: `values` gives names, numbers and times their meaning.
"""
