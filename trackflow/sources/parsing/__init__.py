"""What readers share: records of CSV, elements of JSON and XML, boxes of photos."""
