"""One module for each file format; each is a `trackflow.exports.writing.Writer`."""
